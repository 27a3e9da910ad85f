package broker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/internal/testkit/atrest"
	"lineup/internal/testkit/stores"
)

// TestScrub overwrites and erases entries and looks for them in the server's files, also where an older version made the streams.
func TestScrub(t *testing.T) {
	for _, denies := range []bool{false, true} {
		t.Run(fmt.Sprint("stream denies deletion ", denies), func(t *testing.T) {
			dir := t.TempDir()
			js, shut := stores.Reopen(t, dir)
			t.Cleanup(shut)
			ctx := t.Context()
			if denies {
				if _, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: broker.Listings, History: 1}); err != nil {
					t.Fatal(err)
				}
			}
			bucket, err := broker.OpenBucket(ctx, js, broker.Listings, 1)
			if err != nil {
				t.Fatal(err)
			}
			var revision uint64
			for n := range 100 {
				at, err := bucket.Create(ctx, fmt.Sprintf("us-zz.%d", n), []byte(fmt.Sprintf("entry with the secret word of %d.", n)))
				if err != nil {
					t.Fatal(err)
				}
				if n == 50 {
					revision = at
				}
			}
			if _, err := bucket.Update(ctx, "us-zz.50", []byte("emptied"), revision); err != nil {
				t.Fatal(err)
			}
			gone, err := bucket.Get(ctx, "us-zz.60")
			if err == nil {
				err = bucket.Delete(ctx, gone.Key, gone.Revision)
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(atrest.Holding(t, dir, "secret word of 50.")) == 0 {
				t.Fatal("the server keeps nothing of what was overwritten: this tests nothing")
			}
			began := time.Now()
			done, err := bucket.Scrub(ctx)
			if err != nil || done.Entries < 99 {
				t.Fatalf("scrubbed %+v, %v", done, err)
			}
			if keys, err := bucket.Keys(ctx); err != nil || slices.Contains(keys, "scrub.filler") || len(keys) < 99 {
				t.Errorf("%d keys after a scrub, what it filled with among them: %v", len(keys), err)
			}
			for _, word := range []string{"secret word of 50.", "secret word of 60."} {
				if files := atrest.Holding(t, dir, word); len(files) > 0 {
					t.Errorf("%s is in %v", word, files)
				}
			}
			if oldest, err := bucket.Oldest(ctx); err != nil || oldest.Before(began) {
				t.Errorf("the oldest entry is of %s, before %s, %v", oldest, began, err)
			}
			left := map[string]string{}
			if err := bucket.Each(ctx, "", func(e broker.Entry) bool { left[e.Key] = string(e.Value); return true }); err != nil {
				t.Fatal(err)
			}
			if len(left) != 99 || left["us-zz.50"] != "emptied" || left["us-zz.7"] != "entry with the secret word of 7." {
				t.Errorf("%d entries are left", len(left))
			}
			if _, err := bucket.Create(ctx, "us-zz.60", []byte("again")); err != nil {
				t.Errorf("create what was deleted before: %v", err)
			}
			one, err := bucket.Get(ctx, "us-zz.7")
			if err != nil {
				t.Fatal(err)
			}
			if denied, err := bucket.Erase(ctx, one); err != nil || denied != denies {
				t.Errorf("erased: denied %v, %v", denied, err)
			}
			if _, err := bucket.Get(ctx, "us-zz.7"); !errors.Is(err, broker.ErrNoEntry) {
				t.Errorf("an erased entry: %v", err)
			}
			if files := atrest.Holding(t, dir, "secret word of 7."); !denies && len(files) > 0 {
				t.Errorf("an erased entry is in %v", files)
			}
		})
	}
}
