package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"lineup/config"
	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/internal/testkit/atrest"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// traces are bytes that only the stores of a listed registrant may hold.
func (r *road) traces(id schemas.UUID) map[string][]byte {
	r.t.Helper()
	ctx := r.t.Context()
	s, err := r.h.Ledger.Find(ctx, id)
	must(r.t, err)
	data, err := r.h.Blobs.Get(ctx, blob.Ref{Owner: id, Kind: blob.Record, Digest: s.Record})
	must(r.t, err)
	record, err := schemas.DecodeRecord(data)
	must(r.t, err)
	name, err := json.Marshal(record.Name)
	must(r.t, err)
	found := map[string][]byte{"name": name, "registry number": []byte(`"key":"` + s.Key + `"`), "record digest": []byte(s.Record)}
	for _, p := range s.Pages {
		found["page URL"], found["page digest"] = asJSON(p.URL), []byte(p.Digest)
	}
	for _, p := range s.Photos {
		if p.Digest == "" {
			continue
		}
		found["photo URL"], found["photo digest"] = asJSON(p.URL), []byte(p.Digest)
		photo, err := r.h.Blobs.Get(ctx, blob.Ref{Owner: id, Kind: blob.Photo, Digest: p.Digest})
		must(r.t, err)
		found["photo"] = photo[len(photo)/2 : len(photo)/2+64]
		if f, err := r.h.Index.Face(ctx, schemas.FaceID(id, p.Digest)); err == nil {
			found["embedding"], err = binary.Append(nil, binary.LittleEndian, f.Embedding[:16])
			must(r.t, err)
		}
	}
	return found
}

// asJSON is a text as it stands in JSON, without its quotes.
func asJSON(text string) []byte {
	data, _ := json.Marshal(text)
	return data[1 : len(data)-1]
}

// forgotten waits, at most a minute, until nothing of traces is in the data directory.
func (r *road) forgotten(how string, traces map[string][]byte) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var left []string
		for name, what := range traces {
			if files := atrest.Holding(r.t, r.app.Config.Data, string(what)); len(files) > 0 {
				left = append(left, name+" in "+strings.Join(files, ", "))
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			slices.Sort(left)
			r.t.Errorf("%s, a minute later:\n%s", how, strings.Join(left, "\n"))
			return
		}
	}
}

// TestNothingIsLeftBehind looks through every file of an all-in-one for somebody who was removed, who was delisted, and whose time
// is over, each of whom was found by a search before.
func TestNothingIsLeftBehind(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	r.crawl("")
	removed, delisted, expired := samplesite.FirstID+5, samplesite.FirstID+6, samplesite.FirstID+7
	for _, photo := range []string{"p006c.jpg", "p007c.jpg", "p008c.jpg"} {
		r.search(photo) // leaves evidence
	}
	must(t, r.site.Move(removed), r.site.Move(delisted)) // so that there are earlier revisions
	r.crawl("")
	traces := map[int]map[string][]byte{}
	for _, id := range []int{removed, delisted, expired} {
		traces[id] = r.traces(sampleID(id))
		for name, what := range traces[id] {
			if len(atrest.Holding(r.t, r.app.Config.Data, string(what))) == 0 && name != "embedding" {
				t.Fatalf("the %s of %d is nowhere: this tests nothing", name, id)
			}
		}
	}
	var out bytes.Buffer
	r.app.Stdout = &out
	remove := func(c Remove) error {
		out.Reset()
		c.UUID = string(sampleID(removed))
		return c.Run(ctx, r.app)
	}
	if err := remove(Remove{Reason: "because"}); err == nil || !strings.Contains(err.Error(), "court_order") {
		t.Errorf("a reason that is no code: %v", err)
	}
	if err := remove(Remove{Reason: "person", Note: "as asked by " + r.surname(sampleID(removed))}); err == nil ||
		!strings.Contains(err.Error(), "name") {
		t.Errorf("a note with the name: %v", err)
	}
	must(t, remove(Remove{Reason: "court_order", Note: "file 12/26", DryRun: true}))
	var plan struct{ Photos, Pages, Records, Matches int }
	if err := json.Unmarshal(out.Bytes(), &plan); err != nil || plan.Photos == 0 || plan.Pages == 0 || plan.Records != 1 || plan.Matches == 0 {
		t.Errorf("a dry run says %s", out.String())
	}
	if s, err := r.h.Ledger.Find(ctx, sampleID(removed)); err != nil || !s.Listed {
		t.Errorf("a dry run removed: %+v %v", s, err)
	}
	r.renewMetrics()
	must(t, r.h.WithWorker(ctx, func(context.Context) error { return remove(Remove{Reason: "court_order", Note: "file 12/26"}) }))
	var receipt ingest.Receipt
	must(t, json.Unmarshal(out.Bytes(), &receipt))
	if len(receipt.Places) < 8 || receipt.Reason != "court_order" {
		t.Errorf("the receipt lists %+v", receipt)
	}
	if _, err := r.h.VerifyReceipt(ctx, out.Bytes()); err != nil {
		t.Error(err)
	}
	r.forgotten("removed", traces[removed])

	must(t, r.site.Delist(delisted))
	r.crawl("")
	r.forgotten("delisted", traces[delisted])

	r.retained(traces[expired])
}

// TestNothingIsLeftBehindInS3 looks through every file of the S3 server, and of the installation, for somebody whose time is over.
func TestNothingIsLeftBehindInS3(t *testing.T) {
	d := newDeployment(t)
	d.startS3()
	own := d.services["admin"].Environment
	r := newRoad(t, func(a *App) {
		at := strings.NewReplacer(d.places...)
		a.Config.S3 = config.S3{Endpoint: at.Replace(own["LINEUP_S3_ENDPOINT"]), Bucket: own["LINEUP_S3_BUCKET"], Lookup: own["LINEUP_S3_LOOKUP"],
			CA: at.Replace(own["LINEUP_S3_CA"]), AccessKey: own["LINEUP_S3_ACCESS_KEY"], SecretKey: own["LINEUP_S3_SECRET_KEY"]}
	})
	expired := sampleID(samplesite.FirstID + 7)
	r.crawl("")
	r.search("p008c.jpg") // leaves evidence
	traces, there := r.traces(expired), 0
	for _, what := range traces {
		there += min(len(d.stored(what)), 1)
	}
	if there < 4 { // photo and its digest, record and its digest
		t.Fatalf("%d traces are in the S3 server's storage: this tests nothing", there)
	}
	r.retained(traces)
	for name, what := range traces {
		if files := d.stored(what); len(files) > 0 {
			t.Errorf("the %s of whose time is over is in %q", name, files)
		}
	}
}

// retained lets everybody's time be over, and holds that nothing is left of somebody who left these traces.
func (r *road) retained(traces map[string][]byte) {
	r.t.Helper()
	gone, err := r.h.Ingest.Retain(r.t.Context(), demoSource, ingest.Keep{Records: time.Nanosecond})
	if must(r.t, err); gone.Delisted == 0 {
		r.t.Fatal("nobody's time is over")
	}
	_, err = r.h.Scrub(r.t.Context())
	must(r.t, err)
	r.renewMetrics()
	must(r.t, r.h.Settle(r.t.Context()))
	r.forgotten("time over", traces)
}

func (r *road) surname(id schemas.UUID) string {
	docs, err := r.h.Index.Lookup(r.t.Context(), id)
	if must(r.t, err); len(docs) == 0 {
		r.t.Fatal("not in the index")
	}
	return docs[0].Record.Name.Last
}
