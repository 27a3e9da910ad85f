package main

import (
	"bufio"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"aead.dev/minisign"
	"github.com/CycloneDX/cyclonedx-go"
)

// bill writes the bill of materials (CycloneDX 1.6): the modules that the program's build info names, and the C libraries linked in.
func (p plan) bill(libraries string) (err error) {
	info, err := buildinfo.ReadFile(p.program)
	if err != nil {
		return fmt.Errorf("read what the program is made of: %w", err)
	}
	list := []cyclonedx.Component{{BOMRef: "pkg:golang/stdlib@" + info.GoVersion, Type: cyclonedx.ComponentTypeLibrary, Name: "stdlib",
		Version: info.GoVersion, PackageURL: "pkg:golang/stdlib@" + info.GoVersion}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		url := "pkg:golang/" + m.Path + "@" + m.Version
		list = append(list, cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
			PackageURL: url})
	}
	more, err := linked(libraries)
	if err != nil {
		return err
	}
	list = append(list, more...)
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: p.at.Format("2006-01-02T15:04:05Z"), Component: &cyclonedx.Component{
		BOMRef: "lineup", Type: cyclonedx.ComponentTypeApplication, Name: "lineup", Version: p.version,
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}}}}
	bom.Components = &list
	f, err := os.Create(p.name(".cdx.json"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
}

// linked reads the list of C libraries: one a line, name, version and licence separated by tabs. Without a file there are none.
func linked(path string) (list []cyclonedx.Component, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q has not three fields", path, lines.Text())
		}
		url := "pkg:deb/debian/" + fields[0] + "@" + fields[1]
		list = append(list, cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: fields[0], Version: fields[1],
			PackageURL: url,
			Licenses:   &cyclonedx.Licenses{{Expression: fields[2]}}})
	}
	return list, lines.Err()
}

const sumsFile = "SHA256SUMS"

// writeSums writes SHA256SUMS over all files in out, in sha256sum's format, and signs it with the minisign key if there is one.
func writeSums(out, key string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), sumsFile) {
			continue
		}
		sum, err := sumOf(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, e.Name())
	}
	if text.Len() == 0 {
		return fmt.Errorf("%s has no files", out)
	}
	path := filepath.Join(out, sumsFile)
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil || key == "" {
		return err
	}
	password, ok := os.LookupEnv("MINISIGN_PASSWORD")
	if !ok {
		return errors.New("signing needs the key's password in MINISIGN_PASSWORD (empty for a key without)")
	}
	secret, err := minisign.PrivateKeyFromFile(password, key)
	if err != nil {
		return fmt.Errorf("read the signing key %s: %w", key, err)
	}
	return os.WriteFile(path+".minisig", minisign.Sign(secret, []byte(text.String())), 0o644)
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
