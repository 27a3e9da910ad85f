package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/face/facetest"
	"lineup/ingest/ledger"
	"lineup/internal/operate"
	"lineup/internal/testkit/qdranttest"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// fakedMain is the program with an embedder that costs nothing.
func fakedMain() {
	signal.Ignore(syscall.SIGXFSZ) // a write over the limit fails then, as on a full disk
	os.Exit(runWith(perPhoto{}, os.Args[1:], os.Stdout, os.Stderr))
}

// perPhoto takes every photo for one of a person of its own, without looking at it.
type perPhoto struct{ facetest.Fake }

func (p perPhoto) Embed(ctx context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	digest := schemas.DigestOf(photo)
	r, err := p.Fake.Embed(ctx, facetest.Photo(binary.LittleEndian.Uint32([]byte(digest)), binary.LittleEndian.Uint32([]byte(digest[8:]))),
		purpose)
	r.Hash = max(binary.LittleEndian.Uint64([]byte(schemas.DigestOf([]byte(digest)))), 1)
	return r, err
}

// faulty is a deployment that things happen to: its site changes, its engines and roles fail, and
// somebody searches all the time.
type faulty struct {
	*deployment
	site     *samplesite.Site
	nats     [3]*process
	s3       *process
	qdrant   *qdranttest.Server
	queries  []*process
	indexers []*process
	key      string
	random   *rand.Rand
	delisted map[int]bool // of the site, now
	rough    bool         // crawls are killed too

	mu      sync.Mutex
	photos  map[schemas.UUID][]byte // of registrants who are listed throughout
	gone    map[schemas.UUID][]byte // of some whose delisting a complete run has told
	answers map[int]int             // by status
}

// steady is how many registrants are never touched and must answer whenever anything does.
const steady = 8

func newFaulty(t *testing.T, people int, seed uint64) *faulty {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{People: people})
	must(t, err)
	web, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	must(t, err)
	t.Cleanup(func() { must(t, web.Close()) })
	f := &faulty{deployment: newDeployment(t), site: site, random: rand.New(rand.NewPCG(seed, 0)), delisted: map[int]bool{},
		photos: map[schemas.UUID][]byte{}, gone: map[schemas.UUID][]byte{}, answers: map[int]int{}}
	// The lease of a killed indexer, which sweeps for all, has to run out before anybody prepares an index that came back empty.
	f.program, f.patience = "lineup-faked", patience+ledger.LeaseTime+time.Duration(people)*30*time.Millisecond
	must(t, os.WriteFile(filepath.Join(f.dir, "lineup.yaml"), []byte(fmt.Sprintf("contact: operator@example.test\n"+
		"index: {reconcile: 2s, workers: 2}\nquery: {per_minute: 1000000, per_day: 100000000}\nsources: {%s: {base_url: %q}}\n", demoSource,
		web.URL)), 0o600))
	f.nats, _ = f.startNATS()
	f.s3 = f.startS3()
	f.qdrant = f.standInQdrant()
	f.eventually("the administrator makes streams and buckets", func() error {
		if out, code := f.command("prepare", f.services["prepare"].Command[0]); code != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	f.indexers = []*process{f.role("index", 1), f.role("index", 2)}
	f.queries = []*process{f.role("query", 1), f.role("query", 2)}
	key, _ := f.command("admin", "keys", "add", "a client")
	f.key = strings.TrimSpace(key)
	f.crawl()
	f.revive()
	f.settle()
	for id := samplesite.FirstID; id < samplesite.FirstID+steady; id++ {
		f.photos[sampleID(id)] = f.photo(id)
	}
	return f
}

// photo is the photo of a registrant of the site as a daemon shows it.
func (f *faulty) photo(id int) (data []byte) {
	f.t.Helper()
	f.eventually(fmt.Sprint("photo of ", id), func() error {
		response, err := http.Get("http://" + f.queries[0].public + "/photos/" + string(sampleID(id)) + "?key=" + f.key)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if data, err = io.ReadAll(response.Body); err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d: %s", response.StatusCode, data)
		}
		return err
	})
	return data
}

// crawl crawls until a run is complete, as a schedule does.
func (f *faulty) crawl() {
	f.t.Helper()
	f.eventually("a complete run", func() error {
		out, code := f.command("scrape", "scrape", demoSource, "--once", "--json")
		var run schemas.RunSummary
		if err := json.Unmarshal([]byte(out), &run); err != nil || code != 0 || run.State != schemas.RunComplete {
			return fmt.Errorf("exit code %d, run %s %s", code, run.State, run.Reason)
		}
		return nil
	})
}

