package embedded

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/indexer/index"
	"lineup/indexer/index/indextest"
)

// sieveIndex is an index that holds so many faces of a crowd, and gets a sieve at its generation's next
// look-round however few those are.
func sieveIndex(t testing.TB, faces int) (*Index, *generation, *crowd) {
	t.Helper()
	x, err := Open(context.Background(), t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	indextest.Serving(t, x, benchModel)
	people := newCrowd(3)
	batch := make([]index.Entry, faces)
	for n := range batch {
		batch[n] = benchEntry(n, 1, people.photo(n%3 == 0))
	}
	indextest.Put(t, x, batch...)
	g, release, err := x.reading(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	g.mu.Lock()
	g.arena.sieveFrom = 1
	g.mu.Unlock()
	return x, g, people
}

// TestIndexGetsASieve by itself, answers as before, and counts what it spares.
func TestIndexGetsASieve(t *testing.T) {
	ctx := t.Context()
	x, g, people := sieveIndex(t, 2000)
	probe := people.photo(false)
	want, _, err := x.Nearest(ctx, probe, 30, index.Filter{})
	if err != nil || len(want) != 30 {
		t.Fatalf("%d neighbours, %v", len(want), err)
	}
	if c := x.ScanCounts(); c != (ScanCounts{Searches: 1, Whole: 2000}) {
		t.Errorf("before there is a sieve: %+v", c)
	}
	g.keep(ctx, x)
	got, _, err := x.Nearest(ctx, probe, 30, index.Filter{})
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("with a sieve another answer: %v", err)
	}
	if c := x.ScanCounts(); c.Searches != 2 || c.Sieved != 2000 || c.Survived == 0 || c.Whole != 2000 {
		t.Errorf("with a sieve: %+v", c)
	}
	indextest.Put(t, x, benchEntry(5, 2, probe), index.Entry{ID: want[0].Face.Registrant, Source: want[0].Source, Revision: 2})
	got, _, err = x.Nearest(ctx, probe, 30, index.Filter{})
	if err != nil || got[0].Distance != 0 || got[0].Face.Registrant == want[0].Face.Registrant {
		t.Errorf("who came is not the nearest, or who left still is: %+v, %v", got[0], err)
	}
}

// TestSnapshotKeepsTheSieve: whoever starts from the file has the sieve at once, also for faces whose chunk had
// an older one when it was written, and finds the same.
func TestSnapshotKeepsTheSieve(t *testing.T) {
	x, g, people := sieveIndex(t, 700)
	g.keep(t.Context(), x)
	for n := range 150 {
		e := benchEntry(3*n, 2, people.photo(true))
		if n%2 == 0 {
			e = index.Entry{ID: e.ID, Source: e.Source, Revision: 2}
		}
		indextest.Put(t, x, e)
	}
	queries := [][]float32{people.photo(true), people.photo(false), people.photo(true)}
	v := g.arena.acquire()
	defer g.arena.release(v)
	for _, what := range []string{"the same sieve", "an older sieve"} {
		data := snapshotOf(t, g)
		a := newArena(g.Model.Dimensions)
		defer a.close()
		a.sieveFrom = 1
		seq, err := readSnapshot(bytes.NewReader(data), int64(len(data)), a, g.file)
		if err != nil {
			t.Fatal(err)
		}
		a.publish(seq)
		if a.sieve == nil || !slices.Equal(a.sieve.axes, g.arena.sieve.axes) || a.sieveDue() || a.chunks[0].sieve != a.sieve {
			t.Errorf("%s: the sieve is not read with the faces", what)
		}
		again := a.acquire()
		counts := sameAsPlain(t, what, again, queries, 20, index.Filter{})
		for _, q := range queries {
			want, err := v.nearest(t.Context(), q, 20, index.Filter{})
			hits, e := again.nearest(t.Context(), q, 20, index.Filter{})
			if err != nil || e != nil || !slices.Equal(found(again, hits), found(v, want)) {
				t.Errorf("%s: other faces are found: %v, %v", what, err, e)
			}
		}
		if counts.Sieved == 0 || 2*counts.Survived > counts.Sieved {
			t.Errorf("%s: the codes that were read rule out too few: %+v", what, counts)
		}
		a.release(again)
		// From here on new chunks get another one, and the chunk there is has not moved yet.
		other, err := fitSieve(v, a.dim)
		if err != nil {
			t.Fatal(err)
		}
		for i := range other.axes {
			other.axes[i] *= -1
		}
		g.mu.Lock()
		g.arena.adopt(other)
		g.arena.publish(g.arena.current.seq)
		g.mu.Unlock()
	}
}

// FuzzScan builds a small gallery out of the input, whatever it says of its size, spread and filter, and
// compares the sieve's answers with those of the scan without it and of plain float64.
func FuzzScan(f *testing.F) {
	f.Add(uint64(1), uint16(300), uint8(20), int8(0), uint8(3), []byte("some rows and queries"))
	f.Add(uint64(2), uint16(1000), uint8(64), int8(-20), uint8(0), []byte{0, 255, 128, 1})
	f.Add(uint64(3), uint16(40), uint8(1), int8(18), uint8(7), []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, rows uint16, k uint8, exponent int8, kinds uint8, data []byte) {
		dim := []int{96, 128, 150, 192}[seed%4]
		rng := rand.New(rand.NewPCG(seed, 1))
		n, size := 1+int64(rows)%1500, math.Pow(10, float64(exponent)/4)
		var last []float32
		point := func(i int64) []float32 {
			if kinds&1 != 0 && rng.IntN(5) == 0 && last != nil {
				return last
			}
			e := make([]float32, dim)
			slope := float64(kinds>>4) * 4 / float64(dim)
			for j := range e {
				e[j] = float32(size * rng.NormFloat64() * math.Exp(-slope*float64(j)))
				if len(data) > 0 && kinds&2 != 0 {
					e[j] += float32(size * (float64(data[(int(i)*dim+j)%len(data)]) - 128) / 32)
				}
			}
			if kinds&4 != 0 && rng.IntN(50) == 0 {
				e[rng.IntN(dim)] *= float32(math.Pow(10, 1+rng.Float64()*8))
			}
			last = e
			return e
		}
		a := newArena(dim)
		defer a.close()
		faces := map[[16]byte]faceAt{}
		at := func(i int64) []float32 {
			faces[idOf(i)] = faceAt{id: idOf(i), rid: i, facts: attr{sex: toSex(int(i % 3))}, embedding: point(i)}
			return faces[idOf(i)].embedding
		}
		fill(t, a, 0, n, at)
		sieved(t, a)
		for range n / 4 {
			rid := rng.Int64N(n)
			a.remove(rid)
			delete(faces, idOf(rid))
		}
		fill(t, a, n, n/8, at)
		v := a.acquire()
		defer a.release(v)
		queries := [][]float32{point(0), point(1), a.chunks[0].rows[:dim]}
		for _, filter := range []index.Filter{{}, {Sexes: []string{"male"}}} {
			sameAsPlain(t, "fuzzed", v, queries, int(k), filter)
		}
		for _, q := range queries {
			want := bruteForce(faces, q, int(k), func(faceAt) bool { return true })
			hits, err := v.nearest(context.Background(), q, int(k), index.Filter{})
			if got := found(v, hits); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%v, not the nearest of a plain search", err)
			}
		}
	})
}
