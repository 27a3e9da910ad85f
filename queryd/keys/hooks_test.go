package keys_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"lineup/queryd/keys"
	"lineup/schemas"
)

// receiver is what a webhook's owner got.
type receiver struct {
	mu    sync.Mutex
	got   map[schemas.UUID]map[string]bool // deliveries, by watch
	ended map[schemas.UUID]bool            // whose watch was deleted
	late  []string
}

func (r *receiver) take(h keys.Hook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended[h.Watch] {
		r.late = append(r.late, h.Due.ID)
	}
	if r.got[h.Watch] == nil {
		r.got[h.Watch] = map[string]bool{}
	}
	r.got[h.Watch][h.Due.ID] = true
}

// TestNewsIsToldAtLeastOnce runs random histories of news, looks, receivers that fail, processes that die while they send,
// keys that are rotated, and watches that are deleted: what is news in the end was told, and nothing after a watch's end.
func TestNewsIsToldAtLeastOnce(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			store, js := newStore(t)
			rng := rand.New(rand.NewPCG(seed, 15))
			now := time.Now()
			open := func() { // another process
				var err error
				store, err = keys.Open(t.Context(), js, 1)
				must(t, err)
				store.At(func() time.Time { return now })
			}
			open()
			_, key, err := store.Add(t.Context(), "key", keys.Limits{})
			must(t, err)
			got := &receiver{got: map[schemas.UUID]map[string]bool{}, ended: map[schemas.UUID]bool{}}
			news := map[schemas.UUID]string{} // what is news of each watch, "" for none
			var all []schemas.UUID
			send := func(fail, die float64) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				var mu sync.Mutex
				_, _, err := store.SendDue(ctx, func(_ context.Context, h keys.Hook) error {
					mu.Lock()
					chance := rng.Float64()
					mu.Unlock()
					if chance < fail {
						return errors.New("it answered 500")
					}
					got.take(h)
					if chance > 1-die {
						stop()
					}
					return nil
				})
				if err != nil && ctx.Err() == nil {
					t.Fatal(err)
				}
			}
			note := func(id schemas.UUID, say string) {
				count := 0
				if say != "" {
					count = 1
				}
				must(t, store.Note(t.Context(), key.ID, id, count, func(secret string) string {
					if len(secret) < 40 {
						t.Errorf("a secret of %d characters", len(secret))
					}
					return say
				}))
			}
			for step := range 300 {
				now = now.Add(time.Duration(rng.IntN(300)) * time.Second)
				switch rng.IntN(10) {
				case 0:
					if len(all) < 5 {
						w, secret, err := store.AddHookedWatch(t.Context(), key.ID, keys.Watch{Zip: "00001",
							Webhook: "https://hooks.example.org/" + fmt.Sprint(step)})
						must(t, err)
						if secret == "" {
							t.Error("no secret")
						}
						all, news[w.ID] = append(all, w.ID), ""
					}
				case 1, 2, 3:
					if len(all) > 0 {
						id := all[rng.IntN(len(all))]
						news[id] = fmt.Sprint("news", step)
						note(id, news[id])
					}
				case 4: // noted again, by another daemon
					for id, say := range news {
						note(id, say)
					}
				case 5: // looked
					if len(all) > 0 {
						id := all[rng.IntN(len(all))]
						news[id] = ""
						note(id, "")
					}
				case 6:
					if len(all) > 2 {
						id := all[0]
						all = all[1:]
						must(t, store.RemoveWatch(t.Context(), key.ID, id))
						got.ended[id] = true
						delete(news, id)
					}
				case 7:
					open()
					if rng.IntN(3) == 0 {
						_, key, err = store.Rotate(t.Context(), key.ID, 0)
						must(t, err)
					}
				default:
					send(0.4, 0.2)
				}
			}
			dead, err := store.DeadHooks(t.Context())
			must(t, err)
			for _, h := range dead {
				if h.Dead.Attempts != keys.MaxAttempts || h.Dead.Why != "it answered 500" || h.Key() != key.ID {
					t.Errorf("%+v", h)
				}
				must(t, store.BringBack(t.Context(), h, true))
			}
			for range 3 {
				now = now.Add(24 * time.Hour)
				send(0, 0)
			}
			for id, say := range news {
				if say != "" && !got.got[id][say] {
					t.Errorf("%s of %s was never told", say, id)
				}
			}
			if len(got.late) > 0 {
				t.Errorf("told after the end: %v", got.late)
			}
			if len(got.got) == 0 {
				t.Error("nothing was told at all")
			}
		})
	}
}

