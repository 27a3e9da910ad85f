package brokertest_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"lineup/ingest/broker"
	"lineup/internal/testkit/atrest"
	"lineup/internal/testkit/brokertest"
)

// erasedWithin is the bound that receipts state for a cluster: its servers cut the logs that they keep for each other when those have
// grown, which what a scrub writes makes them do, and every two minutes or so else. Measured: two seconds.
const erasedWithin = 5 * time.Minute

// TestScrubReachesEveryServer overwrites and erases what three servers hold, and looks for it in all their files, the logs that they keep
// for each other among them.
func TestScrubReachesEveryServer(t *testing.T) {
	c := brokertest.Start(t, "../../../deploy/nats")
	dir := filepath.Dir(c.CAFile)
	ctx := t.Context()
	nc, err := broker.Dial(broker.Remote{URL: c.URL("admin"), Trust: c.Trust(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := broker.JetStream(ctx, nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.Prepare(ctx, js, 3); err != nil {
		t.Fatal(err)
	}
	listings, err := broker.UseBucket(js, broker.Listings)
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := broker.UseBucket(js, broker.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		revision, err := listings.Create(ctx, fmt.Sprintf("us-zz.%d", n), []byte("secret word of the ledger"))
		if err == nil {
			_, err = listings.Update(ctx, fmt.Sprintf("us-zz.%d", n), []byte("emptied"), revision)
		}
		if err == nil {
			_, err = proofs.Create(ctx, fmt.Sprint(n), []byte("secret word of the evidence"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(atrest.Holding(t, dir, "secret word of")) == 0 {
		t.Fatal("the servers hold nothing: this tests nothing")
	}
	began := time.Now()
	err = proofs.Each(ctx, "", func(e broker.Entry) bool {
		if denied, err := proofs.Erase(ctx, e); err != nil || denied {
			t.Errorf("erase: denied %v, %v", denied, err)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []*broker.Bucket{listings, proofs} {
		if _, err := bucket.Scrub(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for {
		files := atrest.Holding(t, dir, "secret word of")
		if len(files) == 0 {
			t.Logf("gone from every file after %s", time.Since(began).Round(time.Second))
			return
		}
		if time.Since(began) > erasedWithin {
			t.Fatalf("after %s it is still in %v", time.Since(began).Round(time.Second), files)
		}
		time.Sleep(time.Second)
	}
}
