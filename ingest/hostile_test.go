package ingest_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/internal/testkit/stores"
	"lineup/schemas"
)

// TestCapturesAreCleaned holds that no hidden character and no link that is none reaches what is kept.
func TestCapturesAreCleaned(t *testing.T) {
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := stores.Open(t)
	in := ingest.New(s.Blobs, s.Ledger, s.Queue, slog.New(slog.DiscardHandler))
	run := begin(t, in)
	_, err := in.Accept(ctx, run, schemas.Capture{Read: time.Now(), Record: schemas.Record{Source: crawled, Key: "1",
		URL:  "javascript:alert(1)",
		Name: schemas.Name{Full: "ROWAN \u202eTESTCASE"}, Marks: []string{"a\x00b"}}})
	check(err)
	finish(t, in, run)
	id := schemas.RegistrantID(crawled, "1")
	listing, err := s.Ledger.Listing(ctx, crawled, id)
	check(err)
	kept, err := s.Blobs.Get(ctx, blob.Ref{Owner: id, Kind: blob.Record, Digest: listing.Record})
	check(err)
	record, err := schemas.DecodeRecord(kept)
	check(err)
	if record.Name.Full != "ROWAN TESTCASE" || record.URL != "" || strings.Join(record.Marks, "") != "ab" {
		t.Errorf("kept %+v", record)
	}
}
