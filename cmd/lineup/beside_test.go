package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lineup/internal/testkit/loopback"
)

// TestCommandsBesideARunningNode crawls and imports by command while an all-in-one runs over the
// same data directory: it indexes and answers what they brought.
func TestCommandsBesideARunningNode(t *testing.T) {
	d := &deployment{t: t, dir: t.TempDir()}
	data, site := filepath.Join(d.dir, "data"), loopback.Address(t)
	settings := filepath.Join(d.dir, "lineup.yaml")
	must(t, os.WriteFile(settings, []byte("sources: {"+demoSource+": {base_url: \"http://"+site+"\"}}\n"), 0o600))
	lineup := func(args ...string) *exec.Cmd {
		cmd := ourself(t, "lineup", append(args, "--data", data)...)
		cmd.Env = append(os.Environ(), "LINEUP_MODELS="+modelsForTests(t))
		return cmd
	}
	say := func(want string, args ...string) {
		t.Helper()
		if out, err := lineup(args...).CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("lineup %s: %v: %s; want %q", strings.Join(args, " "), err, out, want)
		}
	}
	house := d.start("demo", lineup("demo", "--listen", "127.0.0.1:0", "--sample", site, "--set", "canary.every=10s"))
	d.eventually("the house is open", func() error {
		out, err := os.ReadFile(house.log)
		if err == nil && !strings.Contains(string(out), "Stop with Ctrl-C") {
			err = errors.New("not yet")
		}
		return err
	})
	d.eventually("the canary that is configured is found", func() error {
		out, err := lineup("status", "--set", "canary.every=10s").CombinedOutput()
		if fields := strings.Join(strings.Fields(string(out)), " "); err == nil && (!strings.Contains(fields, "CANARY LAST TOOK search") ||
			strings.Contains(fields, "search never")) {
			err = errors.New(string(out))
		}
		return err
	})
	say("0 new, 0 changed, 44 unchanged", "scrape", demoSource, "--once", "--config", settings)

	handed := filepath.Join(d.dir, "handed")
	say("12 people", "samplesite", "--export", handed, "--people", "12", "--seed", "3")
	say("the running indexers bring this into the index", "import", handed, "--source", "import-nsopw")
	d.eventually("who was imported is indexed", func() error {
		out, err := lineup("status").CombinedOutput()
		if fields := strings.Fields(string(out)); err == nil && !strings.Contains(strings.Join(fields, " "), "complete 12 12 12 0 0") {
			err = errors.New(string(out))
		}
		return err
	})
	say("no differences", "audit", "--sample", "1")
	say("same", "import", handed, "--source", "import-nsopw")
	must(t, house.terminate(t))
}
