package embedded

/*
#cgo CFLAGS: -std=c11 -O3 -Wall -Wno-psabi
#cgo LDFLAGS: -lm
#include "scan.h"
*/
import "C"

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"lineup/indexer/index"
)

// hit is a face found by the scan.
type hit struct {
	squared float64
	chunk   int
	row     int
}

// filter is an index.Filter made ready for one view's tables.
type filter struct {
	c       C.lineup_filter
	sources []byte
	states  []byte
}

func (v *view) filter(f index.Filter) filter {
	table := func(names []string, codes map[string]uint16, fold bool) []byte {
		t := make([]byte, len(codes)+1)
		for _, name := range names {
			if fold {
				name = index.FoldPlace(name)
			}
			if code := codes[name]; code != 0 {
				t[code] = 1
			}
		}
		if len(names) == 0 {
			for i := range t {
				t[i] = 1
			}
		}
		return t
	}
	out := filter{sources: table(f.Sources, v.sources, false), states: table(f.States, v.states, true)}
	sexes := 1
	for _, s := range f.Sexes {
		sexes |= 1 << sexCode(s)
	}
	if len(f.Sexes) == 0 {
		sexes = 7
	}
	out.c.sexes = C.int32_t(sexes)
	out.c.born_min, out.c.born_max = C.int32_t(f.BornMin), C.int32_t(f.BornMax)
	if len(f.Sources)+len(f.States)+len(f.Sexes)+f.BornMin+f.BornMax != 0 {
		out.c.active = 1
	}
	return out
}

// search is one caller's search.
type search struct {
	ctx    context.Context // of the one call it serves
	query  []float32
	k      int
	filter index.Filter
	hits   []hit // the result, nearest first
	err    error
	tally  ScanCounts // likewise
}

// ScanCounts says how scans went. Faces are counted once a search, those of people who left included until
// their place is taken.
type ScanCounts struct {
	Searches  uint64
	Sieved    uint64 // faces that the sieve looked at
	Survived  uint64 // of those, the ones it could not rule out
	Whole     uint64 // faces compared without it: no sieve yet, few pass the filter, or it was of no use
	Fallbacks uint64 // times that a sieve let more than a fifth through, and was left out for a while
}

func (s *ScanCounts) add(o ScanCounts) {
	s.Searches += o.Searches
	s.Sieved += o.Sieved
	s.Survived += o.Survived
	s.Whole += o.Whole
	s.Fallbacks += o.Fallbacks
}

// many is how many searches one pass over the codes can do.
const many = C.LINEUP_MANY

// scan does up to many searches in one pass over the codes: reading the codes is what a pass
// costs, so searches that wait for each other had better share one. The pass is done in so many
// parts at once, of which each holds an OS thread.
func (v *view) scan(searches []*search, parts int) {
	var pin runtime.Pinner
	defer pin.Unpin()
	jobs := make([]C.lineup_search, 0, len(searches))
	var live []*search
	for _, s := range searches {
		if s.err = s.ctx.Err(); s.err != nil || min(s.k, v.faces) <= 0 {
			continue
		}
		padded, ready, stop, bound := make([]float32, v.stride), v.filter(s.filter), new(int32), new(uint64)
		*bound = math.Float64bits(math.Inf(1))
		copy(padded, s.query)
		for _, p := range []any{&padded[0], &ready.sources[0], &ready.states[0], stop, bound} {
			pin.Pin(p)
		}
		defer context.AfterFunc(s.ctx, func() { atomic.StoreInt32(stop, 1) })()
		jobs = append(jobs, C.lineup_search{
			query: (*C.float)(&padded[0]), filter: ready.c,
			sources: (*C.uint8_t)(&ready.sources[0]), states: (*C.uint8_t)(&ready.states[0]),
			k: C.int64_t(min(s.k, v.faces)), stop: (*C.int32_t)(unsafe.Pointer(stop)), bound: (*C.uint64_t)(unsafe.Pointer(bound)),
		})
		live = append(live, s)
	}
	if len(jobs) == 0 {
		return
	}
	parts = max(1, min(parts, len(v.table)/partChunks))
	found := make([][]part, parts) // by part and search
	var others sync.WaitGroup
	for i := 1; i < parts; i++ {
		others.Go(func() { found[i] = v.scanPart(jobs, i*len(v.table)/parts, (i+1)*len(v.table)/parts) })
	}
	found[0] = v.scanPart(jobs, 0, len(v.table)/parts)
	others.Wait()
	for i, s := range live {
		for _, part := range found {
			if part[i].stopped {
				s.err = s.ctx.Err()
			}
			s.hits = append(s.hits, part[i].hits...)
			s.tally.add(part[i].tally)
		}
		s.tally.Searches = 1
		if s.err != nil {
			s.hits = nil
			continue
		}
		slices.SortFunc(s.hits, func(a, b hit) int {
			return cmp.Or(cmp.Compare(a.squared, b.squared),
				bytes.Compare(v.chunks[a.chunk].ids[a.row][:], v.chunks[b.chunk].ids[b.row][:]))
		})
		s.hits = s.hits[:min(s.k, len(s.hits))]
	}
}

