package embedded

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"lineup/indexer/index"
)

// kernels are what the sieve can be computed with on this machine.
func kernels() (all []int) {
	for k := range newArena(128).kernel + 1 {
		all = append(all, k)
	}
	return all
}

// fill adds faces, each of a registrant of its own, every third with a known sex.
func fill(t testing.TB, a *arena, from, n int64, embedding func(i int64) []float32) {
	t.Helper()
	for i := from; i < from+n; i++ {
		if err := a.add(idOf(i), enrolled{rid: i}, attr{sex: toSex(int(i % 3))}, embedding(i)); err != nil {
			t.Fatal(err)
		}
	}
	a.publish(a.current.seq + 1)
}

// sieved gives the arena a sieve, however small it is.
func sieved(t testing.TB, a *arena) {
	t.Helper()
	v := a.acquire()
	defer a.release(v)
	s, err := fitSieve(v, a.dim)
	if err != nil {
		t.Fatal(err)
	}
	a.adopt(s)
	if _, err := a.improve(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
}

// plain is a view whose scan has no sieve: every row's own codes are compared.
func plain(v *view) *view {
	p := *v
	p.table = slices.Clone(v.table)
	for i := range p.table {
		p.table[i].basis = nil
	}
	return &p
}

// sameAsPlain searches with every kernel, in one part and in several, alone and together, and compares
// each answer with the one of a scan without a sieve: the same faces, in the same order, at the same distances.
func sameAsPlain(t *testing.T, what string, v *view, queries [][]float32, k int, f index.Filter) (counts ScanCounts) {
	t.Helper()
	want := make([][]hit, len(queries))
	for i, q := range queries {
		var err error
		if want[i], err = plain(v).nearest(context.Background(), q, k, f); err != nil {
			t.Fatal(err)
		}
	}
	for _, kernel := range kernels() {
		with := *v
		with.kernel = kernel
		for _, parts := range []int{1, 3} {
			for some := range slices.Chunk(queries, map[bool]int{true: 1, false: many}[parts == 1]) {
				searches := make([]*search, len(some))
				for i, q := range some {
					searches[i] = &search{ctx: context.Background(), query: q, k: k, filter: f}
				}
				with.scan(searches, parts)
				for i, s := range searches {
					at := slices.IndexFunc(queries, func(q []float32) bool { return &q[0] == &some[i][0] })
					if s.err != nil || !slices.Equal(s.hits, want[at]) {
						t.Fatalf("%s: kernel %d, %d parts, query %d, k %d, filter %+v: %v, another answer than without the sieve",
							what, kernel, parts, at, k, f, s.err)
					}
					if parts == 1 {
						counts.add(s.tally)
					}
				}
			}
		}
	}
	return counts
}

// TestSieveIsExact compares millions of pairs of faces and queries, over galleries whose faces lie as
// an embedder's do and in ways that are hard on the sieve, with the scan without it; that one is held
// to plain float64 by TestScanIsExact, and here by a few queries of each gallery once more.
func TestSieveIsExact(t *testing.T) {
	people := newCrowd(5)
	rng := rand.New(rand.NewPCG(5, 5))
	normal := func(dim int, size float64) []float32 {
		e := make([]float32, dim)
		for i := range e {
			e[i] = float32(rng.NormFloat64() * size / math.Sqrt(float64(dim)))
		}
		return e
	}
	crowd := func(i int64) []float32 { return people.photo(i%3 == 0) }
	shared := crowd(0)
	// Few dimensions, where the sieve leaves nothing out, and all about as far from the middle: which row is the
	// nearest there is decided by less than what coding them moves them by.
	sphere := func(int64) []float32 {
		e, norm := make([]float32, 128), 0.0
		for i := range 30 {
			e[4*i] = float32(rng.NormFloat64())
			norm += float64(e[4*i]) * float64(e[4*i])
		}
		for i := range e {
			e[i] *= float32((0.9 + 1e-4*rng.Float64()) / math.Sqrt(norm))
		}
		return e
	}
	for _, c := range []struct {
		name      string
		dim, n    int
		embedding func(i int64) []float32
		helps     bool // the sieve rules most rows out
	}{
		{"a crowd", 128, 50_000, crowd, true},
		{"no direction stands out", 128, 17_000, func(int64) []float32 { return normal(128, 1.3) }, false},
		{"shorter and longer than usual", 200, 17_000, func(int64) []float32 { return normal(200, 1) }, false},
		{"all at one point", 128, 17_000, func(int64) []float32 { return shared }, false},
		{"all but one at one point", 128, 17_000, func(i int64) []float32 {
			if i == 777 {
				return crowd(0)
			}
			return shared
		}, false},
		{"twins", 128, 17_000, func(i int64) []float32 {
			if i%2 == 0 {
				shared = crowd(0)
			}
			return shared
		}, false},
		{"a few far away", 128, 17_000, func(i int64) []float32 {
			if i%500 == 499 {
				return normal(128, math.Pow(10, float64(rng.IntN(7))))
			}
			return crowd(i)
		}, false},
		{"all as far, in few dimensions", 128, 17_000, sphere, false},
		{"tiny numbers", 128, 17_000, func(int64) []float32 { return normal(128, 1e-30) }, false},
		{"huge numbers", 128, 17_000, func(int64) []float32 { return normal(128, 1e18) }, false},
		{"on one line", 128, 17_000, func(i int64) []float32 {
			e := make([]float32, 128)
			e[3], e[70] = float32(i), float32(2*i)
			return e
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newArena(c.dim)
			defer a.close()
			faces := map[[16]byte]faceAt{}
			fill(t, a, 0, int64(c.n), func(i int64) []float32 {
				e := c.embedding(i)
				faces[idOf(i)] = faceAt{id: idOf(i), rid: i, facts: attr{sex: toSex(int(i % 3))}, embedding: e}
				return e
			})
			sieved(t, a)
			v := a.acquire()
			defer a.release(v)
			var queries [][]float32
			for i := range int64(4) {
				queries = append(queries, c.embedding(i), slices.Clone(faces[idOf(rng.Int64N(int64(c.n)))].embedding))
			}
			farthest, most := queries[0], float32(0)
			for _, f := range faces {
				if x := slices.Max(f.embedding); x > most {
					farthest, most = f.embedding, x
				}
			}
			queries = append(queries, slices.Clone(farthest), make([]float32, c.dim), normal(c.dim, 1), normal(c.dim, 1e6), normal(c.dim, 1e-9))
			for _, q := range queries {
				want := bruteForce(faces, q, 30, func(faceAt) bool { return true })
				hits, err := v.nearest(context.Background(), q, 30, index.Filter{})
				if got := found(v, hits); err != nil || !slices.Equal(got, want) {
					t.Fatalf("%v, not the nearest of a plain search", err)
				}
			}
			sameAsPlain(t, "full", v, queries[8:], 64, index.Filter{})
			counts := sameAsPlain(t, "full", v, queries[:8], 64, index.Filter{})
			if share := float64(counts.Survived) / float64(max(1, counts.Sieved)); c.helps && (share > 0.1 || counts.Fallbacks > counts.Searches) {
				t.Errorf("%.2f of the rows survive, %d fallbacks in %d searches: the sieve is of no use", share, counts.Fallbacks, counts.Searches)
			}
			sameAsPlain(t, "one", v, queries, 1, index.Filter{})
			sameAsPlain(t, "women", v, queries, 20, index.Filter{Sexes: []string{"female"}})
			sameAsPlain(t, "more than there are", v, queries[:2], c.n+5, index.Filter{})
		})
	}
}

// randomSieve has axes and a mean that are anything, and a scale that fits the rows.
func randomSieve(t *testing.T, rows [][]float32, stride int, seed uint64) *sieve {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	s, err := newSieve(stride)
	if err != nil {
		t.Fatal(err)
	}
	random := randomMatrix(rng, axes, 128)
	orthonormalise(random, 128, rng)
	for i, axis := range random {
		copy(s.axes[i*stride:], axis)
	}
	for i := range s.mean {
		s.mean[i] = rng.NormFloat64() * float64(seed)
	}
	if !s.orthonormal(stride) {
		t.Fatal("Gram and Schmidt's axes are not orthonormal")
	}
	s.scaleTo(rows, stride)
	return s
}

// TestSieveAllowsForItsErrors: rows and queries whose codes are as far from them as can be, all to the
// wrong side, and a row just beyond the scale, are found.
func TestSieveAllowsForItsErrors(t *testing.T) {
	point := func(each, first float32, at int, beyond float32) []float32 {
		e := make([]float32, 128)
		for i := range axes {
			e[i] = each
		}
		e[0] += first
		e[at] += beyond
		return e
	}
	for _, c := range []struct {
		name       string
		query, row []float32
	}{
		{"codes far apart", point(0.49, 0, 0, 0), point(0.51, 0, 0, 0)},
		{"beyond the scale", point(0, 127.4, 0, 0), point(0, 127.6, 0, 0)},
		{"below the scale", point(0, -127.4, 0, 0), point(0, -127.6, 0, 0)},
		{"beyond what the axes see", point(0, 0, 60, 127.4), point(0, 0, 60, 127.6)},
	} {
		s, err := newSieve(128)
		if err != nil {
			t.Fatal(err)
		}
		for i := range axes {
			s.axes[i*128+i] = 1
		}
		s.basis.scale = 1
		a := newArena(128)
		fill(t, a, 0, 2000, func(i int64) []float32 {
			e := slices.Clone(c.query)
			switch {
			case i == 1500:
				return c.row
			case i == 0:
				e[100] += 3
			default:
				e[110] += 4
			}
			return e
		})
		a.adopt(s)
		if _, err := a.improve(t.Context(), alone); err != nil {
			t.Fatal(err)
		}
		v := a.acquire()
		for _, v.kernel = range kernels() {
			if hits, err := v.nearest(context.Background(), c.query, 1, index.Filter{}); err != nil || len(hits) != 1 || hits[0].row != 1500 {
				t.Errorf("%s: kernel %d finds %+v, %v, want row 1500", c.name, v.kernel, hits, err)
			}
		}
		a.release(v)
		a.close()
	}
}

// TestAnyAxesAreExact: axes that have nothing to do with the gallery make the sieve useless, not wrong.
func TestAnyAxesAreExact(t *testing.T) {
	people := newCrowd(6)
	a := newArena(128)
	defer a.close()
	fill(t, a, 0, 20_000, func(i int64) []float32 { return people.photo(i%3 == 0) })
	v := a.acquire()
	rows := v.spread(2000)
	a.release(v)
	for seed := range uint64(4) {
		a.adopt(randomSieve(t, rows[:1+int(seed)*100], a.stride, seed))
		if _, err := a.improve(t.Context(), alone); err != nil {
			t.Fatal(err)
		}
		v := a.acquire()
		var queries [][]float32
		for i := range 10 {
			queries = append(queries, people.photo(i%2 == 0))
		}
		sameAsPlain(t, fmt.Sprintf("axes %d", seed), v, queries, 40, index.Filter{})
		a.release(v)
	}
	last := a.sieve
	last.axes[5] += 1e-6
	if last.orthonormal(a.stride) {
		t.Error("axes that are not orthonormal pass for such")
	}
}

// TestSieveKeepsUp: a gallery that changes under its sieve, and gets another one, is searched exactly, and
// a view that is held meanwhile stays as it was.
func TestSieveKeepsUp(t *testing.T) {
	people, rng := newCrowd(7), rand.New(rand.NewPCG(7, 7))
	a := newArena(128)
	defer a.close()
	photo := func(i int64) []float32 { return people.photo(i%3 == 0) }
	fill(t, a, 0, 20_000, photo)
	sieved(t, a)
	held := a.acquire()
	var queries [][]float32
	for i := range 12 {
		queries = append(queries, people.photo(i%2 == 0))
	}
	var before [][]hit
	for _, q := range queries {
		hits, err := held.nearest(context.Background(), q, 30, index.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, hits)
	}
	// Half-way to another sieve, then all the way.
	v := a.acquire()
	other, err := fitSieve(v, a.dim)
	if err != nil {
		t.Fatal(err)
	}
	for i := range axes / 2 { // as good, and with other codes
		for n := range a.stride {
			x, y := &other.axes[i*a.stride+n], &other.axes[(axes-1-i)*a.stride+n]
			*x, *y = *y, *x
		}
	}
	a.adopt(other)
	if more, err := a.resift(); !more || err != nil {
		t.Fatal(more, err)
	}
	a.publish(a.current.seq)
	a.release(v)
	v = a.acquire()
	if v.chunks[0].sieve == v.chunks[1].sieve {
		t.Fatal("both chunks have the same sieve")
	}
	sameAsPlain(t, "two sieves", v, queries, 30, index.Filter{})
	a.release(v)
	if _, err := a.improve(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	next := int64(20_000)
	for round := range 5 {
		for range 3000 {
			a.remove(rng.Int64N(next))
		}
		size := math.Pow(4, float64(round))
		fill(t, a, next, 5000, func(i int64) []float32 {
			e := photo(i)
			for j := range e {
				e[j] *= float32(size)
			}
			return e
		})
		next += 5000
		if round == 2 {
			sieved(t, a)
		}
		v := a.acquire()
		sameAsPlain(t, fmt.Sprint("round ", round), v, queries, 30, index.Filter{})
		sameAsPlain(t, fmt.Sprint("round ", round), v, queries, 30, index.Filter{Sexes: []string{"male"}})
		a.release(v)
		sameAsPlain(t, fmt.Sprint("held, round ", round), held, queries, 30, index.Filter{})
		for i, q := range queries {
			if hits, err := held.nearest(context.Background(), q, 30, index.Filter{}); err != nil || !slices.Equal(hits, before[i]) {
				t.Fatalf("round %d: a view that is held changes: %v", round, err)
			}
		}
	}
	a.release(held)
	a.publish(a.current.seq)
	if len(a.retired) > 0 || len(a.outdated) > 0 {
		t.Errorf("%d pieces of memory and %d sieves that nobody uses are kept", len(a.retired), len(a.outdated))
	}
}

// TestSieveIsLeftOut where it is of no use: counted, and the rows compared whole.
func TestSieveIsLeftOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	flat := func(int64) []float32 {
		e := make([]float32, 128)
		for i := range e {
			e[i] = float32(rng.NormFloat64())
		}
		return e
	}
	a := newArena(128)
	defer a.close()
	fill(t, a, 0, 8*chunkRows, flat)
	sieved(t, a)
	v := a.acquire()
	defer a.release(v)
	count := func(f index.Filter) ScanCounts {
		s := &search{ctx: context.Background(), query: flat(0), k: 10, filter: f}
		v.scan([]*search{s}, 1)
		if s.err != nil || s.tally.Searches != 1 || s.tally.Sieved+s.tally.Whole != 8*chunkRows {
			t.Fatalf("%v, counted %+v", s.err, s.tally)
		}
		return s.tally
	}
	if got := count(index.Filter{}); got.Fallbacks == 0 || got.Whole < 4*chunkRows || got.Survived*5 < got.Sieved {
		t.Errorf("a spectrum without a slope: %+v, want most rows compared whole", got)
	}
	if got := count(index.Filter{Sources: []string{"us-zz"}, States: []string{"zz"}}); got.Whole+got.Sieved != 8*chunkRows {
		t.Errorf("a filter everybody unknown passes: %+v", got)
	}
	b := newArena(128)
	defer b.close()
	people := newCrowd(9)
	for i := range int64(4 * chunkRows) {
		facts := attr{sex: toSex(1)}
		if i%20 == 0 {
			facts.sex = toSex(2)
		}
		if err := b.add(idOf(i), enrolled{rid: i}, facts, people.photo(i%3 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	b.publish(1)
	sieved(t, b)
	w := b.acquire()
	defer b.release(w)
	for sex, want := range map[string]bool{"female": false, "male": true} {
		s := &search{ctx: context.Background(), query: people.photo(true), k: 10, filter: index.Filter{Sexes: []string{sex}}}
		w.scan([]*search{s}, 1)
		if got := s.tally.Sieved > s.tally.Whole; s.err != nil || got != want {
			t.Errorf("a filter that %s pass: %v, counted %+v", sex, s.err, s.tally)
		}
	}
}
