// Package blobtest is the conformance suite of the blob port: one story that every adapter
// must tell alike, run over what the adapter really stores on.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lineup/ingest/blob"
	"lineup/schemas"
)

// Bench is a store under test and what the suite needs to do behind its back.
type Bench struct {
	Store blob.Store
	// Reopen gives a second store over the same data, as another process would open it.
	Reopen func(t *testing.T) blob.Store
	// Overwrite replaces the stored bytes of ref by data without the store knowing.
	Overwrite func(t *testing.T, ref blob.Ref, data []byte)
	// Litter leaves something beside the blobs that is none of them.
	Litter func(t *testing.T)
}

const (
	ann   = schemas.UUID("11111111-1111-5111-8111-111111111111")
	ben   = schemas.UUID("11112222-2222-5222-8222-222222222222") // near ann in a fanned-out tree
	nobod = schemas.UUID("33333333-3333-5333-8333-333333333333")
)

// Run runs the suite. open gives a fresh, empty store; it is called once a chapter.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, chapter := range []struct {
		name string
		tell func(t *testing.T, b Bench)
	}{
		{"an empty store", empty},
		{"put, get, put again", putGet},
		{"another process sees it", reopened},
		{"pages grow young again", pageAge},
		{"every size", sizes},
		{"corrupt bytes", corrupt},
		{"walk", walk},
		{"delete", deletion},
		{"names that are none", badNames},
		{"many at once", concurrent},
		{"cancelled", cancelled},
	} {
		t.Run(chapter.name, func(t *testing.T) {
			b := open(t)
			t.Cleanup(func() { b.Store.Close() })
			chapter.tell(t, b)
		})
	}
}

func empty(t *testing.T, b Bench) {
	ctx := t.Context()
	if err := b.Store.Check(ctx); err != nil {
		t.Errorf("Check: %v", err)
	}
	ref := blob.Ref{Owner: ann, Kind: blob.Photo, Digest: schemas.DigestOf([]byte("never put"))}
	if _, err := b.Store.Get(ctx, ref); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get of nothing: %v, want fs.ErrNotExist", err)
	}
	if has, err := b.Store.Has(ctx, ref); has || err != nil {
		t.Errorf("Has = %v, %v", has, err)
	}
	if err := b.Store.Delete(ctx, ref); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
	if err := b.Store.Delete(ctx); err != nil {
		t.Errorf("Delete of no names: %v", err)
	}
	wantWalk(t, b.Store, "")
	wantWalk(t, b.Store, ann)
}

func putGet(t *testing.T, b Bench) {
	data := []byte("a photo, as far as a store can tell")
	reused := slices.Clone(data)
	ref := put(t, b.Store, ann, blob.Photo, reused)
	clear(reused) // the caller may reuse its buffer
	if want := (blob.Ref{Owner: ann, Kind: blob.Photo, Digest: schemas.DigestOf(data)}); ref != want {
		t.Errorf("Put named it %+v, want %+v", ref, want)
	}
	wantBytes(t, b.Store, ref, data)
	if has, err := b.Store.Has(t.Context(), ref); !has || err != nil {
		t.Errorf("Has = %v, %v", has, err)
	}
	if again := put(t, b.Store, ann, blob.Photo, data); again != ref {
		t.Errorf("the second Put named it %+v, the first %+v", again, ref)
	}
	wantBytes(t, b.Store, ref, data)
	for name, other := range map[string]blob.Ref{
		"owner": {Owner: ben, Kind: blob.Photo, Digest: ref.Digest},
		"kind":  {Owner: ann, Kind: blob.Record, Digest: ref.Digest},
	} {
		if has, err := b.Store.Has(t.Context(), other); has || err != nil {
			t.Errorf("the same bytes of another %s: Has = %v, %v, want false", name, has, err)
		}
	}
	wantWalk(t, b.Store, "", ref)
}

func reopened(t *testing.T, b Bench) {
	ref := put(t, b.Store, ann, blob.Record, []byte(`{"schema":1}`))
	second := b.Reopen(t)
	defer second.Close()
	wantBytes(t, second, ref, []byte(`{"schema":1}`))
	wantWalk(t, second, ann, ref)
	if err := b.Store.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantBytes(t, second, ref, []byte(`{"schema":1}`))
}

