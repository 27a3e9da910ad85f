package embedded

import (
	"context"
	"math"
	"slices"
	"sync"

	"lineup/indexer/index"
)

// queue holds the searches of a generation that wait for a scan. Whoever gets a turn does the
// oldest of them together, its own or not: under load searches share passes over the codes.
type queue struct {
	mu      sync.Mutex
	waiting []*waiting
}

// waiting is a search and what came of it, which is its caller's when done is closed.
type waiting struct {
	search
	found []index.Neighbour
	done  chan struct{}
}

func (q *queue) add(w *waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
}

// take gives the oldest, at most as many as one pass can do.
func (q *queue) take() []*waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(many, len(q.waiting))
	taken := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return taken
}

// leave takes a search out that nobody took yet, and reports whether that is so.
func (q *queue) leave(w *waiting) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

func (q *queue) holds(w *waiting) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Contains(q.waiting, w)
}

// scans bounds the scans at once, and counts how they went.
type scans struct {
	turns chan struct{} // each holds an OS thread: as many as there are cores

	mu     sync.Mutex
	counts ScanCounts
}

func (s *scans) add(c ScanCounts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.add(c)
}

// ScanCounts says how the scans went since the index was opened.
func (x *Index) ScanCounts() ScanCounts {
	x.scans.mu.Lock()
	defer x.scans.mu.Unlock()
	return x.scans.counts
}

// nearest does one search, alone or together with others that wait.
func (x *generation) nearest(ctx context.Context, all *scans, embedding []float32, k int, f index.Filter) ([]index.Neighbour, error) {
	w := &waiting{search: search{ctx: ctx, query: embedding, k: k, filter: f}, done: make(chan struct{})}
	x.queue.add(w)
	for {
		turn := all.turns
		if !x.queue.holds(w) { // somebody is at it
			turn = nil
		}
		select {
		case <-w.done:
			return w.found, w.err
		case <-ctx.Done():
			if !x.queue.leave(w) {
				<-w.done // soon: its scan stops
			}
			return nil, ctx.Err()
		case turn <- struct{}{}:
			// Turns nobody waits for would be cores that idle: the pass takes them too.
			held := 1 + spare(all.turns)
			x.scan(ctx, all, x.queue.take(), held)
			for range held {
				<-all.turns
			}
		}
	}
}

// spare takes the turns that are free and returns how many they were.
func spare(turns chan struct{}) int {
	for n := 0; ; n++ {
		select {
		case turns <- struct{}{}:
		default:
			return n
		}
	}
}

// scan does the searches, in so many parts at once, on the faces as of now, which is after each
// of them began.
func (x *generation) scan(ctx context.Context, all *scans, list []*waiting, parts int) {
	defer func() {
		for _, w := range list {
			close(w.done)
		}
	}()
	v, err := x.view(ctx)
	if err != nil {
		for _, w := range list {
			w.err = err
		}
		return
	}
	defer x.arena.release(v)
	searches := make([]*search, len(list))
	for i, w := range list {
		searches[i] = &w.search
	}
	v.scan(searches, parts)
	for _, s := range searches {
		all.add(s.tally)
	}
	names := make([]string, len(v.sources)+1)
	for name, code := range v.sources {
		names[code] = name
	}
	for _, w := range list {
		w.found = make([]index.Neighbour, len(w.hits))
		for i, h := range w.hits {
			c := v.chunks[h.chunk]
			w.found[i] = index.Neighbour{Face: v.face(c, h.row), Source: names[c.attrs[h.row].source], Distance: math.Sqrt(h.squared)}
		}
	}
}
