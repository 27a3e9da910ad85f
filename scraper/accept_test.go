package scraper_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
)

// file is a source of one file, whose people come one by one under these keys, or as the drafts of its page.
type file struct {
	site  string
	keys  []string
	whole bool // all at once
}

// Info says that the source is a file.
func (f *file) Info() scraper.Info {
	return scraper.Info{ID: "us-file", Name: "Invented", Jurisdiction: "ZZ", Home: f.site, Mode: scraper.Enabled, Version: 1,
		Local: f.site[len("http://"):], Guards: scraper.Guards{MinCount: 1}}
}

// Start asks for the file.
func (f *file) Start() ([]scraper.Request, error) {
	return []scraper.Request{{Rule: "file", URL: f.site + "/file"}}, nil
}

// Parse gives the people.
func (f *file) Parse(p scraper.Page) (scraper.Parsed, error) {
	var all []scraper.Draft
	for _, key := range f.keys {
		record := schemas.Record{Source: "us-file", Key: key, Name: schemas.Name{Full: "Testcase " + key}}
		all = append(all, scraper.Draft{Record: record, Evidence: []byte(key)})
	}
	out := scraper.Parsed{Keys: f.keys}
	if f.whole {
		out.Drafts = all
		return out, nil
	}
	out.Rows = func(yield func(scraper.Draft, error) bool) {
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
	return out, nil
}

// meeting is a sink that calls arrives before it accepts anybody, of several at once.
type meeting struct {
	*scrapertest.Sink
	arrives func(ctx context.Context, key string) error
}

// Accept calls arrives, and accepts if that returns no error.
func (m *meeting) Accept(ctx context.Context, run string, c schemas.Capture) (schemas.Outcome, error) {
	if err := m.arrives(ctx, c.Record.Key); err != nil {
		return "", err
	}
	return m.Sink.Accept(ctx, run, c)
}

func fileOf(t *testing.T, whole bool, keys ...string) *file {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/file" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "file")
	}))
	t.Cleanup(server.Close)
	return &file{server.URL, keys, whole}
}

func numbered(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("%04d", i))
	}
	return keys
}

// TestSeveralAreAcceptedAtOnce: nobody of a file is accepted before eight are being accepted.
func TestSeveralAreAcceptedAtOnce(t *testing.T) {
	for name, whole := range map[string]bool{"one by one": false, "all of the page": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var mu sync.Mutex
			here, all := 0, make(chan struct{})
			sink := &meeting{scrapertest.NewSink(), func(ctx context.Context, _ string) error {
				mu.Lock()
				if here++; here == 8 {
					close(all)
				}
				mu.Unlock()
				select {
				case <-all:
					return nil
				case <-ctx.Done():
					return errors.New("alone")
				}
			}}
			c := scraper.Crawl{Source: fileOf(t, whole, numbered(50)...), Sink: sink}
			sum, err := c.Run(ctx)
			if err != nil || sum.State != schemas.RunComplete || sum.New != 50 || sum.Registrants != 50 {
				t.Fatalf("%d new of %d, %s (%s): %v", sum.New, sum.Registrants, sum.State, sum.Reason, err)
			}
		})
	}
}

// TestListedTwiceAtOnce: who comes again while being accepted is dropped as one who comes again afterwards.
func TestListedTwiceAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	later := make(chan struct{})
	var accepted []string
	sink := &meeting{scrapertest.NewSink(), func(ctx context.Context, key string) error {
		if key == "b" {
			close(later)
			return nil
		}
		select {
		case <-later: // the second a has been read by now
		case <-ctx.Done():
			return errors.New("alone")
		}
		accepted = append(accepted, key)
		return nil
	}}
	c := scraper.Crawl{Source: fileOf(t, false, "a", "a", "b"), Sink: sink}
	sum, err := c.Run(ctx)
	if err != nil || sum.New != 2 || sum.Registrants != 2 || sum.Dropped["listed twice"] != 1 || !slices.Equal(accepted, []string{"a"}) {
		t.Fatalf("%d new of %d, dropped %v, accepted %v: %v", sum.New, sum.Registrants, sum.Dropped, accepted, err)
	}
}

// TestNobodyIsBegunAfterAnError: once one could not be accepted, those under way are accepted, nobody else is begun, and the
// run ends with that error; the next run accepts who is left, and nobody twice.
func TestNobodyIsBegunAfterAnError(t *testing.T) {
	errFull := errors.New("no room")
	const people = 20_000
	failed := make(chan struct{})
	var mu sync.Mutex
	begun, full := map[string]int{}, true
	inner := scrapertest.NewSink()
	sink := &meeting{inner, func(_ context.Context, key string) error {
		mu.Lock()
		begun[key]++
		mu.Unlock()
		switch {
		case full && key == "0010":
			close(failed)
			return errFull
		case key > "0010":
			<-failed
		}
		return nil
	}}
	source := fileOf(t, false, numbered(people)...)
	c := scraper.Crawl{Source: source, Sink: sink, Resume: true}
	sum, err := c.Run(t.Context())
	if !errors.Is(err, errFull) || sum.State != schemas.RunPartial || !sum.Interrupted {
		t.Fatalf("%s (%s): %v", sum.State, sum.Reason, err)
	}
	if len(begun) == people {
		t.Errorf("all %d were begun, the 11th failed", people)
	}
	if sum.New != len(begun)-1 || inner.Accepted != len(begun)-1 {
		t.Errorf("%d new, %d accepted, of %d begun one failed", sum.New, inner.Accepted, len(begun))
	}
	full = false
	c = scraper.Crawl{Source: source, Sink: sink, Resume: true}
	if sum, err = c.Run(t.Context()); err != nil || sum.State != schemas.RunComplete || sum.Registrants != people {
		t.Fatalf("%d, %s (%s): %v", sum.Registrants, sum.State, sum.Reason, err)
	}
	for key, n := range begun {
		if n > 1 && key != "0010" {
			t.Errorf("%s was accepted %d times", key, n)
		}
	}
}

// TestDryRunInTheOrderOfTheFile: what a dry run would do is told in the order of the file.
func TestDryRunInTheOrderOfTheFile(t *testing.T) {
	keys := numbered(200)
	dry := scraper.NewDryRun(scrapertest.NewSink())
	c := scraper.Crawl{Source: fileOf(t, false, keys...), Sink: dry, DryRun: true}
	if sum, err := c.Run(t.Context()); err != nil || sum.New != len(keys) {
		t.Fatalf("%d new: %v", sum.New, err)
	}
	var told []string
	for _, change := range dry.Changes() {
		told = append(told, change.Key)
	}
	if !slices.Equal(told, keys) {
		t.Errorf("told %v", told)
	}
}