func pageAge(t *testing.T, b Bench) {
	ref := put(t, b.Store, ann, blob.Page, []byte("the part of the page that speaks of ann"))
	first := modified(t, b.Store, ref)
	if age := time.Since(first); age < -time.Minute || age > time.Hour {
		t.Fatalf("a page just written was modified at %v", first)
	}
	// Stores keep whole seconds at worst, so the second one must come after the next tick.
	for deadline := time.Now().Add(10 * time.Second); ; {
		put(t, b.Store, ann, blob.Page, []byte("the part of the page that speaks of ann"))
		if modified(t, b.Store, ref).After(first) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a page put again for 10 s is as old as before")
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func sizes(t *testing.T, b Bench) {
	for _, size := range []int{0, 1, 4096, 1<<20 + 1, 17 << 20, blob.MaxSize} {
		data := bytes.Repeat([]byte("lineup!"), size/7+1)[:size]
		wantBytes(t, b.Store, put(t, b.Store, ann, blob.Photo, data), data)
	}
	if _, err := b.Store.Put(t.Context(), ben, blob.Photo, make([]byte, blob.MaxSize+1)); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("Put of one byte too many: %v, want ErrTooLarge", err)
	}
	wantWalk(t, b.Store, ben)
}

func corrupt(t *testing.T, b Bench) {
	data := []byte("what the source sent")
	for name, bad := range map[string][]byte{
		"another letter": []byte("What the source sent"),
		"cut short":      data[:7],
		"emptied":        {},
		"grown":          append(slices.Clone(data), "!"...),
		"huge":           make([]byte, blob.MaxSize+1),
	} {
		t.Run(name, func(t *testing.T) {
			ref := put(t, b.Store, ann, blob.Photo, data)
			b.Overwrite(t, ref, bad)
			if got, err := b.Store.Get(t.Context(), ref); !errors.Is(err, blob.ErrCorrupt) || got != nil {
				t.Fatalf("Get = %d bytes, %v, want none and ErrCorrupt", len(got), err)
			}
			if len(bad) == len(data) { // a store need not notice; deleting first always helps
				if err := b.Store.Delete(t.Context(), ref); err != nil {
					t.Fatal(err)
				}
			}
			put(t, b.Store, ann, blob.Photo, data)
			wantBytes(t, b.Store, ref, data)
		})
	}
}

func walk(t *testing.T, b Bench) {
	var anns, bens []blob.Ref
	for i := range 5 {
		anns = append(anns, put(t, b.Store, ann, blob.Photo, fmt.Appendf(nil, "photo %d", i)))
		bens = append(bens, put(t, b.Store, ben, blob.Page, fmt.Appendf(nil, "page %d", i)))
	}
	anns = append(anns, put(t, b.Store, ann, blob.Record, []byte("record")))
	bens = append(bens, put(t, b.Store, ben, blob.Photo, []byte("photo 0"))) // the bytes of ann's
	b.Litter(t)
	wantWalk(t, b.Store, ann, anns...)
	wantWalk(t, b.Store, ben, bens...)
	wantWalk(t, b.Store, nobod)
	wantWalk(t, b.Store, "", append(slices.Clone(anns), bens...)...)
	wantShards(t, b.Store, append(slices.Clone(anns), bens...))
	for info, err := range b.Store.Walk(t.Context(), ann) {
		if err != nil {
			t.Fatal(err)
		}
		want := int64(len("photo 0"))
		if info.Kind == blob.Record {
			want = int64(len("record"))
		}
		if info.Size != want || time.Since(info.Modified).Abs() > time.Hour {
			t.Errorf("%s: size %d, modified %v", info.Key(), info.Size, info.Modified)
		}
	}
	seen := 0
	for range b.Store.Walk(t.Context(), "") { // stopping early is allowed
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("saw %d blobs before stopping, want 2", seen)
	}
}

func deletion(t *testing.T, b Bench) {
	ctx := t.Context()
	kept := put(t, b.Store, ben, blob.Photo, []byte("shared bytes"))
	gone := put(t, b.Store, ann, blob.Photo, []byte("shared bytes"))
	page := put(t, b.Store, ann, blob.Page, []byte("page"))
	for round := range 2 { // the second time nothing is there
		if err := b.Store.Delete(ctx, gone, page); err != nil {
			t.Fatalf("Delete, round %d: %v", round, err)
		}
		if _, err := b.Store.Get(ctx, gone); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("Get after Delete: %v, want fs.ErrNotExist", err)
		}
	}
	wantWalk(t, b.Store, "", kept)
	wantBytes(t, b.Store, kept, []byte("shared bytes"))
	put(t, b.Store, ann, blob.Photo, []byte("shared bytes"))
	wantBytes(t, b.Store, gone, []byte("shared bytes"))

	var many []blob.Ref // more than one request of S3's DeleteObjects takes
	const n = 1100
	for i := range n {
		many = append(many, blob.Ref{Owner: ann, Kind: blob.Record, Digest: schemas.DigestOf(fmt.Append(nil, i))})
	}
	put(t, b.Store, ann, blob.Record, fmt.Append(nil, n-1))
	if err := b.Store.Delete(ctx, many...); err != nil {
		t.Fatalf("Delete of %d names: %v", n, err)
	}
	wantWalk(t, b.Store, "", kept, gone)
}

