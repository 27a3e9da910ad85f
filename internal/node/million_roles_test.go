package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/indexer/face/facetest"
	"lineup/ingest/broker"
	"lineup/internal/operate"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// part is a process of the house that BenchmarkMillion measures.
type part struct {
	name string
	url  string  // of NATS
	most float64 // memory it had so far, in MB
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// did is what a part tells of a step.
type did struct {
	Seconds, Processor float64
	Memory             float64 // the most since the step before, in MB
	URL, Error         string
}

// partOf names, in the environment of such a process, what it plays, partData its data directory, and partNATS where NATS is.
const (
	partOf   = "LINEUP_MILLION_ROLE"
	partData = "LINEUP_MILLION_DATA"
	partNATS = "LINEUP_MILLION_NATS"
)

// enter starts a part with the memory limit it is deployed with.
func enter(b *testing.B, name, data, url string) *part {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := &part{name: name, url: url, cmd: exec.CommandContext(b.Context(), exe)}
	p.cmd.Env = append(os.Environ(), partOf+"="+name, partData+"="+data, partNATS+"="+url,
		fmt.Sprintf("GOMEMLIMIT=%.0fMiB", deployed(b, name, `value: (\d+)(M)iB`)))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		b.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if name == "nats" {
		p.url = p.do(b, "look").URL
	}
	return p
}

func (p *part) ask(b *testing.B, step string) {
	b.Helper()
	if _, err := fmt.Fprintln(p.in, step); err != nil {
		b.Fatal(p.name, step, err)
	}
}

func (p *part) answer(b *testing.B) (done did) {
	b.Helper()
	line, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &done)
	}
	if err != nil || done.Error != "" {
		b.Fatalf("%s: %v %s", p.name, err, done.Error)
	}
	p.most = max(p.most, done.Memory)
	return done
}

func (p *part) do(b *testing.B, step string) did {
	b.Helper()
	p.ask(b, step)
	return p.answer(b)
}

func (p *part) end(b *testing.B) {
	b.Helper()
	if err := errors.Join(p.in.Close(), p.cmd.Wait()); err != nil {
		b.Fatal(p.name, err)
	}
}

// play is such a process: it does the steps that it reads, one after the other, and tells of each.
func play(role string) error {
	ctx := context.Background()
	h := &house{}
	c := config.Default()
	c.Data, c.NATS.URL, c.Listen, c.Private = os.Getenv(partData), os.Getenv(partNATS), "127.0.0.1:0", "127.0.0.1:0"
	c.Log.Level = "warn"
	h.options = Options{Config: c, Log: NewLog(c.Log, os.Stderr), Metrics: prometheus.NewRegistry(), Faces: facetest.Fake{}}
	told := did{}
	if role == "nats" {
		server, err := broker.Start(c.Dir("broker"), h.options.Log)
		if err != nil {
			return err
		}
		defer server.Close()
		told.URL = server.URL()
	}
	steps := map[string]func(context.Context) error{
		"look": func(context.Context) error { return nil }, "opened": h.open, "reconcile": h.reconcile,
		"reconcile-where-nothing-was-written": h.reconcile, "orphans": h.orphans, "audit": h.audit,
		"coverage-first": h.coverage, "coverage": h.coverage, "search": h.search, "status": h.status,
		"sighted": h.sighted, "end-of-run": h.endRun, "removal-from-answers": h.remove, "scrub": h.scrub,
	}
	before := processor()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		step, began := lines.Text(), time.Now()
		var err error
		if step == "idle" {
			told.Processor, err = h.idle(ctx, Roles{Scrape: role == "scrape", Index: role == "index", Query: role == "query"})
		} else if err = errors.New("no such step"); steps[step] != nil {
			err = steps[step](ctx)
			told.Processor = (processor() - before).Seconds()
		}
		before, told.Seconds = processor(), time.Since(began).Seconds()
		if err != nil {
			told.Error = fmt.Sprintf("%s: %v", step, err)
		}
		told.Memory = peak()
		line, err := json.Marshal(told)
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return h.close()
}

// house is what a role's process does in BenchmarkMillion.
type house struct {
	*Node
	options Options
	run     string // over the source finished
	seen    int    // in it
	server  http.Handler
}

func (h *house) open(ctx context.Context) (err error) {
	h.Node, err = Open(ctx, h.options)
	return err
}

func (h *house) close() error {
	if h.Node == nil {
		return nil
	}
	defer func() { h.Node = nil }()
	return h.Close()
}

func (h *house) reconcile(ctx context.Context) error {
	done, err := h.Reconcile(ctx)
	if err == nil && done.Enqueued > 0 {
		err = fmt.Errorf("%d jobs where nothing is due", done.Enqueued)
	}
	return errors.Join(err, done.Unkept)
}

func (h *house) orphans(ctx context.Context) error {
	gone, err := h.Orphans(ctx)
	if err == nil && gone > 0 {
		err = fmt.Errorf("%d blobs deleted that somebody needs", gone)
	}
	return err
}

