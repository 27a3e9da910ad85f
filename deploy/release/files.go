package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goreleaser/nfpm/v2/files"
)

var version = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`)

// contents are the installed files.
type contents struct {
	list files.Contents
	made string // directory of what was made for it
}

// files lists what is installed; the program writes its own manual and completion.
func (p plan) files() (c contents, err error) {
	if c.made, err = os.MkdirTemp("", "lineup-release"); err != nil {
		return c, err
	}
	add := func(source, destination string, mode fs.FileMode, kind string) {
		c.list = append(c.list, &files.Content{Source: source, Destination: destination, Type: kind,
			FileInfo: &files.ContentFileInfo{Mode: mode, MTime: p.at, Owner: "root", Group: "root"}})
	}
	for _, dir := range []string{"/etc/lineup", "/usr/share/doc/lineup", "/usr/share/doc/lineup/licenses"} {
		add("", dir, 0o755, files.TypeDir) // rpm takes away those directories only that a package names
	}
	add(p.program, "/usr/bin/lineup", 0o755, "")
	add(filepath.Join(p.root, "deploy/lineup.yaml"), "/etc/lineup/lineup.yaml", 0o644, files.TypeConfigNoReplace)
	if err := p.units(c.made, add); err != nil {
		return c, err
	}
	add(filepath.Join(p.root, "deploy/lineup-ctl.sh"), "/usr/bin/lineup-ctl", 0o755, "")

	manual := filepath.Join(c.made, "man")
	if err := p.ask(nil, "manual", manual); err != nil {
		return c, err
	}
	pages, err := os.ReadDir(manual)
	if err != nil {
		return c, err
	}
	for _, page := range pages {
		add(filepath.Join(manual, page.Name()), "/usr/share/man/man1/"+page.Name(), 0o644, "")
	}
	for shell, destination := range map[string]string{
		"bash": "/usr/share/bash-completion/completions/lineup",
		"zsh":  "/usr/share/zsh/site-functions/_lineup",
		"fish": "/usr/share/fish/vendor_completions.d/lineup.fish",
	} {
		var said bytes.Buffer
		if err := p.ask(&said, "completion", shell); err != nil {
			return c, err
		}
		path, err := write(c.made, "completion."+shell, said.Bytes())
		if err != nil {
			return c, err
		}
		add(path, destination, 0o644, "")
	}
	for _, text := range []string{"LICENSE", "NOTICE", "CHANGELOG.md", "SECURITY.md", "README.md"} {
		add(filepath.Join(p.root, text), "/usr/share/doc/lineup/"+text, 0o644, "")
	}
	licences := filepath.Join(p.root, "licenses")
	return c, filepath.WalkDir(licences, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		add(path, "/usr/share/doc/lineup/licenses/"+filepath.ToSlash(strings.TrimPrefix(path, licences+string(filepath.Separator))), 0o644, "")
		return nil
	})
}

// units are the systemd units, for a program in /usr/bin.
func (p plan) units(made string, add func(source, destination string, mode fs.FileMode, kind string)) error {
	units, err := filepath.Glob(filepath.Join(p.root, "deploy/systemd/*.*"))
	if err != nil || len(units) == 0 {
		return fmt.Errorf("%d units in %s: %w", len(units), p.root, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			return err
		}
		path, err := write(made, filepath.Base(unit), bytes.ReplaceAll(text, []byte("/usr/local/bin/"), []byte("/usr/bin/")))
		if err != nil {
			return err
		}
		add(path, "/usr/lib/systemd/system/"+filepath.Base(unit), 0o644, "")
	}
	return nil
}

// ask runs the program with arguments and returns what it prints.
func (p plan) ask(said *bytes.Buffer, args ...string) error {
	cmd := exec.Command(p.program, args...)
	cmd.Stderr = os.Stderr
	if said != nil {
		cmd.Stdout = said
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", p.program, strings.Join(args, " "), err)
	}
	return nil
}

func write(dir, name string, data []byte) (string, error) {
	path := filepath.Join(dir, name)
	return path, os.WriteFile(path, data, 0o644)
}
