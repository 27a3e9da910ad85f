package broker_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/internal/testkit/stores"
)

// connected is JetStream in this process, over an empty directory.
func connected(t *testing.T) jetstream.JetStream {
	t.Helper()
	return stores.JetStream(t)
}

func TestPrepareMakesWhatTheTableSays(t *testing.T) {
	js := connected(t)
	found, err := broker.Examine(t.Context(), js, 1)
	if err != nil || len(found) != len(broker.Stores()) {
		t.Fatalf("before: %d stores, %v", len(found), err)
	}
	for _, c := range found {
		if !c.Missing {
			t.Errorf("before: %+v", c)
		}
	}
	for range 2 { // the second time nothing changes
		if err := broker.Prepare(t.Context(), js, 1); err != nil {
			t.Fatal(err)
		}
	}
	found, err = broker.Examine(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range found {
		if c.Missing || c.Differs || !c.Leader || c.Replicas != 1 {
			t.Errorf("after: %+v", c)
		}
	}
	names := map[string]bool{}
	for _, s := range broker.Stores() {
		names[s.Stream()] = true
		stream, err := js.Stream(t.Context(), s.Stream())
		if err != nil {
			t.Fatal(err)
		}
		if c := stream.CachedInfo().Config; c.DenyDelete || c.MaxAge != s.TTL || c.AllowDirect != s.Direct {
			t.Errorf("%s: %+v", s.Name, c)
		}
	}
	for name := range js.StreamNames(t.Context()).Name() {
		if !names[name] {
			t.Errorf("%s is in no row of the table", name)
		}
	}
}

// A bucket that an older version made keeps its entries and becomes what this version needs.
func TestOlderBucketsAreBroughtUp(t *testing.T) {
	js, ctx := connected(t), t.Context()
	old, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: broker.Keys, Description: "API keys, hashed", History: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"kept", "gone"} {
		if _, err := old.PutString(ctx, key, key); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Delete(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	b, err := broker.OpenBucket(ctx, js, broker.Keys, 1)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := b.Get(ctx, "kept"); err != nil || string(e.Value) != "kept" || time.Since(e.Written) > time.Minute {
		t.Errorf("kept: %+v, %v", e, err)
	}
	if _, err := b.Get(ctx, "gone"); !errors.Is(err, broker.ErrNoEntry) {
		t.Errorf("gone: %v", err)
	}
	// And what this version writes, the older one reads, which runs beside it for a while.
	if _, err := b.Create(ctx, "gone", []byte("back")); err != nil {
		t.Fatal(err)
	}
	if e, err := old.Get(ctx, "gone"); err != nil || string(e.Value()) != "back" {
		t.Errorf("back: %v, %v", e, err)
	}
}

func TestBucket(t *testing.T) {
	js, ctx := connected(t), t.Context()
	b, err := broker.OpenBucket(ctx, js, broker.Runs, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, "a"); !errors.Is(err, broker.ErrNoEntry) {
		t.Errorf("get before: %v", err)
	}
	first, err := b.Create(ctx, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(ctx, "a", []byte("2")); !errors.Is(err, broker.ErrRaced) {
		t.Errorf("create again: %v", err)
	}
	second, err := b.Update(ctx, "a", []byte("2"), first)
	if err != nil || second <= first {
		t.Fatalf("update: %d, %v", second, err)
	}
	if _, err := b.Update(ctx, "a", []byte("3"), first); !errors.Is(err, broker.ErrRaced) {
		t.Errorf("update of what moved: %v", err)
	}
	if err := b.Delete(ctx, "a", first); !errors.Is(err, broker.ErrRaced) {
		t.Errorf("delete of what moved: %v", err)
	}
	if err := b.Delete(ctx, "a", second); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(ctx, "a"); !errors.Is(err, broker.ErrNoEntry) {
		t.Errorf("get after: %v", err)
	}
	third, err := b.Create(ctx, "a", []byte("4"))
	if err != nil || third <= second {
		t.Fatalf("create after: %d, %v", third, err)
	}
	if e, err := b.Get(ctx, "*"); err != nil || e.Key != "a" || string(e.Value) != "4" || e.Revision != third {
		t.Errorf("get by wildcard: %+v, %v", e, err)
	}
	if _, err := broker.OpenBucket(ctx, js, broker.Jobs, 1); err == nil {
		t.Error("the queue was opened as a bucket")
	}
	if _, err := broker.OpenBucket(ctx, js, "mine", 1); err == nil {
		t.Error("a bucket of no row of the table was opened")
	}
}

// TestEach sweeps in batches and one by one.
func TestEach(t *testing.T) {
	const people = 2503
	large := make([]byte, 20<<10) // so that all are more than two batches
	js, ctx := connected(t), t.Context()
	for _, name := range []string{broker.Listings, broker.Runs} {
		b, err := broker.OpenBucket(ctx, js, name, 1)
		if err != nil {
			t.Fatal(err)
		}
		count := func(filter string, stop int) int {
			seen := map[string]int{}
			err := b.Each(ctx, filter, func(e broker.Entry) bool {
				seen[e.Key]++
				return len(seen) != stop
			})
			if err != nil {
				t.Fatal(err)
			}
			for key, n := range seen {
				if n != 1 {
					t.Errorf("%s was handed over %d times though nobody writes", key, n)
				}
			}
			return len(seen)
		}
		if n := count("", 0); n != 0 {
			t.Errorf("%s: %d of an empty bucket", name, n)
		}
		for i := range people {
			key := fmt.Sprintf("us-%02d.%d", i%5, i)
			revision, err := b.Create(ctx, key, large)
			if err != nil {
				t.Fatal(err)
			}
			if i%100 == 3 {
				if err := b.Delete(ctx, key, revision); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := count("", 0); n != people-25 {
			t.Errorf("%s: swept %d, want %d", name, n, people-25)
		}
		if n := count("us-03.*", 0); n != people/5-25 {
			t.Errorf("%s: swept %d of one source, want %d", name, n, people/5-25)
		}
		if n := count("", 7); n != 7 {
			t.Errorf("%s: went on to %d", name, n)
		}
	}
}

// TestSweepsAskSeldom holds that a sweep is few requests: a server counts, for each, all that the stream holds.
func TestSweepsAskSeldom(t *testing.T) {
	const people = 5000
	js, ctx := connected(t), t.Context()
	b, err := broker.OpenBucket(ctx, js, broker.Listings, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range people {
		if _, err := b.Create(ctx, fmt.Sprintf("us-zz.%d", i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	asked, err := js.Conn().SubscribeSync("$JS.API.DIRECT.GET.>")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	if err := b.Each(ctx, "", func(broker.Entry) bool { seen++; return true }); err != nil || seen != people {
		t.Fatalf("swept %d of %d: %v", seen, people, err)
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := asked.Pending(); err != nil || n == 0 || n > 2 {
		t.Errorf("%d requests for %d entries: %v", n, people, err)
	}
}

// TestAPageOfALogIsAskedForAlone holds that who reads a log by pages is not sent the rest of it.
func TestAPageOfALogIsAskedForAlone(t *testing.T) {
	js, ctx := connected(t), t.Context()
	log, err := broker.OpenLog(ctx, js, broker.Changes, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := log.Append(ctx, fmt.Sprintf("us-zz.%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	before := js.Conn().Stats().InMsgs
	page, err := log.After(ctx, 10, 5)
	if err != nil || len(page) != 5 || page[0].Revision != 11 {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := log.State(ctx); err != nil { // answered behind what is still on its way
		t.Fatal(err)
	}
	if n := js.Conn().Stats().InMsgs - before; n > 8 {
		t.Errorf("%d messages came for a page of five", n)
	}
}

// Example shows a bucket as ledger, keys and evidence use it.
func Example() {
	fmt.Println(broker.StoreNamed(broker.Leases))
	// Output: {lineup-leases bucket 1m0s false false} <nil>
}
