package facetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // the fake takes what Go decodes
	_ "image/jpeg" // likewise
	"image/png"
	"math"
	"math/rand/v2"

	"lineup/indexer/face"
	"lineup/schemas"
)

// Fake is an Embedder without a face in sight. Photos made by Photo, Crowd and Blank say
// themselves who is on them; any other picture is taken for a photo of one person, another one
// for every picture.
type Fake struct{}

// side of the square pictures Photo, Crowd and Blank make.
const side = 64

// mark stands in the first pixels of a made photo.
const mark = "lineup-faketest"

// Model implements face.Embedder.
func (Fake) Model() schemas.Model {
	return schemas.Model{
		ID: "fake", Dimensions: 128, Metric: "euclidean", MaxDistance: 0.6,
		FalseMatch: []schemas.CurvePoint{{Distance: 0.341, Rate: 1e-4}, {Distance: 0.392, Rate: 1e-3}, {Distance: 0.449, Rate: 1e-2}},
	}
}

// Close implements face.Embedder.
func (Fake) Close() error { return nil }

// Photo makes a PNG of person. Views of one person are different bytes and embeddings about 0.2
// apart; different people are about 1 apart.
func Photo(person, view uint32) []byte { return made([]uint32{person}, view) }

// Crowd makes a PNG of several people, the first with the largest face.
func Crowd(people ...uint32) []byte { return made(people, 0) }

// Blank makes a PNG that shows nobody; pictures of one kind are the same bytes.
func Blank(kind uint32) []byte { return made(nil, kind) }

func made(people []uint32, view uint32) []byte {
	text := append([]byte(mark), byte(len(people)))
	text = binary.LittleEndian.AppendUint32(text, view)
	for _, p := range people {
		text = binary.LittleEndian.AppendUint32(text, p)
	}
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	r := rand.New(rand.NewChaCha8(sha256.Sum256(text)))
	for i := range 64 { // fields of 8 x 8 pixels, so that hashes of different photos differ
		c := color.NRGBA{R: uint8(r.Uint32()), G: uint8(r.Uint32()), B: uint8(r.Uint32()), A: 0xff}
		for j := range 64 {
			img.SetNRGBA(i%8*8+j%8, i/8*8+j/8, c)
		}
	}
	for i, b := range text { // one byte a pixel, in red
		img.Pix[4*i] = b
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		panic("encode a PNG in memory: " + err.Error())
	}
	return buf.Bytes()
}

// Embed implements face.Embedder.
func (Fake) Embed(ctx context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	if err := ctx.Err(); err != nil {
		return face.Result{}, err
	}
	img, format, err := image.Decode(bytes.NewReader(photo))
	if err != nil {
		return face.Result{}, &face.Problem{Code: face.CodeNotAnImage, Text: "This is not a photo. Send a JPEG or PNG file."}
	}
	if purpose == face.Probe && format == "gif" {
		return face.Result{}, &face.Problem{Code: face.CodeUnsupportedFormat, Text: "Photos of the format gif are not taken here."}
	}
	size := img.Bounds().Size()
	r := face.Result{Format: format, Width: size.X, Height: size.Y, Hash: hash(img)}
	people, view, ok := whose(img)
	if !ok {
		sum := sha256.Sum256(photo)
		people, view = []uint32{binary.LittleEndian.Uint32(sum[:])}, 0
	}
	if len(people) == 0 {
		return face.Result{}, &face.Problem{Code: face.CodeNoFace, Text: "No face was found.", Result: r}
	}
	r.Embedding = embedding(people[0], view)
	r.Box = schemas.Box{Right: size.X, Bottom: size.Y}
	r.Quality = schemas.Quality{FacePixels: min(size.X, size.Y), Sharpness: 80, Brightness: 50, Score: 90, Step: "native"}
	for i := 1; i < len(people); i++ {
		r.Others = append(r.Others, schemas.Box{Left: i, Top: i, Right: size.X - i, Bottom: size.Y - i})
		r.Quality.Warnings = []string{string(face.CodeSeveralFaces)}
	}
	if purpose == face.Probe && len(r.Others) > 0 {
		return face.Result{}, &face.Problem{Code: face.CodeSeveralFaces, Text: "The photo shows several faces.", Result: r}
	}
	return r, nil
}

// whose reads what made wrote.
func whose(img image.Image) (people []uint32, view uint32, ok bool) {
	b := img.Bounds()
	if b.Dx() != side || b.Dy() != side {
		return nil, 0, false
	}
	var text []byte
	for i := range side * 2 {
		r, _, _, _ := img.At(b.Min.X+i%side, b.Min.Y+i/side).RGBA()
		text = append(text, byte(r>>8))
	}
	text, ok = bytes.CutPrefix(text, []byte(mark))
	if !ok {
		return nil, 0, false
	}
	n, view := int(text[0]), binary.LittleEndian.Uint32(text[1:])
	for text = text[5:]; n > 0 && len(text) >= 4; n, text = n-1, text[4:] {
		people = append(people, binary.LittleEndian.Uint32(text))
	}
	return people, view, true
}

// embedding is a point near the person's own: centres of length 0.75 lie about 1 apart, and two
// views of one person about 0.2.
func embedding(person, view uint32) []float32 {
	centre, off := direction(fmt.Sprint("person ", person)), direction(fmt.Sprint("view ", person, " ", view))
	out := make([]float32, len(centre))
	for i := range out {
		out[i] = float32(0.75*centre[i] + 0.14*off[i])
	}
	return out
}

func direction(of string) [128]float64 {
	r := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(of))))
	var v [128]float64
	var norm float64
	for i := range v {
		v[i] = r.NormFloat64()
		norm += v[i] * v[i]
	}
	for i := range v {
		v[i] /= math.Sqrt(norm)
	}
	return v
}

// hash compares the brightness of neighbouring fields, like a real one.
func hash(img image.Image) uint64 {
	b := img.Bounds()
	at := func(x, y int) uint32 {
		r, g, bl, _ := img.At(b.Min.X+(2*x+1)*b.Dx()/18, b.Min.Y+(2*y+1)*b.Dy()/16).RGBA()
		return r + g + bl
	}
	var h uint64
	for y := range 8 {
		for x := range 8 {
			h <<= 1
			if at(x+1, y) > at(x, y) {
				h |= 1
			}
		}
	}
	return max(h, 1)
}