// partChunks is the least number of chunks worth a thread of their own.
const partChunks = 2

// part is what came of one search over some of the chunks.
type part struct {
	hits    []hit
	tally   ScanCounts
	stopped bool
}

// scanPart does the searches over some of the chunks, in one call into C. The jobs are shared:
// they are copied, not changed.
func (v *view) scanPart(jobs []C.lineup_search, from, to int) []part {
	var pin runtime.Pinner
	defer pin.Unpin()
	jobs = slices.Clone(jobs)
	results := make([][]C.lineup_hit, len(jobs))
	for i := range jobs {
		results[i] = make([]C.lineup_hit, jobs[i].k)
		pin.Pin(&results[i][0])
		jobs[i].hits = &results[i][0]
	}
	C.lineup_scan(&v.table[from], C.int64_t(to-from), C.int64_t(v.stride), C.uint64_t(v.version),
		&jobs[0], C.int64_t(len(jobs)), C.int(v.kernel))
	found := make([]part, len(jobs))
	for i := range jobs {
		if jobs[i].n < 0 {
			found[i].stopped = true
			continue
		}
		t := jobs[i].tally
		found[i].tally = ScanCounts{Sieved: uint64(t.sieved), Survived: uint64(t.survived),
			Whole: uint64(t.whole), Fallbacks: uint64(t.fallbacks)}
		found[i].hits = make([]hit, jobs[i].n)
		for j, h := range results[i][:jobs[i].n] {
			found[i].hits[j] = hit{float64(h.squared), from + int(h.chunk), int(h.row)}
		}
	}
	return found
}

// nearest does one search.
func (v *view) nearest(ctx context.Context, query []float32, k int, f index.Filter) ([]hit, error) {
	s := &search{ctx: ctx, query: query, k: k, filter: f}
	v.scan([]*search{s}, 1)
	return s.hits, s.err
}

// enrolled counts the registrants with a face that pass f.
func (v *view) enrolled(f index.Filter) int {
	ready := v.filter(f)
	if ready.c.active == 0 || len(v.table) == 0 {
		return v.registrants
	}
	return int(C.lineup_count(&v.table[0], C.int64_t(len(v.table)), C.uint64_t(v.version),
		&ready.c, (*C.uint8_t)(&ready.sources[0]), (*C.uint8_t)(&ready.states[0])))
}

// largest is the largest of the numbers without their sign, -1 when one is not finite.
func largest(x []float32) float64 {
	return float64(C.lineup_largest((*C.float)(&x[0]), C.int64_t(len(x))))
}

// quantise codes rows and returns how far the farthest is from its code.
func quantise(codes []int8, rows []float32, stride int, scale float64) float64 {
	return float64(C.lineup_code((*C.float)(&rows[0]), C.int64_t(len(rows)/stride), C.int64_t(stride),
		C.double(scale), (*C.int8_t)(&codes[0])))
}

// touch reads every code once, for measuring a scan against that floor.
func (v *view) touch() int64 {
	if len(v.table) == 0 {
		return 0
	}
	return int64(C.lineup_touch(&v.table[0], C.int64_t(len(v.table)), C.int64_t(v.stride)))
}

// tableOf describes the chunks to C. The memory they point to is not Go's.
func tableOf(chunks []*chunk, used int) []C.lineup_chunk {
	table := make([]C.lineup_chunk, len(chunks))
	for i, c := range chunks {
		table[i] = C.lineup_chunk{
			codes: (*C.int8_t)(unsafe.Pointer(&c.codes[0])),
			rows:  (*C.float)(unsafe.Pointer(&c.rows[0])),
			ids:   (*C.uint8_t)(unsafe.Pointer(&c.ids[0])),
			attrs: &c.attrs[0],
			born:  (*C.uint64_t)(unsafe.Pointer(&c.born[0])),
			died:  (*C.uint64_t)(unsafe.Pointer(&c.died[0])),
			scale: C.double(c.scale),
			error: C.double(c.err),
			n:     C.int64_t(min(chunkRows, used-i*chunkRows)),
		}
		if c.sieve != nil {
			table[i].basis, table[i].sieve_error = c.sieve.basis, C.double(c.sieveErr)
			table[i].sieve, table[i].norms = (*C.uint8_t)(&c.blocks[0]), (*C.int32_t)(&c.norms[0])
		}
	}
	return table
}

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
