package indexer_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// meeting lets steps wait for each other: what happened is counted by name.
type meeting struct {
	mu   sync.Mutex
	cond *sync.Cond
	seen map[string]int
	over bool
}

func newMeeting() *meeting {
	m := &meeting{seen: map[string]int{}}
	m.cond = sync.NewCond(&m.mu)
	return m
}

func (m *meeting) happened(what string) (times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[what]++
	m.cond.Broadcast()
	return m.seen[what]
}

// until waits for what to have happened so often; false when the test is over before.
func (m *meeting) until(what string, times int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.seen[what] < times && !m.over {
		m.cond.Wait()
	}
	return m.seen[what] >= times
}

func (m *meeting) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over = true
	m.cond.Broadcast()
}

type meetingFaces struct {
	*counting
	m *meeting
	t *testing.T
}

// Embed of the first photo waits until the second photo has been fetched.
func (f meetingFaces) Embed(ctx context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	if f.m.happened("embed") == 1 && !f.m.until("fetch", 2) {
		f.t.Error("no photo was fetched while another one was embedded")
	}
	return f.counting.Embed(ctx, photo, purpose)
}

type meetingBlobs struct {
	blob.Store
	m *meeting
}

func (b meetingBlobs) Get(ctx context.Context, ref blob.Ref) ([]byte, error) {
	if ref.Kind == blob.Photo {
		b.m.happened("fetch")
	}
	return b.Store.Get(ctx, ref)
}

type meetingIndex struct {
	index.Index
	m *meeting
	t *testing.T
}

// Replace of the first registrant waits until the second photo is being embedded.
func (x meetingIndex) Replace(ctx context.Context, generation string, entries ...index.Entry) error {
	if x.m.happened("replace") == 1 && !x.m.until("embed", 2) {
		x.t.Error("nothing was embedded while a registrant was written")
	}
	return x.Index.Replace(ctx, generation, entries...)
}

// Fetching, embedding and writing of different registrants go on at the same time, so that with
// more jobs at once than recognizers the embedder never waits for the rest.
func TestEmbeddingOverlapsWithFetchingAndWriting(t *testing.T) {
	h := newNode(t)
	for n := range 3 {
		h.accept(capture(n, "x", fmt.Sprint("face ", n)))
	}
	m := newMeeting()
	timer := time.AfterFunc(30*time.Second, m.end) // only when it fails
	defer timer.Stop()
	h.deps.Embedders = []face.Embedder{meetingFaces{h.faces, m, t}}
	h.deps.Blobs = meetingBlobs{h.deps.Blobs, m}
	h.deps.Index = meetingIndex{h.deps.Index, m, t}
	h.settle()
	h.agrees("g1", "m1")
}

// A day's crawl reads everybody again. What it costs in embeddings is what changed: one photo in a
// hundred. Changed records, whose photos stayed, cost none.
func TestADaysCrawlCostsWhatChanged(t *testing.T) {
	h := newNode(t)
	const people = 200
	for n := range people {
		h.accept(capture(n, "x", fmt.Sprint("face ", n)))
	}
	h.settle()
	if n := h.faces.total(); n != people {
		t.Fatalf("%d embeddings of %d photos", n, people)
	}
	enqueued := 0
	for n := range people {
		c := capture(n, "x", fmt.Sprint("face ", n))
		switch {
		case n%100 == 7:
			c = capture(n, "x", fmt.Sprint("a new photo of ", n))
		case n%100 == 8:
			c.Record.Designation = "changed"
		}
		if h.accept(c) == schemas.OutcomeChanged {
			enqueued++
		}
	}
	h.settle()
	h.agrees("g1", "m1")
	if n := h.faces.total() - people; n != people/100 || enqueued != people/50 {
		t.Errorf("%d embeddings and %d jobs for 1 %% new photos and 1 %% changed records of %d", n, enqueued, people)
	}
}
