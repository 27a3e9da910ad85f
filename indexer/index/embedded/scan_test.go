package embedded

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lineup/indexer/index"
)

// faceAt is a face to put into an arena by hand.
type faceAt struct {
	id        [16]byte
	rid       int64
	facts     attr
	embedding []float32
}

func bruteForce(faces map[[16]byte]faceAt, query []float32, k int, passes func(faceAt) bool) [][16]byte {
	type near struct {
		id [16]byte
		d  float64
	}
	var all []near
	for id, f := range faces {
		if passes(f) {
			d := 0.0
			for i := range query {
				x := float64(query[i]) - float64(f.embedding[i])
				d += x * x
			}
			all = append(all, near{id, d})
		}
	}
	slices.SortFunc(all, func(a, b near) int {
		// The kernel adds in another order: what differs by rounding alone is a tie.
		if math.Abs(a.d-b.d) > 2e-15*(a.d+b.d) {
			if a.d < b.d {
				return -1
			}
			return 1
		}
		return slices.Compare(a.id[:], b.id[:])
	})
	var ids [][16]byte
	for _, n := range all[:min(k, len(all))] {
		ids = append(ids, n.id)
	}
	return ids
}

func found(v *view, hits []hit) [][16]byte {
	var ids [][16]byte
	for _, h := range hits {
		ids = append(ids, v.chunks[h.chunk].ids[h.row])
	}
	return ids
}

// TestScanIsExact compares the kernel with a plain float64 search over random galleries that
// are added to, taken from, re-coded and filtered.
func TestScanIsExact(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		dim := []int{128, 3, 64, 200, 512, 128}[seed%6]
		spread := []float64{1, 1, 1e-3, 1e6}[seed%4]
		a := newArena(dim)
		faces := map[[16]byte]faceAt{}
		var rids []int64
		point := func(scale float64) []float32 {
			e := make([]float32, dim)
			for i := range e {
				e[i] = float32(rng.NormFloat64() * scale / math.Sqrt(float64(dim)))
			}
			return e
		}
		next := int64(0)
		for round := range 6 {
			for range 700 {
				next++
				f := faceAt{rid: next, facts: attr{source: 0, state: 0}, embedding: point(spread)}
				if rng.IntN(10) == 0 && len(rids) > 0 { // a twin: ties
					f.embedding = faces[idOf(rids[rng.IntN(len(rids))])].embedding
				}
				if rng.IntN(300) == 0 { // exceeds the scale
					f.embedding = point(spread * math.Pow(10, float64(round)/2))
				}
				if f.embedding == nil {
					f.embedding = point(spread)
				}
				code, err := intern(&a.sources, []string{"us-aa", "us-bb", "us-cc"}[rng.IntN(3)])
				if err != nil {
					t.Fatal(err)
				}
				f.facts.source = toC(code)
				f.facts.sex = toSex(rng.IntN(3))
				if rng.IntN(3) > 0 {
					f.facts.born_min, f.facts.born_max = year(1950+rng.IntN(40)), year(1990)
				}
				f.id = idOf(next)
				if err := a.add(f.id, enrolled{rid: f.rid}, f.facts, f.embedding); err != nil {
					t.Fatal(err)
				}
				faces[f.id] = f
				rids = append(rids, f.rid)
			}
			for range 300 {
				i := rng.IntN(len(rids))
				a.remove(rids[i])
				delete(faces, idOf(rids[i]))
				rids = slices.Delete(rids, i, i+1)
			}
			a.publish(int64(round))
			v := a.acquire()
			for _, size := range []float64{0, 1, 1, 3, 1e3, 1e5} {
				query := point(spread * size)
				for _, f := range []struct {
					filter index.Filter
					passes func(faceAt) bool
				}{
					{index.Filter{}, func(faceAt) bool { return true }},
					{index.Filter{Sources: []string{"us-bb"}}, func(x faceAt) bool { return x.facts.source == toC(a.sources["us-bb"]) }},
					{index.Filter{Sexes: []string{"female"}}, func(x faceAt) bool { return x.facts.sex != 1 }},
					{index.Filter{BornMax: 1960}, func(x faceAt) bool { return x.facts.born_max == 0 || x.facts.born_min <= 1960 }},
				} {
					k := 1 + rng.IntN(80)
					hits, err := v.nearest(context.Background(), query, k, f.filter)
					if err != nil {
						t.Fatal(err)
					}
					want := bruteForce(faces, query, k, f.passes)
					if got := found(v, hits); !slices.Equal(got, want) {
						t.Fatalf("seed %d, round %d, dim %d, query size %g, filter %+v: %d nearest are not those of a plain search",
							seed, round, dim, size, f.filter, k)
					}
				}
			}
			a.release(v)
		}
		a.close()
	}
}

