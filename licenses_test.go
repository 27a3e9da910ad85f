package lineup_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup"
)

var update = flag.Bool("update", false, "write licenses/go-modules.txt")

type module struct {
	Path, Version, Dir string
	Replace            *module
}

// linked are the modules the program is made of, without itself and the standard library.
func linked(t *testing.T) (all []module) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Module", "./cmd/lineup").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ Module *module }
		if err := decoder.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && p.Module.Path != "lineup" && !slices.ContainsFunc(all, func(m module) bool { return m.Path == p.Module.Path }) {
			all = append(all, *p.Module)
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// terms reads the licence files of a module.
func terms(t *testing.T, m module) string {
	t.Helper()
	files, err := os.ReadDir(m.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var texts, names []string
	name := regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|notice)([.-].*)?$`)
	for _, f := range files {
		if !f.IsDir() && name.MatchString(f.Name()) {
			names = append(names, f.Name())
		}
	}
	if m.Path == "github.com/golang/freetype" {
		names = append(names, "licenses/ftl.txt") // the one we chose of two
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(m.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		texts = append(texts, strings.Trim(strings.Join(lines, "\n"), "\n"))
	}
	if len(texts) == 0 {
		t.Errorf("%s comes with no licence: may we distribute it?", m.Path)
	}
	return strings.Join(texts, "\n\n")
}

// TestModules holds that the licences of exactly the Go modules that are linked are carried along.
func TestModules(t *testing.T) {
	const file = "licenses/go-modules.txt"
	modules := linked(t)
	if len(modules) < 40 {
		t.Fatalf("only %d modules are linked: %v", len(modules), modules)
	}
	var order []string
	under := map[string][]string{}
	for _, m := range modules {
		text := terms(t, m)
		if under[text] == nil {
			order = append(order, text)
		}
		under[text] = append(under[text], m.Path)
	}
	var b strings.Builder
	b.WriteString("Go modules that the program is linked with, and their licences. A module's source is at the address of\n" +
		"its name. The standard library and the runtime of Go have the licence of golang.org/x/sys.\n")
	for _, text := range order {
		fmt.Fprintf(&b, "\n\n%s\n%s\n\n%s\n", strings.Join(under[text], "\n"), strings.Repeat("-", 40), text)
	}
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s is not what is linked; run go test . -update (-want +got):\n%s", file, diff)
	}
}

// TestNoticeNamesWhatNeedsNaming holds that every module under terms beyond the permissive ones is
// named in NOTICE with what follows from them.
func TestNoticeNamesWhatNeedsNaming(t *testing.T) {
	notice, err := os.ReadFile("NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(?i)MIT License|Permission is hereby granted, free of charge|` +
		`Redistribution and use in source|Apache License|public domain`)
	particular := regexp.MustCompile(`Mozilla Public|Creative Commons|GNU|choice of|SIL Open Font`)
	named := 0
	for _, m := range linked(t) {
		text := terms(t, m)
		if plain.MatchString(text) && !particular.MatchString(text) {
			continue
		}
		if named++; !strings.Contains(string(notice), m.Path) {
			t.Errorf("NOTICE does not say under which terms %s is used:\n%.200s", m.Path, text)
		}
	}
	if named < 2 {
		t.Errorf("only %d modules with terms of their own", named)
	}
}

// TestLicenses holds that the binary carries the texts whole.
func TestLicenses(t *testing.T) {
	all := lineup.Licenses()
	for _, want := range []string{"Apache License", "Boost Software License", "Independent JPEG Group", "OpenBLAS", "SQLite",
		"FreeType", "dlib_face_recognition_resnet_model_v1.dat", "github.com/nats-io/nats-server/v2"} {
		if !strings.Contains(all, want) {
			t.Errorf("lineup version --licenses does not say %q", want)
		}
	}
}