// settle waits until everything is indexed, and holds that the house is as the site says.
func (f *faulty) settle() {
	f.t.Helper()
	f.settled(f.site.Size() - len(f.delisted))
	f.eventually("a clean audit", func() error {
		var report operate.AuditReport
		out, code := f.command("admin", "audit", "--json")
		if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 || report.Due != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
}

// change lets the site be another one: people move, have new photos, and come back.
func (f *faulty) change() {
	f.t.Helper()
	someone := func() int { return samplesite.FirstID + steady + f.random.IntN(f.site.Size()-steady) }
	for range 3 {
		must(f.t, f.site.Move(someone()), f.site.Rephotograph([]string{"a", "b", "c"}[f.random.IntN(3)], someone()))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(f.delisted)) {
		if f.random.IntN(2) == 0 {
			delete(f.gone, sampleID(id)) // they may answer again
			delete(f.delisted, id)
			must(f.t, f.site.Relist(id))
		}
	}
}

// leave delists somebody with a photo.
func (f *faulty) leave() (id int, photo []byte) {
	f.t.Helper()
	for {
		id := samplesite.FirstID + steady + f.random.IntN(min(f.site.Size(), 40)-steady) // with a face each
		if !f.delisted[id] {
			photo := f.photo(id)
			must(f.t, f.site.Delist(id))
			f.delisted[id] = true
			return id, photo
		}
	}
}

// probe searches until stop is closed: for those who are always listed, and for those who are gone.
func (f *faulty) probe(stop <-chan struct{}) {
	client := http.Client{Timeout: time.Minute}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		f.mu.Lock()
		from, listed := f.photos, true
		if n%3 == 2 && len(f.gone) > 0 {
			from, listed = f.gone, false
		}
		ids := slices.Sorted(maps.Keys(from))
		id := ids[n%len(ids)]
		photo := from[id]
		f.mu.Unlock()
		q := f.queries[n%len(f.queries)]
		body, _ := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(photo)})
		response, err := client.Post("http://"+q.public+"/faces?key="+f.key, "application/json", bytes.NewReader(body))
		if err != nil {
			f.t.Errorf("%s gives no answer: %v", q.name, err)
			continue
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		f.mu.Lock()
		f.answers[response.StatusCode]++
		_, stillGone := f.gone[id]
		f.mu.Unlock()
		var answer struct{ FaceMatches []match }
		switch {
		case response.StatusCode == http.StatusServiceUnavailable:
		case response.StatusCode != http.StatusOK || err != nil || json.Unmarshal(text, &answer) != nil:
			f.t.Errorf("%s answers %d: %s", q.name, response.StatusCode, text)
		case listed && (len(answer.FaceMatches) == 0 || answer.FaceMatches[0].UUID != id):
			f.t.Errorf("%s does not find %s, who is listed: %s", q.name, id, text)
		case !listed && stillGone && slices.ContainsFunc(answer.FaceMatches, func(m match) bool { return m.UUID == id }):
			f.t.Errorf("%s answers with %s, who was delisted", q.name, id)
		}
	}
}

// again starts a process that has ended with the same command.
func (f *faulty) again(p *process) *process {
	f.t.Helper()
	cmd := exec.Command(p.cmd.Path, p.cmd.Args[1:]...)
	cmd.Args[0], cmd.Env, cmd.Dir = p.cmd.Args[0], p.cmd.Env, p.cmd.Dir
	next := f.start(p.name, cmd)
	next.public, next.private = p.public, p.private
	return next
}

func (f *faulty) signal(s os.Signal, all ...*process) {
	for _, p := range all {
		_ = p.cmd.Process.Signal(s) // it may have ended
	}
}

// revive waits until the daemons are ready, and starts roles that ended again, as their supervisor does.
func (f *faulty) revive() {
	f.t.Helper()
	f.eventually("the daemons are ready", func() error {
		for _, list := range [][]*process{f.indexers, f.queries} {
			for i, p := range list {
				select {
				case <-p.done:
					list[i] = f.again(p)
				default:
				}
			}
		}
		return f.answersReady()
	})
}

// answersReady is nil when all daemons say they are ready.
func (f *faulty) answersReady() error {
	for _, p := range f.queries {
		response, err := http.Get("http://" + p.public + "/readyz")
		if err != nil {
			return err
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", p.name, text)
		}
	}
	return nil
}

// fault is something that happens and ends.
type fault struct {
	name   string
	strike func(f *faulty)
	heal   func(f *faulty)
}

var stopped, goOn os.Signal = syscall.SIGSTOP, syscall.SIGCONT