func badNames(t *testing.T, b Bench) {
	ctx := t.Context()
	digest := schemas.DigestOf([]byte("x"))
	for name, ref := range map[string]blob.Ref{
		"owner climbs":    {Owner: "../../..", Kind: blob.Photo, Digest: digest},
		"owner upper":     {Owner: schemas.UUID(strings.ToUpper("aaaaaaaa-aaaa-5aaa-8aaa-aaaaaaaaaaaa")), Kind: blob.Photo, Digest: digest},
		"no owner":        {Kind: blob.Photo, Digest: digest},
		"kind climbs":     {Owner: ann, Kind: "../photo", Digest: digest},
		"unknown kind":    {Owner: ann, Kind: "probe", Digest: digest},
		"digest climbs":   {Owner: ann, Kind: blob.Photo, Digest: "../" + digest[3:]},
		"digest too long": {Owner: ann, Kind: blob.Photo, Digest: digest + "0"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := b.Store.Get(ctx, ref); !errors.Is(err, blob.ErrRef) {
				t.Errorf("Get: %v, want ErrRef", err)
			}
			if _, err := b.Store.Has(ctx, ref); !errors.Is(err, blob.ErrRef) {
				t.Errorf("Has: %v, want ErrRef", err)
			}
			if err := b.Store.Delete(ctx, ref); !errors.Is(err, blob.ErrRef) {
				t.Errorf("Delete: %v, want ErrRef", err)
			}
			if ref.Digest != digest {
				return
			}
			if _, err := b.Store.Put(ctx, ref.Owner, ref.Kind, []byte("x")); !errors.Is(err, blob.ErrRef) {
				t.Errorf("Put: %v, want ErrRef", err)
			}
		})
	}
	for _, err := range b.Store.Walk(ctx, "../..") {
		if !errors.Is(err, blob.ErrRef) {
			t.Errorf("Walk: %v, want ErrRef", err)
		}
	}
	wantWalk(t, b.Store, "")
}

func concurrent(t *testing.T, b Bench) {
	const writers, each = 8, 6
	second := b.Reopen(t)
	defer second.Close()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			store := []blob.Store{b.Store, second}[w%2]
			for i := range each { // everybody puts the same blobs, and reads what it put
				data := bytes.Repeat(fmt.Appendf(nil, "blob %d ", i), 5000)
				ref, err := store.Put(t.Context(), ann, blob.Photo, data)
				if err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				got, err := store.Get(t.Context(), ref)
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("Get after Put: %d bytes, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(refs(t, b.Store, "")); n != each {
		t.Errorf("%d blobs after %d writers put the same %d", n, writers, each)
	}
}

func cancelled(t *testing.T, b Bench) {
	ref := put(t, b.Store, ann, blob.Photo, []byte("there"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
	_, err := b.Store.Put(ctx, ann, blob.Photo, []byte("not there"))
	want("Put", err)
	_, err = b.Store.Get(ctx, ref)
	want("Get", err)
	_, err = b.Store.Has(ctx, ref)
	want("Has", err)
	want("Delete", b.Store.Delete(ctx, ref))
	want("Check", b.Store.Check(ctx))
	err = nil
	for _, err = range b.Store.Walk(ctx, "") {
	}
	want("Walk", err)
	wantWalk(t, b.Store, "", ref)
}

func put(t *testing.T, s blob.Store, owner schemas.UUID, kind blob.Kind, data []byte) blob.Ref {
	t.Helper()
	ref, err := s.Put(t.Context(), owner, kind, data)
	if err != nil {
		t.Fatalf("Put %d bytes: %v", len(data), err)
	}
	return ref
}

func wantBytes(t *testing.T, s blob.Store, ref blob.Ref, want []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), ref)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("Get gave %d bytes %.40q, want %d bytes %.40q", len(got), got, len(want), want)
	}
}

func refs(t *testing.T, s blob.Store, owner schemas.UUID) []blob.Ref {
	t.Helper()
	var found []blob.Ref
	for info, err := range s.Walk(t.Context(), owner) {
		if err != nil {
			t.Fatalf("Walk(%q): %v", owner, err)
		}
		found = append(found, info.Ref)
	}
	return found
}

// wantShards holds that every blob is in the shard of its owner and in no other.
func wantShards(t *testing.T, s blob.Store, want []blob.Ref) {
	t.Helper()
	seen := map[blob.Ref]int{}
	for shard := range blob.Shards {
		for info, err := range s.WalkShard(t.Context(), shard) {
			if err != nil {
				t.Fatalf("WalkShard(%d): %v", shard, err)
			}
			if seen[info.Ref]++; !strings.HasPrefix(string(info.Owner), blob.ShardPrefix(shard)) {
				t.Errorf("%s is in shard %d", info.Key(), shard)
			}
		}
	}
	for _, ref := range want {
		if seen[ref] != 1 {
			t.Errorf("%s is in %d shards", ref.Key(), seen[ref])
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d blobs in all shards, want %d", len(seen), len(want))
	}
}

func wantWalk(t *testing.T, s blob.Store, owner schemas.UUID, want ...blob.Ref) {
	t.Helper()
	byKey := func(a, b blob.Ref) int { return strings.Compare(a.Key(), b.Key()) }
	got, want := refs(t, s, owner), slices.Clone(want)
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("Walk(%q) (-want +got):\n%s", owner, diff)
	}
}

func modified(t *testing.T, s blob.Store, ref blob.Ref) time.Time {
	t.Helper()
	for info, err := range s.Walk(t.Context(), ref.Owner) {
		if err != nil {
			t.Fatal(err)
		}
		if info.Ref == ref {
			return info.Modified
		}
	}
	t.Fatalf("Walk does not find %s", ref.Key())
	return time.Time{}
}
