package source_test

import (
	"slices"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition/read"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

// tables are the shapes whose rows and columns the site can spoil, lists those whose ids it can.
var (
	tables = []string{"us-ga", "us-or", "us-fl", "us-dc", "us-mo", "us-nc", "us-tx", "us-mt", "us-mo-map", "us-tn-map",
		"us-il-chicago"}
	lists = []string{"us-ca", "us-id", "us-ne", "us-nd", "us-gu", "us-mi", "us-va", "us-wi"}
)

// spoils says what must come of a shape's next run while its pages have a fault: each of these
// states is right. A run that is complete nonetheless must have read everybody as before.
var spoils = []struct {
	kind   samplesite.Kind
	states []schemas.RunState
	shapes []string // nil is all
	but    []string
}{
	{samplesite.Block, []schemas.RunState{schemas.RunBlocked}, nil, nil},
	{samplesite.Forbidden, []schemas.RunState{schemas.RunBlocked}, nil, nil},
	{samplesite.Gate, []schemas.RunState{schemas.RunFailed}, nil, nil},
	{samplesite.Empty, []schemas.RunState{schemas.RunFailed}, nil, nil},
	{samplesite.Cut, []schemas.RunState{schemas.RunFailed, schemas.RunPartial, schemas.RunRefused}, nil, nil},
	{samplesite.Truncated, []schemas.RunState{schemas.RunFailed, schemas.RunPartial}, nil, nil},
	// A page that names its charset is held to it, and JSON has only one; of other files it is found out.
	// Oregon's file is in ISO-8859-1 by its definition, and archives have no charset.
	{samplesite.Charset, []schemas.RunState{schemas.RunFailed, schemas.RunPartial, schemas.RunComplete}, nil,
		[]string{"us-or", "us-mo", "us-nc", "us-tx"}},
	{samplesite.Charset, []schemas.RunState{schemas.RunFailed, schemas.RunPartial}, []string{"us-ny", "us-id", "us-ne", "us-nd"}, nil},
	{samplesite.Renamed, []schemas.RunState{schemas.RunFailed}, tables, nil},
	{samplesite.Reordered, []schemas.RunState{schemas.RunComplete}, tables, []string{"us-mo"}},
	{samplesite.Reordered, []schemas.RunState{schemas.RunFailed}, []string{"us-mo"}, nil}, // its header is found by the first cell
	{samplesite.Duplicated, []schemas.RunState{schemas.RunComplete}, tables, nil},
	{samplesite.Shrunk, []schemas.RunState{schemas.RunRefused}, append(slices.Clone(tables), lists...), nil},
	// Ids that are another's in the other case look like a new registry: the old one may not go.
	{samplesite.CaseIDs, []schemas.RunState{schemas.RunRefused, schemas.RunComplete}, append(slices.Clone(tables), lists...), nil},
}

// rough is a shape of a small sample site that has been crawled once.
type rough struct {
	t    *testing.T
	site *samplesite.Site
	src  *read.Source
	sink *scrapertest.Sink
}

const few = 12

func newRough(t *testing.T, id string) *rough {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{People: few})
	if err != nil {
		t.Fatal(err)
	}
	server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	src, err := source.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(server.URL); err != nil {
		t.Fatal(err)
	}
	r := &rough{t, site, src, scrapertest.NewSink()}
	r.well(&scraper.Crawl{})
	return r
}

// crawl crawls once, with c's Unblock and AcceptDrop.
func (r *rough) crawl(c *scraper.Crawl) (schemas.RunSummary, error) {
	c.Source, c.Sink, c.Fetcher = r.src, r.sink, fetch.Config{Version: "test", Tries: 1}
	return c.Run(r.t.Context())
}

// well crawls a site without a fault: everybody must be there afterwards, and nobody else.
func (r *rough) well(c *scraper.Crawl) {
	r.t.Helper()
	sum, err := r.crawl(c)
	if err != nil || sum.State != schemas.RunComplete && sum.State != schemas.RunSame || r.sink.Listed(r.src.Info().ID) != few {
		r.t.Fatalf("without a fault: %s (%s), %d listed, %v", sum.State, sum.Reason, r.sink.Listed(r.src.Info().ID), err)
	}
}

// TestFaultsOfEveryShape spoils every shape in every way: whatever comes, nobody is delisted, and
// the first good run puts all right again.
func TestFaultsOfEveryShape(t *testing.T) {
	for _, id := range samplesite.ShapeIDs() {
		t.Run(id, func(t *testing.T) {
			r := newRough(t, id)
			for _, fault := range spoils {
				if fault.shapes != nil && !slices.Contains(fault.shapes, id) || slices.Contains(fault.but, id) {
					continue
				}
				if err := r.site.Fault(samplesite.Fault{Kind: fault.kind}); err != nil {
					t.Fatal(err)
				}
				// Something has changed, so that no file is passed over as the same.
				if err := r.site.Move(samplesite.FirstID); err != nil {
					t.Fatal(err)
				}
				sum, err := r.crawl(&scraper.Crawl{})
				if !slices.Contains(fault.states, sum.State) || sum.Delisted != 0 || r.sink.Listed(id) < few {
					t.Errorf("%s: %s (%s), %d delisted, %d listed, %v; want %v", fault.kind, sum.State, sum.Reason, sum.Delisted, r.sink.Listed(id), err,
						fault.states)
				}
				if sum.State == schemas.RunComplete && (sum.Registrants != few || sum.New > 0 || sum.Changed > 1) {
					t.Errorf("%s: a complete run read %d people, %d of them new, %d changed", fault.kind, sum.Registrants, sum.New, sum.Changed)
				}
				r.site.Heal()
				mend := &scraper.Crawl{Unblock: "test"}
				if sum.New > 0 {
					mend.AcceptDrop = "the ids are right again"
				}
				r.well(mend)
			}
		})
	}
}