// faults are those of issue and experience; each is struck while the site is crawled.
var faults = []fault{
	{"qdrant stopped", func(f *faulty) { f.qdrant.Stop() }, func(f *faulty) { f.qdrant.Restart(f.t) }},
	{"qdrant killed", func(f *faulty) { f.qdrant.Kill() }, func(f *faulty) { f.qdrant.Restart(f.t) }},
	{"qdrant slow", func(f *faulty) { f.qdrant.Delay.Store(int64(700 * time.Millisecond)) }, func(f *faulty) { f.qdrant.Delay.Store(0) }},
	{"qdrant refuses writes", func(f *faulty) { f.qdrant.RefuseWrites.Store(true) }, func(f *faulty) { f.qdrant.RefuseWrites.Store(false) }},
	{"qdrant comes back empty", func(f *faulty) { f.qdrant.Stop(); f.qdrant.Empty(f.t) }, func(f *faulty) { f.qdrant.Restart(f.t) }},
	{"s3 killed", func(f *faulty) { f.s3.kill() }, func(f *faulty) { f.s3 = f.again(f.s3) }},
	{"s3 answers late", func(f *faulty) { f.signal(stopped, f.s3) }, func(f *faulty) { f.signal(goOn, f.s3) }},
	{"s3 refuses writes", func(f *faulty) { f.moveBucket("lineup", "away") }, func(f *faulty) { f.moveBucket("away", "lineup") }},
	{"a node of nats killed", func(f *faulty) { f.nats[2].kill() }, func(f *faulty) { f.nats[2] = f.again(f.nats[2]) }},
	{"a node of nats answers late", func(f *faulty) { f.signal(stopped, f.nats[1]) }, func(f *faulty) { f.signal(goOn, f.nats[1]) }},
	{"all of nats answers late", func(f *faulty) { f.signal(stopped, f.nats[:]...) }, func(f *faulty) { f.signal(goOn, f.nats[:]...) }},
	{"an indexer killed between replace and mark", (*faulty).killBetween, func(*faulty) {}},
	{"two indexers with the same job, one late", (*faulty).freezeBetween, func(f *faulty) { f.signal(goOn, f.indexers...) }},
}

func (f *faulty) moveBucket(from, to string) {
	buckets := filepath.Join(f.dir, "s3", "buckets")
	must(f.t, os.Rename(filepath.Join(buckets, from), filepath.Join(buckets, to)))
}

// killBetween kills an indexer at the last call of its next Replace. The other one is frozen
// till then, so that it is known whose call it is.
func (f *faulty) killBetween() {
	victim := f.indexers[0]
	f.signal(stopped, f.indexers[1])
	f.atDelete(func() {
		victim.kill()
		f.signal(goOn, f.indexers[1])
	})
}

// freezeBetween freezes an indexer before the first write of its next Replace: the job goes to the
// other, and the first wakes up with what has become old.
func (f *faulty) freezeBetween() {
	f.signal(stopped, f.indexers[1])
	f.at("Points/Upsert", func() {
		f.signal(stopped, f.indexers[0])
		f.signal(goOn, f.indexers[1])
	})
}

func (f *faulty) atDelete(do func()) { f.at("Points/Delete", do) }

// at does something once, before the next call of a method of Qdrant is worked on.
func (f *faulty) at(method string, do func()) {
	var once sync.Once
	before := func(called string) {
		if strings.HasSuffix(called, method) {
			once.Do(func() { f.qdrant.Before.Store(nil); do() })
		}
	}
	f.qdrant.Before.Store(&before)
}

// endure strikes a fault, lets the site change and be crawled meanwhile, heals, and holds that
// everything comes right by itself.
func (f *faulty) endure(x fault, lasting time.Duration) {
	f.t.Helper()
	begun := time.Now()
	f.change()
	left, photo := f.leave()
	x.strike(f)
	crawl := f.start("crawl", f.lineup("scrape", "commands", nil, "scrape", demoSource, "--once", "--config", "/etc/lineup/lineup.yaml"))
	time.Sleep(lasting)
	x.heal(f)
	f.qdrant.Before.Store(nil)
	f.signal(goOn, f.indexers...)
	if f.rough && f.random.IntN(2) == 0 {
		crawl.kill() // its lease has to run out before the next
	}
	f.eventually("the crawl ends", func() error {
		select {
		case <-crawl.done:
			return nil
		default:
			return errors.New("it goes on")
		}
	})
	f.revive()
	f.crawl()
	f.mu.Lock()
	f.gone[sampleID(left)] = photo
	f.mu.Unlock()
	f.settle()
	f.mu.Lock()
	f.t.Logf("%s for %s: right again after %s, answers so far %v", x.name, lasting, time.Since(begun).Round(time.Millisecond), f.answers)
	f.mu.Unlock()
}
