package dlib

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	faces "lineup/indexer/face"
)

// asked is a probe that waits in a pool, or has its item.
func asked(t *testing.T, p *pool[int], owner string) *turn[int] {
	t.Helper()
	a := &turn[int]{owner: owner, given: make(chan int, 1), full: make(chan struct{})}
	if err := p.enter(a, true); err != nil {
		t.Fatalf("a probe of %s: %v", owner, err)
	}
	return a
}

func (a *turn[T]) served() bool { return len(a.given) == 1 }

// One owner asks for more than the pool takes: another's probe finds a place, and is the next to start.
func TestAFloodLeavesOthersTheNextTurn(t *testing.T) {
	p := newPool([]int{1, 2}, 0, 4)
	var flood []*turn[int]
	for range 6 {
		flood = append(flood, asked(t, p, "flood"))
	}
	if _, _, err := p.acquire(faces.WithOwner(t.Context(), "flood"), faces.Probe); !errors.Is(err, faces.ErrBusy) {
		t.Errorf("the flood's seventh: %v, want ErrBusy", err)
	}
	other := asked(t, p, "other")
	select {
	case <-flood[5].full:
	default:
		t.Error("the flood's last keeps its place")
	}
	if other.served() {
		t.Fatal("served while both items are taken")
	}
	p.release(<-flood[0].given, true, "flood")
	if !other.served() || flood[2].served() {
		t.Error("the flood's next went before the other's first")
	}
	// The flood has nothing then and the other one.
	second := asked(t, p, "other")
	p.release(<-flood[1].given, true, "flood")
	if !flood[2].served() || second.served() {
		t.Error("the one with the fewest is not next")
	}
	if len(p.probes) > p.maxProbes {
		t.Errorf("%d wait, at most %d may", len(p.probes), p.maxProbes)
	}
}

// Who waits while its place goes to another is told at once.
func TestADisplacedProbeIsTold(t *testing.T) {
	p := newPool([]int{1}, 0, 1)
	asked(t, p, "flood")
	done := make(chan error)
	go func() {
		_, _, err := p.acquire(faces.WithOwner(context.Background(), "flood"), faces.Probe)
		done <- err
	}()
	waits := func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.probes) == 1 }
	for !waits() {
	}
	asked(t, p, "other")
	if err := <-done; !errors.Is(err, faces.ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
}

// One item goes by turns, however many one owner had waiting before.
func TestOneItemGoesByTurns(t *testing.T) {
	p := newPool([]int{1}, 0, 8)
	turns := []*turn[int]{asked(t, p, "flood"), asked(t, p, "flood"), asked(t, p, "flood"), asked(t, p, "other"), asked(t, p, "other")}
	for step, n := range []int{0, 3, 1, 4, 2} {
		if !turns[n].served() {
			t.Fatalf("step %d: %s waits out of its turn", step, turns[n].owner)
		}
		p.release(<-turns[n].given, true, turns[n].owner)
	}
}

// What is spare is left to others while there are any: another's probe starts at once. An owner alone has all.
func TestAnOwnerLeavesTheSpareOnes(t *testing.T) {
	p, now := newPool([]int{1, 2, 3}, 1, 4), time.Now()
	p.clock = func() time.Time { return now }
	flood := []*turn[int]{asked(t, p, "flood"), asked(t, p, "flood"), asked(t, p, "flood")}
	if !flood[1].served() || flood[2].served() {
		t.Error("one owner has not two of three")
	}
	other := asked(t, p, "other")
	if !other.served() {
		t.Error("the spare item is not given to another's probe")
	}
	p.release(<-other.given, true, "other")
	p.release(<-flood[0].given, true, "flood")
	if !flood[2].served() || len(p.idle) != 1 {
		t.Errorf("the third does not start when the first has ended, %d idle", len(p.idle))
	}
	third := asked(t, p, "flood")
	if third.served() {
		t.Error("one owner has all three just after another asked")
	}
	now = now.Add(2 * alone)
	if fourth := asked(t, p, "flood"); !third.served() || fourth.served() {
		t.Error("who is alone has not all three")
	}
}

// Many owners with many probes each, over many random histories: no probe of an owner that has no item
// waits while more items are given out than two for each owner, and all that entered are served.
func TestNoOwnerStarves(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		owners, items := 2+random.IntN(30), 1+random.IntN(4)
		p := newPool(make([]int, items), random.IntN(min(items, 2)), 10*owners)
		waited := map[*turn[int]]int{} // items given out since its owner had none
		var waiting, running []*turn[int]
		sort := func() {
			var still []*turn[int]
			for _, a := range waiting {
				if a.served() {
					running = append(running, a)
					delete(waited, a)
					continue
				}
				still = append(still, a)
			}
			waiting = still
		}
		for step := 0; step < 2000 || len(running) > 0; step++ {
			if step < 2000 && len(p.probes) < p.maxProbes && random.IntN(3) > 0 {
				owner := fmt.Sprint(min(random.IntN(owners), random.IntN(owners))) // some ask for more than others
				waiting = append(waiting, asked(t, p, owner))
				sort()
				continue
			}
			if len(running) == 0 {
				continue
			}
			n := random.IntN(len(running))
			a := running[n]
			running = append(running[:n], running[n+1:]...)
			p.release(<-a.given, true, a.owner)
			sort()
			has := map[string]bool{}
			for _, r := range running {
				has[r.owner] = true
			}
			first := map[string]bool{}
			for _, w := range waiting {
				if has[w.owner] || first[w.owner] {
					waited[w] = 0
					continue
				}
				first[w.owner] = true
				if waited[w]++; waited[w] > 2*owners {
					t.Fatalf("seed %d: %s has nothing and waited while %d items were given to %d owners", seed, w.owner, waited[w], owners)
				}
			}
		}
		if len(waiting) > 0 || len(p.owners) > 0 || len(p.idle) != items {
			t.Fatalf("seed %d: %d wait at the end, owners %v, %d of %d idle", seed, len(waiting), p.owners, len(p.idle), items)
		}
	}
}