func TestDeliveriesBackOffAndAreGivenUp(t *testing.T) {
	store, _ := newStore(t)
	now := time.Now()
	store.At(func() time.Time { return now })
	_, key, err := store.Add(t.Context(), "key", keys.Limits{})
	must(t, err)
	w, _, err := store.AddHookedWatch(t.Context(), key.ID, keys.Watch{Zip: "00001", Webhook: "https://hooks.example.org/x"})
	must(t, err)
	must(t, store.Note(t.Context(), key.ID, w.ID, 2, func(string) string { return "two" }))
	began := now
	var tries []string
	for dead := 0; dead == 0 && len(tries) < 20; now = now.Add(10 * time.Second) {
		_, dead, err = store.SendDue(t.Context(), func(_ context.Context, h keys.Hook) error {
			tries = append(tries, now.Sub(began).String())
			if h.Due.Count != 2 || h.Due.ID != "two" {
				t.Errorf("%+v", h.Due)
			}
			return errors.New("no such host")
		})
		must(t, err)
	}
	if got, want := strings.Join(tries, " "), "0s 30s 2m30s 10m30s 42m30s 2h50m30s 11h22m30s 23h22m30s"; got != want {
		t.Errorf("tried at %s, want %s", got, want)
	}
	held, err := store.DeadHooks(t.Context())
	if err != nil || len(held) != 1 || held[0].Dead.Why != "no such host" {
		t.Fatalf("%+v, %v", held, err)
	}
	must(t, store.BringBack(t.Context(), held[0], false))
	if held, err = store.DeadHooks(t.Context()); err != nil || len(held) != 0 {
		t.Errorf("emptied, it holds %+v, %v", held, err)
	}
	sent, _, err := store.SendDue(t.Context(), func(context.Context, keys.Hook) error { return nil })
	if err != nil || sent != 0 {
		t.Errorf("%d sent, %v", sent, err)
	}
}

// TestNothingLeavesAfterTheEnd: a delivery that waits for others to be sent is not sent any more once its watch was deleted,
// though it was due when the sending began.
func TestNothingLeavesAfterTheEnd(t *testing.T) {
	store, _ := newStore(t)
	_, key, err := store.Add(t.Context(), "key", keys.Limits{})
	must(t, err)
	const watches = 20
	left := map[schemas.UUID]bool{}
	for i := range watches {
		w, _, err := store.AddHookedWatch(t.Context(), key.ID, keys.Watch{Zip: fmt.Sprintf("%05d", i+1), Webhook: "https://hooks.example.org/x"})
		must(t, err)
		must(t, store.Note(t.Context(), key.ID, w.ID, 1, func(string) string { return "news" }))
		left[w.ID] = true
	}
	arrived, released := make(chan schemas.UUID, watches), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, _, err := store.SendDue(t.Context(), func(_ context.Context, h keys.Hook) error {
			arrived <- h.Watch
			<-released
			return nil
		})
		done <- err
	}()
	for range 8 { // at once, at most
		delete(left, <-arrived)
	}
	for id := range left {
		must(t, store.RemoveWatch(t.Context(), key.ID, id))
	}
	close(released)
	must(t, <-done)
	if n := len(arrived); n > 0 {
		t.Errorf("%d deliveries left after their watches were deleted", n)
	}
}

// What was to be told of somebody who was removed is not told; the watch on them goes with its webhook.
func TestNobodyRemovedIsTold(t *testing.T) {
	store, _ := newStore(t)
	_, key, err := store.Add(t.Context(), "key", keys.Limits{})
	must(t, err)
	gone := schemas.RandomID()
	for _, w := range []keys.Watch{{Record: gone}, {Zip: "00001", Seen: map[schemas.UUID]uint64{gone: 1}}} {
		w.Webhook = "https://hooks.example.org/x"
		made, _, err := store.AddHookedWatch(t.Context(), key.ID, w)
		must(t, err)
		must(t, store.Note(t.Context(), key.ID, made.ID, 1, func(string) string { return "news" }))
	}
	must(t, store.Forget(t.Context(), gone))
	sent, _, err := store.SendDue(t.Context(), func(context.Context, keys.Hook) error { return nil })
	if err != nil || sent != 0 {
		t.Errorf("%d sent, %v", sent, err)
	}
}

func TestWatchesOfAKeyThatEndedGo(t *testing.T) {
	store, _ := newStore(t)
	_, key, err := store.Add(t.Context(), "key", keys.Limits{})
	must(t, err)
	_, _, err = store.AddHookedWatch(t.Context(), key.ID, keys.Watch{Zip: "00001", Webhook: "https://hooks.example.org/x"})
	must(t, err)
	if ended, err := store.EndedWatches(t.Context(), key.ID); ended || err != nil {
		t.Errorf("a key that works: %v, %v", ended, err)
	}
	news, err := store.EndAt(t.Context(), key.ID, time.Now())
	must(t, err)
	if left, err := store.Hooked(t.Context()); !news || err != nil || len(left) != 0 {
		t.Errorf("a key that was ended has %v, %v", left, err)
	}
}
