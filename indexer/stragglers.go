package indexer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lineup/indexer/index"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// A generation may serve although it lacks some registrants who cannot be indexed, up to the greater of these two
// bounds: one damaged object must not stop all searches, and a store that has lost much must not pass for a complete
// one.
const (
	fewStragglers   = 3
	stragglersOneIn = 1000 // of the listed
	// longFailing is the number of failed attempts (about half a minute) after which a registrant whose job is still
	// tried counts as a straggler.
	longFailing = 3
)

// unread is the reason given for stragglers who lack only a photo.
const unread = "unread_photo"

// Tally counts, in one pass over the ledger, how much of it a generation holds.
type Tally struct {
	Target schemas.Target

	listed, waiting, lacking, photos int
	why                              map[string]int
	unknown                          map[schemas.UUID]bool // due, and no failure is noted: their jobs wait, or are dead
}

// Add counts one listing. Registrants who changed after the generation was made are not counted as lacking: where
// registries are crawled all day, some always are.
func (t *Tally) Add(s schemas.Listing) {
	if t.why == nil {
		t.why, t.unknown = map[string]int{}, map[schemas.UUID]bool{}
	}
	if s.Listed {
		t.listed++
	}
	if s.Due(t.Target) == schemas.DueNot {
		if s.Listed && s.Marks[t.Target.Generation].Unread > 0 {
			t.photos++
			t.why[unread]++
		}
		return
	}
	class := s.Failing()
	switch {
	case class != "" && final(queue.Class(class), s.Failed.Attempts):
		t.lacking++
		t.why[class]++
	case !t.Target.Built.IsZero() && !s.Changed.Before(t.Target.Built):
	case len(t.unknown) < maxDeadLetters:
		t.unknown[s.ID] = true
	default:
		t.waiting++
	}
}

// final reports whether a failure is caused by the registrant's own data and will not pass by itself.
func final(class queue.Class, attempts int) bool {
	return class.Permanent() || attempts >= longFailing && class != queue.NoGeneration && class != queue.Moved
}

// Settle looks up which of the registrants without a recorded failure have dead jobs: older versions did not record
// failures in the listing.
func (t *Tally) Settle(ctx context.Context, dead DeadLetters) error {
	if len(t.unknown) == 0 {
		return nil
	}
	letters, err := dead.DeadLetters(ctx, maxDeadLetters)
	if err != nil {
		return err
	}
	for _, l := range letters {
		if t.unknown[l.ID] {
			delete(t.unknown, l.ID)
			t.lacking++
			t.why[string(l.Class)]++
		}
	}
	t.waiting += len(t.unknown)
	clear(t.unknown)
	return nil
}

// Stragglers are those counted who cannot be indexed.
func (t *Tally) Stragglers() index.Stragglers {
	var why []string
	for _, class := range slices.Sorted(maps.Keys(t.why)) {
		why = append(why, fmt.Sprintf("%d %s", t.why[class], class))
	}
	return index.Stragglers{Registrants: t.lacking, Photos: t.photos, Why: strings.Join(why, ", ")}
}

// Whole reports whether the generation may serve: no job is still to come, few registrants cannot be indexed, and it
// holds somebody unless nobody is listed.
func (t *Tally) Whole() bool {
	return t.waiting == 0 && t.lacking+t.photos <= max(fewStragglers, t.listed/stragglersOneIn) && t.lacking <= max(t.listed-1, 0)
}

// maxDeadLetters bounds the dead jobs that a Tally looks at.
const maxDeadLetters = queue.MaxDeadLetters

// DeadLetters is what a Tally needs of the queue.
type DeadLetters interface {
	DeadLetters(ctx context.Context, limit int) ([]queue.DeadLetter, error)
}

// TallyOf sweeps the ledger for a generation.
func TallyOf(ctx context.Context, listings Listings, dead DeadLetters, t schemas.Target) (*Tally, error) {
	tally := &Tally{Target: t}
	for s, err := range listings.Each(ctx, "") {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // for the newer version to index
		}
		if err != nil {
			return nil, err
		}
		tally.Add(s)
	}
	return tally, tally.Settle(ctx, dead)
}
