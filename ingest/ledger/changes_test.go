package ledger_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// follower keeps a copy of who is listed, as a client does.
type follower struct {
	cursor string
	copies map[schemas.UUID]bool
}

// everybody gives who is listed, as an index that has followed would.
func everybody(l *ledger.Ledger) ledger.AllListed {
	return func(ctx context.Context, after schemas.UUID, limit int) (listed []schemas.Listing, last schemas.UUID, err error) {
		for s, err := range l.Each(ctx, "") {
			if err != nil {
				return nil, "", err
			}
			if s.Listed && s.ID > after {
				listed = append(listed, s)
			}
		}
		slices.SortFunc(listed, func(a, b schemas.Listing) int { return cmp.Compare(a.ID, b.ID) })
		if len(listed) > limit {
			listed = listed[:limit]
			last = listed[limit-1].ID
		}
		return listed, last, nil
	}
}

// read reads one page, and reports whether there is more.
func (f *follower) read(t *testing.T, l *ledger.Ledger, limit int) bool {
	t.Helper()
	page, err := l.Changes(t.Context(), f.cursor, limit, everybody(l))
	if err != nil || len(page.Changes) > limit || page.Cursor == "" {
		t.Fatalf("%d changes, cursor %q, %v", len(page.Changes), page.Cursor, err)
	}
	for _, c := range page.Changes {
		if c.Kind == ledger.Delisted {
			delete(f.copies, c.ID)
		} else {
			f.copies[c.ID] = true
		}
		if c.Source != "us-zz" || c.At.IsZero() {
			t.Errorf("%+v", c)
		}
	}
	f.cursor = page.Cursor
	return page.More
}

// TestFollowersEndWithWhoIsListed runs random histories of registries, operators, marks and processes that die
// before they told of a change, against clients that read now and then: in the end each copy is the ledger's.
func TestFollowersEndWithWhoIsListed(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l, js := ledgerFor(t)
			rng := rand.New(rand.NewPCG(seed, 1))
			died := errors.New("died")
			l.Telling(func(tell func() error) error {
				switch rng.IntN(8) {
				case 0:
					return died
				case 1:
					return errors.Join(tell(), died)
				}
				return tell()
			})
			listed := map[schemas.UUID]bool{}
			update := func(id schemas.UUID, change func(*schemas.Listing) error) {
				s, err := l.Update(t.Context(), "us-zz", id, change)
				if err != nil && !errors.Is(err, died) {
					t.Fatal(err)
				}
				if now, err := l.Listing(t.Context(), "us-zz", id); err == nil {
					s = now
				}
				delete(listed, id)
				if s.Listed {
					listed[id] = true
				}
			}
			var followers []*follower
			for step := range 400 {
				id := id(rng.IntN(30))
				switch rng.IntN(7) {
				case 0, 1: // new, changed or returned
					update(id, func(s *schemas.Listing) error {
						s.Revision, s.Changed, s.Listed = s.Revision+1, time.Now(), s.Removal == nil
						return nil
					})
				case 2: // sighted
					update(id, func(s *schemas.Listing) error { s.Run = fmt.Sprint(step); return nil })
				case 3: // delisted, or removed
					update(id, func(s *schemas.Listing) error {
						if !s.Listed {
							return ledger.ErrUnchanged
						}
						next := schemas.Listing{ID: s.ID, Source: s.Source, Revision: s.Revision + 1, Changed: time.Now()}
						if rng.IntN(3) == 0 {
							next.Removal = &schemas.Removal{At: time.Now()}
						}
						*s = next
						return nil
					})
				case 4: // indexed
					update(id, func(s *schemas.Listing) error {
						s.Marks = map[string]schemas.Mark{"g1": {Revision: s.Revision}}
						return nil
					})
				case 5:
					if len(followers) < 4 {
						followers = append(followers, &follower{copies: map[schemas.UUID]bool{}})
					}
				default:
					for _, f := range followers {
						f.read(t, l, 1+rng.IntN(5))
					}
				}
			}
			l, err := ledger.Open(t.Context(), js, 1) // as the processes that come after
			if err != nil {
				t.Fatal(err)
			}
			for n := range 30 { // the indexers come by, as they do after every change
				if s, err := l.Listing(t.Context(), "us-zz", id(n)); err == nil {
					if err := l.Mark(t.Context(), "us-zz", id(n), "g1", schemas.Mark{Revision: s.Revision}, always); err != nil && s.Revision > 0 {
						t.Fatal(err)
					}
				}
			}
			for n, f := range append(followers, &follower{copies: map[schemas.UUID]bool{}}) {
				for f.read(t, l, 1+rng.IntN(9)) {
				}
				if got, want := slices.Sorted(maps.Keys(f.copies)), slices.Sorted(maps.Keys(listed)); !slices.Equal(got, want) {
					t.Errorf("follower %d holds\n%v, listed are\n%v", n, got, want)
				}
			}
		})
	}
}

func TestCursorsExpire(t *testing.T) {
	l, js := ledgerFor(t)
	if _, err := l.Update(t.Context(), "us-zz", id(1), func(s *schemas.Listing) error { s.Changed = time.Now(); return list(s) }); err != nil {
		t.Fatal(err)
	}
	f := &follower{copies: map[schemas.UUID]bool{}}
	for f.read(t, l, 10) {
	}
	if len(f.copies) != 1 {
		t.Errorf("%d listed, want 1", len(f.copies))
	}
	expired := func(what, cursor string, want bool) {
		t.Helper()
		if _, err := l.Changes(t.Context(), cursor, 10, everybody(l)); errors.Is(err, ledger.ErrCursor) != want {
			t.Errorf("%s: %v, expired %v is wanted", what, err, want)
		}
	}
	expired("the present one", f.cursor, false)
	for _, bad := range []string{"x", "1-2-3", "--", "1-2-3-4-5", "-1-2-3", f.cursor + "0"} {
		expired(bad, bad, true)
	}
	l.At(time.Now().Add(broker.ChangesTime - 2*time.Hour))
	expired("one of nearly thirty days", f.cursor, false)
	l.At(time.Now().Add(broker.ChangesTime))
	expired("one of thirty days", f.cursor, true)
	l.At(time.Now())
	if err := broker.Renew(t.Context(), js, broker.Changes); err != nil {
		t.Fatal(err)
	}
	expired("one of another stream", f.cursor, true)
	expired("none", "", false)
}
