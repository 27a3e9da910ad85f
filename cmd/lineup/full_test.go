package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lineup/internal/operate"
	"lineup/internal/testkit/loopback"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// full lets every write to a file of the process fail, as a full disk does, or work again. The
// soft limit of file sizes needs no privilege, and can be raised while the process runs.
func full(t *testing.T, is bool, p *exec.Cmd) {
	t.Helper()
	limit := unix.Rlimit{Cur: math.MaxUint64, Max: math.MaxUint64}
	if is {
		limit.Cur = 0
	}
	must(t, unix.Prlimit(p.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
}

// allInOne is lineup up over a directory, with a crawler of its own beside it.
type allInOne struct {
	*faulty
	data, settings string
	up             *process
}

// prepared is an allInOne that does not run yet, and a site to crawl; more stands in its configuration.
func prepared(t *testing.T, more string) *allInOne {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{People: 48})
	must(t, err)
	web, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	must(t, err)
	t.Cleanup(func() { must(t, web.Close()) })
	f := &faulty{deployment: &deployment{t: t, dir: t.TempDir()}, site: site, random: rand.New(rand.NewPCG(1, 0)), delisted: map[int]bool{},
		photos: map[schemas.UUID][]byte{}, gone: map[schemas.UUID][]byte{}, answers: map[int]int{}}
	a := &allInOne{faulty: f, data: filepath.Join(f.dir, "data"), settings: filepath.Join(f.dir, "lineup.yaml")}
	must(t, os.WriteFile(a.settings, []byte(fmt.Sprintf("contact: operator@example.test\n"+
		"index: {reconcile: 2s, workers: 2}\nquery: {per_minute: 1000000, per_day: 100000000}\nsources: {%s: {base_url: %q}}\n%s", demoSource,
		web.URL, more)), 0o600))
	return a
}

func newAllInOne(t *testing.T) *allInOne {
	t.Helper()
	a := prepared(t, "")
	a.begin()
	a.ready()
	a.fill()
	return a
}

// fill makes a key, crawls, and waits until everybody is indexed.
func (a *allInOne) fill() {
	a.t.Helper()
	key, code := a.run("keys", "add", "a client")
	if code != 0 {
		a.t.Fatalf("keys add: exit code %d", code)
	}
	a.key = strings.TrimSpace(key)
	a.crawled()
	a.right()
	for id := samplesite.FirstID; id < samplesite.FirstID+steady; id++ {
		a.photos[sampleID(id)] = a.photo(id)
	}
}

func (a *allInOne) lineup(args ...string) *exec.Cmd {
	cmd := ourself(a.t, "lineup-faked", append(args, "--config", a.settings, "--data", a.data)...)
	cmd.Env = append(os.Environ(), "LINEUP_MODELS="+modelsForTests(a.t))
	return cmd
}

func (a *allInOne) begin() {
	a.t.Helper()
	public, private := loopback.Address(a.t), loopback.Address(a.t)
	cmd := a.lineup("up", "--listen", public)
	cmd.Env = append(cmd.Env, "LINEUP_PRIVATE="+private)
	a.up = a.start("up", cmd)
	a.up.public, a.up.private = public, private
	a.queries = []*process{a.up}
}

// ready waits until up answers, without a restart.
func (a *allInOne) ready() {
	a.t.Helper()
	a.eventually("up is ready", func() error {
		select {
		case <-a.up.done:
			a.t.Fatalf("up ended: %v", a.up.err)
		default:
		}
		return a.answersReady()
	})
}

// run runs a command beside up.
func (a *allInOne) run(args ...string) (out string, code int) {
	a.t.Helper()
	var printed, said bytes.Buffer
	cmd := a.lineup(args...)
	cmd.Stdout, cmd.Stderr = &printed, &said
	if err := cmd.Run(); err != nil {
		a.t.Logf("lineup %s: %v: %s", strings.Join(args, " "), err, said.String())
	}
	return printed.String(), cmd.ProcessState.ExitCode()
}

// crawled crawls until a run is complete.
func (a *allInOne) crawled() {
	a.t.Helper()
	a.eventually("a complete run", func() error {
		out, code := a.run("scrape", demoSource, "--once", "--json")
		var run schemas.RunSummary
		if err := json.Unmarshal([]byte(out), &run); err != nil || code != 0 || run.State != schemas.RunComplete {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
}

// right waits until everybody who is listed is indexed and audit finds nothing.
func (a *allInOne) right() {
	a.t.Helper()
	a.eventually("a clean audit", func() error {
		out, code := a.run("audit", "--json")
		var report operate.AuditReport
		if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || report.Due != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	out, code := a.run("status", "--json")
	var now operate.StatusReport
	must(a.t, json.Unmarshal([]byte(out), &now))
	if want := a.site.Size() - len(a.delisted); code > exitFailed || len(now.Sources) != 1 || now.Sources[0].Listed != want ||
		now.Jobs.Waiting != 0 {
		a.t.Errorf("want %d listed and no job waiting, status says (exit code %d): %s", want, code, out)
	}
}

// TestDiskFull fills the disk of the all-in-one under its broker and index, under the crawler that
// writes blobs, and under both: the crawl ends and says so, searches go on, and with room
// again everything comes right by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel() // it mostly waits
	a := newAllInOne(t)
	defer a.probing()()
	for _, c := range []struct {
		name      string
		up, crawl bool
	}{{"blobs", false, true}, {"broker and index", true, false}, {"everything", true, true}} {
		a.change()
		left, photo := a.leave()
		full(t, c.up, a.up.cmd)
		crawl := a.lineup("scrape", demoSource, "--once")
		var said bytes.Buffer
		crawl.Stdout, crawl.Stderr = &said, &said
		must(t, crawl.Start())
		full(t, c.crawl, crawl)
		if err := crawl.Wait(); err == nil {
			t.Errorf("%s full: the crawl ended well: %s", c.name, said.String())
		}
		if c.crawl && !strings.Contains(said.String(), "no room left") {
			t.Errorf("%s full: the crawl does not say so: %s", c.name, said.String())
		}
		halves, err := filepath.Glob(filepath.Join(a.data, "blobs", "tmp", "*"))
		if err != nil || len(halves) > 0 {
			t.Errorf("%s full: half-written blobs are left: %v, %v", c.name, halves, err)
		}
		full(t, false, a.up.cmd)
		a.ready()
		a.crawled()
		a.mu.Lock()
		a.gone[sampleID(left)] = photo
		a.mu.Unlock()
		a.right()
	}
}
