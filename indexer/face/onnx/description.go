// Package onnx is a face embedder over any ONNX model of faces, through ONNX Runtime. The model is
// data: a description says what file it is, how its input is made of a face, and who may use it.
// The runtime is a shared library that is opened when an embedder is made: nothing is linked with
// it, and a program that makes none does not need it. Faces are found by another embedder.
package onnx

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"lineup/schemas"
)

// Description says what a model is and how it is used.
type Description struct {
	ID      string `yaml:"id"`
	Base    string `yaml:"base"` // a shipped description that this one completes; "" for none
	File    string `yaml:"file"` // of the weights, in the directory of the face models
	Bytes   int64  `yaml:"bytes"`
	SHA256  string `yaml:"sha256"` // lower-case hex
	URL     string `yaml:"url"`    // where its makers publish it
	Licence string `yaml:"licence"`
	Use     string `yaml:"use"` // "anyone", or "research" alone
	Note    string `yaml:"note"`

	Input       Input                `yaml:"input"`
	Points      [][2]float64         `yaml:"points"`       // where dlib's five landmarks go, in pixels of the input
	Length      int                  `yaml:"length"`       // of the network's output
	MaxDistance float64              `yaml:"max_distance"` // of embeddings of length 1, and of the sum in a fusion
	FalseMatch  []schemas.CurvePoint `yaml:"false_match"`  // share of strangers by distance; empty: not known
	Fusion      *Fusion              `yaml:"fusion"`
}

// Input is how pixels become the network's input, one plane a colour: (value - Mean) * Scale.
type Input struct {
	Side  int     `yaml:"side"`  // pixels of the square
	Order string  `yaml:"order"` // "rgb" or "bgr"
	Mean  float64 `yaml:"mean"`
	Scale float64 `yaml:"scale"`
}

// Fusion makes the model the sum of two: this one, and the one that found the face. Each one's
// embedding is divided by its scale and both are put into one vector, so that its squared distance
// is the sum of theirs, each measured by its own scale.
type Fusion struct {
	Scales [2]float64 `yaml:"scales"` // of this model's distance, and of the other's
}

//go:embed models/*.yaml
var shipped embed.FS

// Shipped are the names of the descriptions that come with the program.
func Shipped() []string {
	entries, err := shipped.ReadDir("models")
	if err != nil {
		return nil // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Describe reads a description: a shipped one by its name, or a file. Errors say which line or
// which part of it is wrong.
func Describe(nameOrFile string) (Description, error) {
	data, err := shipped.ReadFile("models/" + nameOrFile + ".yaml")
	if err != nil {
		if data, err = os.ReadFile(nameOrFile); err != nil {
			return Description{}, fmt.Errorf("read the model description %s: %w; shipped are %s", nameOrFile, err, strings.Join(Shipped(), ", "))
		}
	}
	d, err := completed(data, len(Shipped()))
	if err != nil {
		return Description{}, fmt.Errorf("read the model description %s: %w", nameOrFile, err)
	}
	if err := d.Validate(); err != nil {
		return Description{}, fmt.Errorf("the model description %s: %w", nameOrFile, err)
	}
	return d, nil
}

// completed reads a description over its base, that over its own, and so on; so many of them at most.
func completed(data []byte, most int) (d Description, err error) {
	if err := decode(data, &d); err != nil || d.Base == "" {
		return d, err
	}
	text, err := shipped.ReadFile("models/" + d.Base + ".yaml")
	if err != nil || most == 0 {
		return Description{}, fmt.Errorf("base %q is none of %s", d.Base, strings.Join(Shipped(), ", "))
	}
	if d, err = completed(text, most-1); err != nil {
		return Description{}, err
	}
	return d, decode(data, &d)
}

func decode(data []byte, d *Description) error {
	return yaml.UnmarshalWithOptions(data, d, yaml.Strict())
}

// Validate says what is wrong with a description; all of it.
func (d Description) Validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(d.ID == "", "id is missing")
	wrong(d.File == "" || d.File != filepath.Base(d.File), "file %q is no name of a file", d.File)
	wrong(d.Licence == "", "licence is missing")
	wrong(d.Use != "anyone" && d.Use != "research", "use is %q, want anyone or research", d.Use)
	wrong(d.Input.Side < 16 || d.Input.Side > 1024, "input.side is %d, want 16 to 1024", d.Input.Side)
	wrong(d.Input.Order != "rgb" && d.Input.Order != "bgr", "input.order is %q, want rgb or bgr", d.Input.Order)
	wrong(d.Input.Scale == 0 || math.IsInf(d.Input.Scale, 0) || math.IsNaN(d.Input.Scale), "input.scale is %v", d.Input.Scale)
	wrong(len(d.Points) != 5, "points has %d places, want 5", len(d.Points))
	wrong(d.Length < 2 || d.Length > 2048, "length is %d, want 2 to 2048", d.Length)
	wrong(!(d.MaxDistance > 0), "max_distance is %v, want more than 0", d.MaxDistance)
	wrong(len(d.FalseMatch) == 1, "false_match has one point, want none or two and more")
	for i := 1; i < len(d.FalseMatch); i++ {
		a, b := d.FalseMatch[i-1], d.FalseMatch[i]
		wrong(a.Distance >= b.Distance || a.Rate >= b.Rate, "false_match does not increase at %v, %v", a, b)
	}
	if d.Fusion != nil {
		wrong(!(d.Fusion.Scales[0] > 0) || !(d.Fusion.Scales[1] > 0), "fusion.scales are %v, want two above 0", d.Fusion.Scales)
	}
	return errors.Join(errs...)
}

// verify compares the weights in dir with the description.
func (d Description) verify(dir string) (path string, err error) {
	path = filepath.Join(dir, d.File)
	if d.SHA256 == "" || d.Bytes <= 0 {
		return "", fmt.Errorf("the description of %s has no sum of its weights: %s", d.ID, d.Note)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open the weights of %s: %w; fetch them from %s (licence: %s)", d.ID, err, d.URL, d.Licence)
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, d.Bytes+1)) // one byte more is enough to know that it is wrong
	if err != nil {
		return "", fmt.Errorf("read the weights of %s: %w", d.ID, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != d.Bytes || got != d.SHA256 {
		return "", fmt.Errorf("the weights of %s in %s have the sum %s, want %s; delete the file and fetch it from %s", d.ID, path, got, d.SHA256,
			d.URL)
	}
	return path, nil
}

// Model describes the embeddings, given the model that finds the faces.
func (d Description) Model(located schemas.Model) schemas.Model {
	m := schemas.Model{ID: d.ID + "/" + located.ID, Dimensions: d.Length, Metric: schemas.Euclidean, MaxDistance: d.MaxDistance,
		FalseMatch: d.FalseMatch}
	if d.Fusion != nil {
		m.Dimensions += located.Dimensions
	}
	return m
}