func idOf(n int64) (id [16]byte) {
	// Not in the order of n, so that ties are not broken by luck.
	binary.BigEndian.PutUint64(id[:], uint64(n)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// TestViewsStayWhole holds a view while everything in it is replaced many times over.
func TestViewsStayWhole(t *testing.T) {
	a := newArena(128)
	defer a.close()
	put := func(rid int64, x float32) {
		e := make([]float32, 128)
		e[0] = x
		a.remove(rid)
		if err := a.add(idOf(rid), enrolled{rid: rid}, attr{}, e); err != nil {
			t.Fatal(err)
		}
	}
	for rid := range int64(50) {
		put(rid, float32(rid))
	}
	a.publish(1)
	held := a.acquire()
	for round := range 20 {
		for rid := range int64(50) {
			put(rid, float32(1000*(round+1))+float32(rid))
		}
		a.publish(int64(round + 2))
	}
	query := make([]float32, 128)
	for _, c := range []struct {
		name string
		v    *view
		want float64
	}{{"held", held, 49}, {"current", a.acquire(), 20049}} {
		hits, err := c.v.nearest(context.Background(), query, 100, index.Filter{})
		if err != nil || len(hits) != 50 {
			t.Fatalf("%s: %d hits, %v, want 50", c.name, len(hits), err)
		}
		if got := math.Sqrt(hits[49].squared); got != c.want {
			t.Errorf("%s: farthest at %v, want %v", c.name, got, c.want)
		}
		a.release(c.v)
	}
	used := a.used
	a.publish(30)
	for rid := range int64(50) {
		put(rid, 1)
	}
	if a.used != used {
		t.Errorf("%d rows are used after a replacement nobody watched, want the %d there were", a.used, used)
	}
}

// TestFilterOfAnEarlierView: a view's filter has tables of the sources it knows. Places of people who had left
// before it are taken by people of sources it does not know: nobody may look those up in its tables, which
// the address sanitizer watches in the next test, nor count or find them.
func TestFilterOfAnEarlierView(t *testing.T) {
	a := newArena(128)
	defer a.close()
	put := func(rid int64, source string) {
		code, err := intern(&a.sources, source)
		if err != nil {
			t.Fatal(err)
		}
		e := make([]float32, 128)
		e[0] = float32(rid)
		if err := a.add(idOf(rid), enrolled{rid: rid}, attr{source: toC(code)}, e); err != nil {
			t.Fatal(err)
		}
	}
	for rid := range int64(100) {
		put(rid, "us-aa")
	}
	a.publish(1)
	for rid := range int64(50) {
		a.remove(rid)
	}
	a.publish(2)
	v := a.acquire()
	defer a.release(v)
	for rid := int64(1000); rid < 1050; rid++ {
		put(rid, fmt.Sprintf("us-%d", rid))
	}
	a.publish(3)
	if a.used != 100 {
		t.Fatalf("%d rows are used, want the 100 there were", a.used)
	}
	f := index.Filter{Sources: []string{"us-aa"}}
	if n := v.enrolled(f); n != 50 {
		t.Errorf("%d are counted, want the 50 who stayed", n)
	}
	if hits, err := v.nearest(context.Background(), make([]float32, 128), 100, f); err != nil || len(hits) != 50 {
		t.Errorf("%d are found, %v, want the 50 who stayed", len(hits), err)
	}
}

// TestScanUnderSanitizers runs the C code by itself, built so that it stops at the first read or
// write outside of what was allocated, and at behaviour that C does not define. make fuzz runs it for
// LINEUP_SCAN_TIME from LINEUP_SCAN_SEED.
func TestScanUnderSanitizers(t *testing.T) {
	program := filepath.Join(t.TempDir(), "scan")
	compile := exec.Command(cmp.Or(os.Getenv("CC"), "cc"), "-std=c11", "-O1", "-g", "-Wno-psabi",
		"-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-I.", "scan.c", "sieve.c", "testdata/scan.c", "-lm", "-o", program)
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("compile: %v: %s", err, out)
	}
	run := exec.Command(program)
	seed := os.Getenv("LINEUP_SCAN_SEED")
	if lasting, err := time.ParseDuration(os.Getenv("LINEUP_SCAN_TIME")); err == nil && seed != "" {
		run.Args = append(run.Args, seed, fmt.Sprint(int(lasting.Seconds())))
	}
	run.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0") // which would need the right to trace
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("seed %q: %v: %.3000s", seed, err, out)
	}
}

func TestScanStops(t *testing.T) {
	a := newArena(128)
	defer a.close()
	for i := range int64(2000) {
		if err := a.add(idOf(i), enrolled{rid: i}, attr{}, make([]float32, 128)); err != nil {
			t.Fatal(err)
		}
	}
	a.publish(1)
	v := a.acquire()
	defer a.release(v)
	long := *v
	long.table = slices.Repeat(v.table, 200_000) // seconds of scanning
	ctx, cancel := context.WithCancel(context.Background())
	go cancel()
	if _, err := long.nearest(ctx, make([]float32, 128), 1, index.Filter{}); err == nil {
		t.Error("the scan of a caller that left runs to its end")
	}
}

// TestSharedPass: searches that share a pass find what each finds alone, whatever the others
// ask for and however many parts the pass is done in, and one that is cancelled does not
// disturb them.
func TestSharedPass(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	a := newArena(128)
	defer a.close()
	point := func(size float64) []float32 {
		e := make([]float32, 128)
		for i := range e {
			e[i] = float32(rng.NormFloat64() * size)
		}
		return e
	}
	for n := range int64(3*partChunks*chunkRows + 3000) {
		if err := a.add(idOf(n), enrolled{rid: n}, attr{sex: toSex(int(n % 3))}, point(0.1)); err != nil {
			t.Fatal(err)
		}
	}
	a.publish(1)
	v := a.acquire()
	defer a.release(v)
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for parts := range 4 {
		var shared []*search
		for i := range many {
			s := &search{ctx: context.Background(), query: point([]float64{0.1, 0.1, 1e4}[i%3]), k: 1 + 9*i}
			if i%2 == 1 {
				s.filter = index.Filter{Sexes: []string{"female"}}
			}
			if i == 4 {
				s.ctx = gone
			}
			shared = append(shared, s)
		}
		v.scan(shared, parts)
		for i, s := range shared {
			if i == 4 {
				if s.err == nil {
					t.Errorf("%d parts: the search of a caller that left has an answer", parts)
				}
				continue
			}
			alone, err := v.nearest(context.Background(), s.query, s.k, s.filter)
			if err != nil || s.err != nil || len(alone) != s.k || !slices.Equal(alone, s.hits) {
				t.Errorf("%d parts: search %d finds something else in company: %v, %v", parts, i, s.err, err)
			}
		}
	}
}