func (h *house) audit(ctx context.Context) error {
	report, err := h.Audit(ctx, operate.Rolling(time.Now(), h.Config.AuditDays), false, nil)
	if err == nil && len(report.Differences) > 0 {
		err = fmt.Errorf("it finds %+v", report)
	}
	return err
}

func (h *house) ask(ctx context.Context, method, target string, body io.Reader) error {
	if h.server == nil {
		server, err := h.NewServer(ctx, facetest.Fake{})
		if err != nil {
			return err
		}
		h.server = server
	}
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, method, target, body)
	r.Header.Set("Content-Type", "application/json")
	if h.server.ServeHTTP(w, r); w.Code != http.StatusOK {
		return fmt.Errorf("%s: %d %s", target, w.Code, w.Body)
	}
	return nil
}

func (h *house) coverage(ctx context.Context) error {
	return h.ask(ctx, "GET", "/v1/coverage", http.NoBody)
}

func (h *house) search(ctx context.Context) error {
	photo, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(facetest.Photo(1, 1))})
	if err != nil {
		return err
	}
	key, err := h.ownKey(ctx, "bench", keys.Limits{})
	if err != nil {
		return err
	}
	return h.ask(ctx, "POST", "/faces?key="+key, bytes.NewReader(photo))
}

func (h *house) status(ctx context.Context) error {
	_, err := h.Stores.Status(ctx)
	return err
}

// sighted begins a run over a source and notes that it saw everybody but one.
func (h *house) sighted(ctx context.Context) (err error) {
	if h.run, _, err = h.Ingest.Begin(ctx, finished, false); err != nil {
		return err
	}
	put, settle := putter(h.JS)
	for s, err := range h.Ledger.Each(ctx, finished) {
		if err != nil {
			return err
		}
		if s.Listed && s.Key != "1" {
			s.Run = h.run
			if err := put(s); err != nil {
				return err
			}
			h.seen++
		}
	}
	return settle()
}

// endRun ends such a run: one is delisted.
func (h *house) endRun(ctx context.Context) error {
	s := schemas.RunSummary{State: schemas.RunComplete, Started: time.Now(), Registrants: h.seen}
	s, err := h.Ingest.Finish(ctx, finished, h.run, s)
	if err == nil && (s.State != schemas.RunComplete || s.Delisted != 1) {
		err = fmt.Errorf("the end of a run over %d: %+v", h.seen, s)
	}
	return err
}

func (h *house) remove(ctx context.Context) error {
	id, _, _, _, _, err := registrant(2)
	if err != nil {
		return err
	}
	_, err = h.Remove(ctx, id, schemas.Removal{Reason: "other"})
	return err
}

func (h *house) scrub(ctx context.Context) error {
	if err := h.open(ctx); err != nil {
		return err
	}
	_, err := h.Scrub(ctx)
	return err
}

// lasting is for how long the house is watched while nothing happens.
func lasting() time.Duration {
	lasting, err := time.ParseDuration(os.Getenv("LINEUP_IDLE"))
	if err != nil {
		lasting = 20 * time.Second
	}
	return lasting
}

// watched tells the processor time of a while in which nothing happens, after as long a while in which what begins may end.
func watched() (seconds float64) {
	time.Sleep(lasting())
	before := processor()
	time.Sleep(lasting())
	return (processor() - before).Seconds()
}

// idle plays a role as deployed and tells what it costs while nothing happens.
func (h *house) idle(ctx context.Context, roles Roles) (seconds float64, err error) {
	if roles == (Roles{}) { // NATS
		return watched(), nil
	}
	if err := h.close(); err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	h.options.Metrics = prometheus.NewRegistry()
	err = Serve(ctx, h.options, roles, func(context.Context, *Node, string) error {
		defer stop()
		seconds = watched()
		return nil
	})
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return seconds, err
}

func processor() time.Duration {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return 0
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// peak is the most memory this process has had since it was last asked, in MB.
func peak() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	figure, _ := strconv.ParseFloat(kilobytes, 64)
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) // a query daemon that serves may not
	return figure / 1024
}

// opened opens the house as a kill leaves it: a copy of what runs, over the same blobs.
func opened(b *testing.B, data string) {
	dir := b.TempDir()
	c := config.Default()
	c.Data = data
	enter := func(data string) *Node {
		c.Data = data
		n, err := Open(b.Context(), Options{Config: c, Make: true, Log: NewLog(c.Log, io.Discard), Metrics: prometheus.NewRegistry()})
		if err == nil {
			_, err = n.Index.Generations(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	leave := func(n *Node) {
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
	killed := enter(data)
	for _, name := range []string{"broker", "index"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(data, name))); err != nil {
			b.Fatal(err)
		}
	}
	leave(killed)
	blobs, err := filepath.Abs(filepath.Join(data, "blobs"))
	if err == nil {
		err = os.Symlink(blobs, filepath.Join(dir, "blobs"))
	}
	if err != nil {
		b.Fatal(err)
	}
	began, before := time.Now(), processor()
	n := enter(dir)
	took, used := time.Since(began), processor()-before
	leave(n)
	b.Run("all-in-one/opening", func(b *testing.B) {
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(used.Seconds(), "cpu-s")
	})
}
