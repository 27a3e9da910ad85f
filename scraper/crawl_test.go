package scraper_test

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
)

// first is the sample registry's first registrant.
const first = samplesite.FirstID

// bench is a sample site with a sink.
type bench struct {
	site   *samplesite.Site
	source *scrapertest.Source
	sink   *scrapertest.Sink
}

func newBench(t *testing.T, people int) *bench {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{People: people, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bench{site, scrapertest.NewSource(server.URL), scrapertest.NewSink()}
}

// crawl makes a crawl over the bench with quick retries.
func (b *bench) crawl() *scraper.Crawl {
	return &scraper.Crawl{Source: b.source, Sink: b.sink, Resume: true,
		Fetcher: fetch.Config{Version: "test", Contact: "operator@example.org", Backoff: time.Millisecond, Tries: 3}}
}

func (b *bench) run(t *testing.T) schemas.RunSummary {
	t.Helper()
	sum, err := b.crawl().Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func (b *bench) fault(t *testing.T, f samplesite.Fault) {
	t.Helper()
	if err := b.site.Fault(f); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

func TestCrawlTwice(t *testing.T) {
	b := newBench(t, 0)
	sum := b.run(t)
	if sum.State != schemas.RunComplete || sum.New != 44 || sum.Registrants != 44 || b.sink.Listed("us-sample") != 44 {
		t.Fatalf("first run: %+v", sum)
	}
	// 40 faces, one shared, four older pictures, two placeholders (which dlib will not find a face in), one without.
	if got := sum.Photos["fetched"]; got != 47 {
		t.Errorf("photos fetched: %v", sum.Photos)
	}
	if sum.WithPhoto != 43 || sum.WithBirth != 44 || sum.WithOffense != 44 {
		t.Errorf("shares: %d %d %d", sum.WithPhoto, sum.WithBirth, sum.WithOffense)
	}
	photos := b.site.Requests("/SomsSUBDirectory/offenderDetailsServletOther")
	sum = b.run(t)
	if sum.State != schemas.RunComplete || sum.Unchanged != 44 || sum.New+sum.Changed+sum.Delisted != 0 {
		t.Errorf("second run: %+v", sum)
	}
	// Only the four older pictures have no date of their own: they are asked for on a condition.
	if again := b.site.Requests("/SomsSUBDirectory/offenderDetailsServletOther") - photos; again != 4 || sum.Photos["fetched"] != 0 ||
		sum.Photos["unchanged"] != 47 {
		t.Errorf("second run asked for %d photos: %v", again, sum.Photos)
	}
}

func TestCrawlSeesWhatChanged(t *testing.T) {
	b := newBench(t, 0)
	b.run(t)
	must(t, b.site.Delist(first))
	must(t, b.site.Move(first+1))
	must(t, b.site.Rephotograph("b", first+2))
	sum := b.run(t)
	if sum.Delisted != 1 || sum.Changed != 2 || sum.Unchanged != 41 || sum.Photos["fetched"] != 1 {
		t.Errorf("after changes: %+v", sum)
	}
	must(t, b.site.Relist(first))
	if sum = b.run(t); sum.Returned != 1 || sum.Unchanged != 43 {
		t.Errorf("after return: %+v", sum)
	}
}

func TestFaults(t *testing.T) {
	detail := "offenderDetails.jsp?offenderid=10007"
	photo := "offenderDetailsServletOther?imageid=100071"
	for _, tc := range []struct {
		name     string
		fault    samplesite.Fault
		state    schemas.RunState
		err      error
		delisted int
	}{
		{"list refuses", samplesite.Fault{Kind: samplesite.Block, Path: "search_index"}, schemas.RunBlocked, fetch.ErrBlocked, 0},
		{"a detail page refuses", samplesite.Fault{Kind: samplesite.Block, Path: detail}, schemas.RunBlocked, fetch.ErrBlocked, 0},
		{"a photo is forbidden", samplesite.Fault{Kind: samplesite.Forbidden, Path: photo}, schemas.RunComplete, nil, 1},
		{"list gives an agreement page", samplesite.Fault{Kind: samplesite.Gate, Path: "search_index"}, schemas.RunFailed, scraper.ErrLayout, 0},
		{"list is empty", samplesite.Fault{Kind: samplesite.Empty, Path: "County=2"}, schemas.RunFailed, scraper.ErrLayout, 0},
		{"list is cut", samplesite.Fault{Kind: samplesite.Cut, Path: "County=2"}, schemas.RunPartial, nil, 0},
		{"layout of details changes", samplesite.Fault{Kind: samplesite.Layout, Path: "offenderDetails.jsp"}, schemas.RunFailed,
			scraper.ErrLayout, 0},
		{"one detail page is not found", samplesite.Fault{Kind: samplesite.NotFound, Path: detail}, schemas.RunComplete, nil, 1},
		{"one detail page fails for good", samplesite.Fault{Kind: samplesite.ServerError, Path: detail}, schemas.RunComplete, nil, 1},
		{"one detail page has another layout", samplesite.Fault{Kind: samplesite.Layout, Path: detail}, schemas.RunComplete, nil, 1},
		{"one detail page fails twice", samplesite.Fault{Kind: samplesite.ServerError, Path: detail, Times: 2}, schemas.RunComplete, nil, 1},
		{"one detail page breaks off", samplesite.Fault{Kind: samplesite.Truncated, Path: detail, Times: 1}, schemas.RunComplete, nil, 1},
		{"a photo fails for good", samplesite.Fault{Kind: samplesite.ServerError, Path: photo}, schemas.RunComplete, nil, 1},
		{"a photo is cut once", samplesite.Fault{Kind: samplesite.Cut, Path: photo, Times: 1}, schemas.RunComplete, nil, 1},
		{"robots.txt fails", samplesite.Fault{Kind: samplesite.ServerError, Path: "robots.txt"}, schemas.RunFailed, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, 0)
			b.run(t)
			must(t, b.site.Delist(first))
			must(t, b.site.Move(first+6))
			must(t, b.site.Rephotograph("a", first+6)) // the photo is asked for again: its date moves
			b.fault(t, tc.fault)
			if tc.fault.Path == photo {
				b.site.Heal()
				tc.fault.Path = "imageid=100073"
				b.fault(t, tc.fault)
			}
			sum, err := b.crawl().Run(t.Context())
			if sum.State != tc.state || tc.err != nil && !errors.Is(err, tc.err) || sum.Delisted != tc.delisted {
				t.Fatalf("got %s (%s), error %v, %d delisted; want %s, %v, %d", sum.State, sum.Reason, err, sum.Delisted, tc.state, tc.err, tc.delisted)
			}
			if want := 44 - tc.delisted; b.sink.Listed("us-sample") != want {
				t.Errorf("%d listed, want %d", b.sink.Listed("us-sample"), want)
			}
			b.site.Heal()
			c := b.crawl()
			if sum.State == schemas.RunBlocked {
				asked := b.site.Requests("*")
				if _, err := b.crawl().Run(t.Context()); !errors.Is(err, fetch.ErrBlocked) || b.site.Requests("*") != asked {
					t.Errorf("asked again without a human's word: %v", err)
				}
				c.Unblock = "the agency says it was a mistake"
			}
			if sum, err := c.Run(t.Context()); err != nil || sum.State != schemas.RunComplete {
				t.Errorf("after healing: %s (%s), %v", sum.State, sum.Reason, err)
			}
			if b.sink.Listed("us-sample") != 43 || b.sink.Records["10007"].Photos[0].Digest == "" {
				t.Errorf("after healing: %d listed, photo %+v", b.sink.Listed("us-sample"), b.sink.Records["10007"].Photos)
			}
		})
	}
}

func TestInterruptedRunEndsAsAnUndisturbedOne(t *testing.T) {
	calm := newBench(t, 0)
	calm.run(t)
	for _, at := range []int{0, 1, 7, 20, 43} {
		b := newBench(t, 0)
		died := errors.New("killed")
		b.sink.Before = func(n int) error {
			if n == at {
				return died
			}
			return nil
		}
		if _, err := b.crawl().Run(t.Context()); !errors.Is(err, died) {
			t.Fatalf("killed at %d: %v", at, err)
		}
		b.sink.Before = nil
		b.sink.Die()
		if sum := b.run(t); sum.State != schemas.RunComplete || b.sink.Listed("us-sample") != 44 {
			t.Fatalf("killed at %d: %+v", at, sum)
		}
		got, want := map[string]schemas.Name{}, map[string]schemas.Name{}
		for key, rec := range b.sink.Records {
			got[key] = rec.Name
		}
		for key, rec := range calm.sink.Records {
			want[key] = rec.Name
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("killed at %d (-undisturbed +resumed):\n%s", at, d)
		}
	}
}

func TestStoppedRunGoesOnWithoutReadingTwice(t *testing.T) {
	b := newBench(t, 0)
	ctx, stop := context.WithCancel(t.Context())
	b.sink.Before = func(n int) error {
		if n == 30 {
			stop()
		}
		return nil
	}
	sum, err := b.crawl().Run(ctx)
	if !errors.Is(err, context.Canceled) || sum.State != schemas.RunPartial {
		t.Fatalf("stopped: %v %v", sum.State, err)
	}
	b.sink.Before = nil
	before := b.site.Requests("/SomsSUBDirectory/offenderDetails.jsp")
	taken := b.sink.Accepted
	if sum := b.run(t); sum.State != schemas.RunComplete || sum.Registrants < 44-taken {
		t.Fatalf("resumed: %+v", sum)
	}
	if again := b.site.Requests("/SomsSUBDirectory/offenderDetails.jsp") - before; again < 44-taken || again > 44-taken+4 {
		// Requests that were on their way when the run stopped may be counted late.
		t.Errorf("read %d detail pages after going on, want %d", again, 44-taken)
	}
	if b.sink.Listed("us-sample") != 44 {
		t.Errorf("%d listed", b.sink.Listed("us-sample"))
	}
}

func TestRefetchesPhotosTheStoreLost(t *testing.T) {
	b := newBench(t, 0)
	b.run(t)
	b.sink.ForgetPhotos()
	// Two pictures are had by two people each; the store in memory keeps them once.
	if sum := b.run(t); sum.Photos["fetched"] < 45 || sum.Unchanged != 44 {
		t.Errorf("%+v", sum)
	}
}

func TestRollingRefresh(t *testing.T) {
	b := newBench(t, 0)
	b.source.Is.Manners.Refresh = 14 * 24 * time.Hour
	b.run(t)
	pages := func() int { return b.site.Requests("/SomsSUBDirectory/offenderDetails.jsp") }
	before := pages()
	must(t, b.site.Delist(first))
	if sum := b.run(t); pages() != before || sum.NotModified != 43 || sum.Delisted != 1 || sum.Registrants != 43 {
		t.Errorf("fresh pages were read again: %d, %+v", pages()-before, sum)
	}
	b.sink.Age(11 * 24 * time.Hour)
	if b.run(t); pages() != before+43 {
		t.Errorf("read %d old pages, want 43", pages()-before)
	}
}

func TestPermission(t *testing.T) {
	b := newBench(t, 0)
	for mode, want := range map[scraper.Mode]error{scraper.PermissionRequired: scraper.ErrPermission, scraper.LinkOnly: scraper.ErrPermission,
		scraper.Import: scraper.ErrPermission} {
		b.source.Is.Mode = mode
		if _, err := b.crawl().Run(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if n := b.site.Requests("*"); n != 0 {
		t.Errorf("%d requests without a permission", n)
	}
	b.source.Is.Mode = scraper.PermissionRequired
	c := b.crawl()
	c.Permission = &schemas.Permission{Who: "the agency", When: "2026", Reference: "letter 1"}
	if sum, err := c.Run(t.Context()); err != nil || sum.State != schemas.RunComplete {
		t.Errorf("with a permission: %v %v", sum.State, err)
	}
}

func TestLeased(t *testing.T) {
	b := newBench(t, 0)
	if _, _, err := b.sink.Begin(t.Context(), "us-sample", false); err != nil {
		t.Fatal(err)
	}
	if _, err := b.crawl().Run(t.Context()); !errors.Is(err, schemas.ErrLeased) {
		t.Errorf("crawl of a leased source: %v", err)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	b := newBench(t, 0)
	b.run(t)
	before := maps.Clone(b.sink.Records)
	must(t, b.site.Delist(first, first+1))
	must(t, b.site.Move(first+2))
	must(t, b.site.Rephotograph("c", first+3))
	c := b.crawl()
	c.Sink, c.DryRun = scraper.NewDryRun(b.sink), true
	sum, err := c.Run(t.Context())
	if err != nil || sum.Changed != 2 || sum.Delisted != 2 || sum.Unchanged != 40 || !sum.DryRun {
		t.Errorf("dry run: %+v, %v", sum, err)
	}
	if d := cmp.Diff(before, b.sink.Records); d != "" || b.sink.Accepted != 44 {
		t.Errorf("a dry run wrote: %d %s", b.sink.Accepted, d)
	}
}

func TestFromArchiveAsksNobody(t *testing.T) {
	b := newBench(t, 0)
	b.run(t)
	asked := b.site.Requests("*")
	b.source.Is.ID = "us-sample"
	a := &scraper.Reread{Source: relevelled{b.source}, Sink: b.sink}
	sum, err := a.Run(t.Context())
	if err != nil || sum.Changed != 44 || sum.Registrants != 44 || sum.Delisted != 0 {
		t.Errorf("from archive: %+v, %v", sum, err)
	}
	if b.site.Requests("*") != asked {
		t.Error("the site was asked")
	}
	if rec := b.sink.Records["10001"]; rec.Designation != "read by version 2" || rec.Photos[0].Digest == "" {
		t.Errorf("record read again: %+v", rec)
	}
}

// relevelled is a newer definition of the same source.
type relevelled struct{ *scrapertest.Source }

func (r relevelled) Parse(page scraper.Page) (scraper.Parsed, error) {
	parsed, err := r.Source.Parse(page)
	for i := range parsed.Drafts {
		parsed.Drafts[i].Record.Designation = "read by version 2"
	}
	return parsed, err
}

// The crawl's own transport is among what loopback keeps on this machine.
func TestNoTestDialsOut(t *testing.T) {
	b := newBench(t, 0)
	c := b.crawl()
	b.source.Base, b.source.Is.Hosts = "http://1.2.3.4", []string{"1.2.3.4"}
	c.Fetcher.Tries = 1
	if _, err := c.Run(t.Context()); !errors.Is(err, loopback.ErrAway) {
		t.Errorf("dialled out: %v", err)
	}
}

func TestStubPhotosAreFlagged(t *testing.T) {
	b := newBench(t, 0)
	must(t, b.site.Stub(first, first+1, first+2, first+3, first+4, first+5, first+6, first+7))
	sum := b.run(t)
	if len(sum.Drift) != 1 || sum.Photos["placeholder"] != 0 { // the indexer judges: only it knows all who share a picture
		t.Errorf("ten people with one picture: %v %v", sum.Photos, sum.Drift)
	}
}

// driftNote names some who lack what others had.
var driftNote = regexp.MustCompile(`^records with an offense: 0 % now, 100 % in the last complete run \(without: \d+, \d+, \d+\)$`)

func TestDriftStopsARunFromDelisting(t *testing.T) {
	b := newBench(t, 0)
	b.run(t)
	must(t, b.site.Delist(first))
	b.source.Quiet = true // the page moved its offences to where nobody looks
	sum := b.run(t)
	if sum.State != schemas.RunRefused || sum.Delisted != 0 || len(sum.Drift) != 1 || !driftNote.MatchString(sum.Drift[0]) ||
		b.sink.Listed("us-sample") != 44 {
		t.Errorf("drifted run: %+v", sum)
	}
	c := b.crawl()
	c.AcceptDrop = "looked at it"
	if sum, err := c.Run(t.Context()); err != nil || sum.State != schemas.RunComplete || sum.Delisted != 1 {
		t.Errorf("accepted drift: %+v %v", sum, err)
	}
}
