// Package sinktest tells what accepting a capture does, as a suite that every scraper.Sink runs: the ingester, the
// dry run and the sink of the crawl's own tests.
package sinktest

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"lineup/schemas"
	"lineup/scraper"
)

const source = "us-zz"

// Run holds a sink to what the port says. open gives fresh stores: base is where captures are stored, and sink the
// one under test over it, which may be base itself.
func Run(t *testing.T, open func(t *testing.T) (base, sink scraper.Sink)) {
	for name, test := range map[string]struct {
		before []schemas.Capture // stored first, in a run that ends well
		gone   bool              // and then a run that does not see them delists them
		then   []schemas.Capture
		want   []schemas.Outcome
		err    error // of the last
	}{
		"somebody new":   {then: captures("1"), want: outcomes(schemas.OutcomeNew)},
		"the same again": {before: captures("1"), then: captures("1"), want: outcomes(schemas.OutcomeUnchanged)},
		"another content": {before: captures("1"), then: []schemas.Capture{capture("1", "MIRAGE", nil)},
			want: outcomes(schemas.OutcomeChanged)},
		"another photo": {before: captures("1"), then: []schemas.Capture{capture("1", "", []byte("another picture"))},
			want: outcomes(schemas.OutcomeChanged)},
		"who was gone":   {before: captures("1"), gone: true, then: captures("1"), want: outcomes(schemas.OutcomeReturned)},
		"twice in a run": {then: captures("1", "1"), want: outcomes(schemas.OutcomeNew, schemas.OutcomeUnchanged)},
		"twice, with another content between": {then: []schemas.Capture{capture("1", "", nil), capture("1", "MIRAGE", nil)},
			want: outcomes(schemas.OutcomeNew, schemas.OutcomeChanged)},
		"a photo that is not stored": {before: captures("1"), then: []schemas.Capture{unstored("1")},
			want: outcomes(""), err: schemas.ErrPhotoNeeded},
	} {
		t.Run(name, func(t *testing.T) {
			base, sink := open(t)
			store(t, base, test.before)
			if test.gone {
				store(t, base, captures("9", "8", "7", "6"))
			}
			run := begin(t, sink)
			for i, c := range test.then {
				got, err := sink.Accept(t.Context(), run, c)
				if last := i == len(test.then)-1; last && !errors.Is(err, test.err) || !last && err != nil {
					t.Fatalf("capture %d: %v, want %v", i+1, err, test.err)
				}
				if got != test.want[i] {
					t.Errorf("capture %d is %q, want %q", i+1, got, test.want[i])
				}
			}
		})
	}
	t.Run("sightings", func(t *testing.T) {
		base, sink := open(t)
		store(t, base, captures("1"))
		run := begin(t, sink)
		if err := sink.Sight(t.Context(), source, run, "1"); err != nil {
			t.Errorf("who is listed: %v", err)
		}
		if err := sink.Sight(t.Context(), source, run, "2"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("who is not listed: %v", err)
		}
		if _, err := sink.Known(t.Context(), source, "2"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("who is not known: %v", err)
		}
		if listing, err := sink.Known(t.Context(), source, "1"); err != nil || !listing.Listed {
			t.Errorf("who is known: %+v, %v", listing, err)
		}
	})
}

func outcomes(all ...schemas.Outcome) []schemas.Outcome { return all }

func begin(t *testing.T, s scraper.Sink) string {
	t.Helper()
	run, _, err := s.Begin(t.Context(), source, false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// store brings captures in a run of its own, which delists everybody else.
func store(t *testing.T, base scraper.Sink, all []schemas.Capture) {
	t.Helper()
	if len(all) == 0 {
		return
	}
	run := begin(t, base)
	for _, c := range all {
		if _, err := base.Accept(t.Context(), run, c); err != nil {
			t.Fatal(err)
		}
	}
	sum := schemas.RunSummary{Run: run, Source: source, Started: time.Now().UTC(), State: schemas.RunComplete,
		Registrants: len(all), MinCount: 1, MaxDrop: 1, AcceptDrop: "a suite"}
	if got, err := base.Finish(t.Context(), source, run, sum); err != nil || got.State != schemas.RunComplete {
		t.Fatalf("%+v, %v", got, err)
	}
}

func captures(keys ...string) (all []schemas.Capture) {
	for _, key := range keys {
		all = append(all, capture(key, "", nil))
	}
	return all
}

// capture is an invented registrant; alias and photo, if given, take the place of what is usual.
func capture(key, alias string, photo []byte) schemas.Capture {
	r := schemas.Record{Schema: schemas.RecordSchema, Source: source, Key: key, Jurisdiction: "ZZ",
		Name:   schemas.Name{Full: "ODETTE MADEUP", First: "ODETTE", Last: "MADEUP"},
		Photos: []schemas.Photo{{URL: "https://registry.example/" + key + ".jpg"}}}
	if alias != "" {
		r.Aliases = []schemas.Alias{{Name: schemas.Name{Full: alias, Last: alias}}}
	}
	if photo == nil {
		photo = []byte("a picture")
	}
	return schemas.Capture{Record: r, Read: time.Now().UTC(), Photos: []schemas.CapturedPhoto{{Data: photo}},
		Pages: []schemas.CapturedPage{{URL: "https://registry.example/" + key, Data: []byte("page of " + key), Read: time.Now().UTC()}}}
}

// unstored is a capture whose photo is said to be one that nobody has.
func unstored(key string) schemas.Capture {
	c := capture(key, "", nil)
	c.Photos = []schemas.CapturedPhoto{{Unchanged: schemas.DigestOf([]byte("a picture nobody stored"))}}
	return c
}
