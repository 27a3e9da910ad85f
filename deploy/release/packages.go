package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

const summary = "Self-hosted face and record search over the public US sex-offender registries"

// packages writes the .deb and the .rpm. Both need glibc 2.36 (Debian 12) and nothing else that is not in every base system.
func (p plan) packages(c contents) error {
	scripts, err := p.scripts(c.made)
	if err != nil {
		return err
	}
	other := "lineup-x86-64-v2"
	if p.packageName() == other {
		other = "lineup"
	}
	base := nfpm.Info{
		Name: p.packageName(), Arch: "amd64", Platform: "linux", Version: p.version, VersionSchema: "semver",
		Section: "net", Priority: "optional", Maintainer: "The Lineup authors <lineup@localhost>", License: "Apache-2.0",
		Description: summary + "\n" + "No match is an identification. Built for " + p.level + " processors.",
		MTime:       p.at,
		Overridables: nfpm.Overridables{Contents: c.list, Scripts: scripts, Conflicts: []string{other}, Replaces: []string{other},
			Provides: []string{}},
	}
	for ending, how := range map[string]struct {
		packager nfpm.Packager
		depends  []string
	}{
		".deb": {deb.Default, []string{"libc6 (>= 2.36)", "ca-certificates"}},
		".rpm": {rpm.DefaultRPM, []string{"glibc >= 2.36", "ca-certificates"}},
	} {
		info := base
		info.Depends = how.depends
		info.RPM.BuildHost, info.RPM.Compression = "localhost", "gzip"
		info.Contents = copied(c.list)
		if err := p.write(p.name(ending), nfpm.WithDefaults(&info), how.packager); err != nil {
			return fmt.Errorf("make the %s: %w", ending, err)
		}
	}
	return nil
}

func (p plan) write(path string, info *nfpm.Info, packager nfpm.Packager) (err error) {
	if err := nfpm.PrepareForPackager(info, strings.TrimPrefix(filepath.Ext(path), ".")); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return packager.Package(info, f)
}

// copied is a deep copy, because a packager changes the list it is given.
func copied(list files.Contents) (out files.Contents) {
	for _, c := range list {
		one, about := *c, *c.FileInfo
		one.FileInfo = &about
		out = append(out, &one)
	}
	return out
}

// scripts run around an installation: before it, they refuse a processor that cannot run the program; after it, they tell systemd.
func (p plan) scripts(made string) (s nfpm.Scripts, err error) {
	needs, hint := "avx2", "Install lineup-x86-64-v2 instead."
	if p.level == "x86-64-v2" {
		needs, hint = "sse4_2", "This processor is older than any that Lineup is built for."
	}
	reload := "#!/bin/sh\nset -e\nif [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi\n"
	for _, script := range []struct {
		name, text string
		into       *string
	}{
		{"before", "#!/bin/sh\nset -e\nif [ -r /proc/cpuinfo ] && ! grep -qw " + needs +
			" /proc/cpuinfo; then\n\techo \"lineup: this processor lacks " +
			needs + ". " + hint + "\" >&2\n\texit 1\nfi\n", &s.PreInstall},
		{"after", reload + "if [ -d /run/systemd/system ]; then systemctl try-restart 'lineup*.service' || true; fi\n", &s.PostInstall},
		{"removing", "#!/bin/sh\nset -e\n# An upgrade keeps the service: it is restarted when the new program is there.\n" +
			"case ${1:-remove} in upgrade | 1) exit 0 ;; esac\n" +
			"if [ -d /run/systemd/system ]; then systemctl stop 'lineup*.socket' 'lineup*.service' || true; " +
			"systemctl disable lineup.service lineup-scrape.service lineup-index.service lineup-query.service lineup.socket lineup-query.socket " +
			">/dev/null 2>&1 || true; fi\n", &s.PreRemove},
		{"removed", reload, &s.PostRemove},
	} {
		if *script.into, err = write(made, script.name+".sh", []byte(script.text)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// tarball writes the same files below one directory, for systems without those packages.
func (p plan) tarball(c contents) (err error) {
	f, err := os.Create(p.name(".tar.gz"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	if err := p.pack(w, c, fmt.Sprintf("%s-%s", p.packageName(), p.version)); err != nil {
		return err
	}
	return errors.Join(w.Close(), z.Close())
}

// pack writes the files below top, by name.
func (p plan) pack(w *tar.Writer, c contents, top string) error {
	list := slices.SortedFunc(slices.Values(c.list), func(a, b *files.Content) int { return strings.Compare(a.Destination, b.Destination) })
	for _, file := range list {
		if file.Type == files.TypeDir {
			continue
		}
		data, err := os.ReadFile(file.Source)
		if err != nil {
			return err
		}
		head := &tar.Header{Name: strings.TrimPrefix(filepath.ToSlash(filepath.Join(top, file.Destination)), "/"),
			Mode: int64(file.FileInfo.Mode),
			Size: int64(len(data)), ModTime: p.at, Format: tar.FormatPAX, Uname: "root", Gname: "root"}
		if err := w.WriteHeader(head); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}
