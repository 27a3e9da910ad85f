// Command release makes the files of a release out of a built program: packages for Debian and for rpm, a tarball, a
// bill of materials, sums and, with a key, their signature. The same input gives the same bits.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// plan holds the inputs of a release.
type plan struct {
	version string    // x.y.z
	level   string    // x86-64-v2 or x86-64-v3: the processors that the program is for
	program string    // path of the built program, whose manual and completion it writes itself
	root    string    // the repository
	out     string    // directory of the files made
	at      time.Time // date of everything inside: the commit's
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	var p plan
	flags.StringVar(&p.version, "version", "", "version of the release, `x.y.z`")
	flags.StringVar(&p.level, "level", "x86-64-v3", "processors the program is built for: x86-64-v2 or x86-64-v3")
	flags.StringVar(&p.program, "program", "", "`path` of the built program")
	flags.StringVar(&p.root, "root", "../..", "the repository")
	flags.StringVar(&p.out, "out", "dist", "`directory` of the files made")
	epoch := flags.Int64("epoch", 0, "date of everything inside, in `seconds` since 1970: the commit's")
	libraries := flags.String("libraries", "", "`file` of the C libraries linked in: name, version and licence a line")
	root := flags.String("image", "", "make a container image too, over this tar `file` of a root directory")
	models := flags.String("models", "", "`directory` of face models for the image; empty for an image without")
	sums := flags.Bool("sums", false, "only write the sums of what is in the directory of the files made, and sign them")
	key := flags.String("key", "", "minisign's secret key `file`, to sign the sums with; its password is asked for, or stands in "+
		"MINISIGN_PASSWORD")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *sums {
		return writeSums(p.out, *key)
	}
	if err := p.check(); err != nil {
		return err
	}
	p.at = time.Unix(*epoch, 0).UTC()
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	files, err := p.files()
	if err != nil {
		return err
	}
	defer os.RemoveAll(files.made)
	steps := []error{p.packages(files), p.tarball(files), p.bill(*libraries)}
	if *root != "" {
		steps = append(steps, p.image(*root, *models, files))
	}
	return errors.Join(steps...)
}

func (p plan) check() error {
	if !version.MatchString(p.version) {
		return fmt.Errorf("version %q: want x.y.z, as in 1.4.0 or 1.4.0-rc1", p.version)
	}
	if p.level != "x86-64-v2" && p.level != "x86-64-v3" {
		return fmt.Errorf("level %q: want x86-64-v2 or x86-64-v3", p.level)
	}
	if _, err := os.Stat(p.program); err != nil {
		return fmt.Errorf("the program: %w", err)
	}
	return nil
}

// name is the name of a file of this release. Packages for the lower instruction level carry it in their name.
func (p plan) name(ending string) string {
	return filepath.Join(p.out, fmt.Sprintf("%s_%s_amd64%s", p.packageName(), p.version, ending))
}

// packageName is lineup for processors since 2013 and another name for older ones. Each package replaces the other.
func (p plan) packageName() string {
	if p.level == "x86-64-v2" {
		return "lineup-x86-64-v2"
	}
	return "lineup"
}
