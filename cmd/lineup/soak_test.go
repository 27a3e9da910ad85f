package main

import (
	"cmp"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestFaults strikes every fault once, while the site changes and is crawled and somebody searches:
// what was acknowledged stays, nobody who was delisted answers, every answer is right or a 503, and
// audit is clean without a human.
func TestFaults(t *testing.T) {
	t.Parallel() // it mostly waits
	f := newFaulty(t, 48, 1)
	defer f.probing()()
	for _, x := range faults {
		f.endure(x, 1500*time.Millisecond)
	}
}

// TestSoak strikes faults at random. `make soak` runs it for minutes over 10,000 registrants:
// LINEUP_SOAK_PEOPLE, LINEUP_SOAK_TIME and LINEUP_SOAK_SEED say how many, how long, and which.
func TestSoak(t *testing.T) {
	t.Parallel() // it mostly waits
	people, err := strconv.Atoi(cmp.Or(os.Getenv("LINEUP_SOAK_PEOPLE"), "60"))
	must(t, err)
	lasting, err := time.ParseDuration(cmp.Or(os.Getenv("LINEUP_SOAK_TIME"), "10s"))
	must(t, err)
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("LINEUP_SOAK_SEED"), strconv.FormatUint(rand.Uint64(), 10)), 10, 64)
	must(t, err)
	t.Logf("%d registrants, faults for %s, seed %d (LINEUP_SOAK_SEED=%d does the same again)", people, lasting, seed, seed)
	f := newFaulty(t, people, seed)
	f.rough = os.Getenv("LINEUP_SOAK_TIME") != ""
	defer f.probing()()
	for end := time.Now().Add(lasting); time.Now().Before(end); {
		f.endure(faults[f.random.IntN(len(faults))], time.Second+time.Duration(f.random.Int64N(int64(4*time.Second))))
	}
}

// probing starts to search all the time; the result ends it.
func (f *faulty) probing() (stop func()) {
	over := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() { f.probe(over) })
	return func() {
		close(over)
		wait.Wait()
		f.t.Logf("searches answered, by status: %v", f.answers)
		if f.answers[200] == 0 {
			f.t.Error("no search was answered: this tests nothing")
		}
	}
}
