// Package canary proves end to end that an installation does what it is for: a rendered face, in a source of its own and seen by
// its own key alone (schemas.Visible), is listed, found by another photo, shown, changed, delisted and listed again, over the doors that
// crawls and clients use.
package canary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest"
	"lineup/ingest/ledger"
	"lineup/schemas"
	"lineup/scraper/samplesite/faces"
)

// Step is one thing that the canary proves.
type Step string

// The steps.
const (
	Search   Step = "search"   // a photo of the canary finds it
	Photo    Step = "photo"    // its photo is shown, byte for byte
	Fresh    Step = "fresh"    // a change of its record is answered
	Delisted Step = "delisted" // it is not found, shown or answered any more
	Returned Step = "returned" // it is found after it was listed again
)

// Steps lists all steps in the order in which they are shown.
func Steps() []Step { return []Step{Search, Photo, Fresh, Delisted, Returned} }

// Intervals of the steps that cost more.
const (
	changeAfter = time.Hour
	turnAfter   = 7 * 24 * time.Hour
)

// How long to wait for an indexer.
const (
	indexed = 2 * time.Minute
	poll    = time.Second
)

// Photos of the canary: one is listed, the other is searched with.
const (
	listedPhoto = "p017a.jpg"
	probePhoto  = "p017b.jpg"
)

// Canary runs the steps. All fields must be set, except those marked optional.
type Canary struct {
	Ingest *ingest.Ingester
	Ledger *ledger.Ledger
	JS     jetstream.JetStream
	Client *http.Client
	URL    string // of the query daemon
	Key    string // a key made with keys.Limits.Canary
	Now    func() time.Time
	// Remove removes the canary for ever; optional, for RoundWithRemoval.
	Remove func(ctx context.Context, id schemas.UUID) error
}

// Round runs the steps that are due, or all of them if all is set. What was proven is stored for status and for other
// processes; the error says which step failed.
func (c *Canary) Round(ctx context.Context, all bool) (State, error) {
	s, err := Load(ctx, c.JS)
	if err != nil {
		return s, err
	}
	if s.Since.IsZero() {
		s.Since = c.Now().UTC()
	}
	err = c.round(ctx, &s, all)
	s.Failure = ""
	if err != nil {
		s.Failure = err.Error()
	}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	return s, errors.Join(err, save(ctx, c.JS, s))
}

func (c *Canary) round(ctx context.Context, s *State, all bool) error {
	id, listed, err := c.current(ctx)
	if err != nil {
		return fmt.Errorf("look for the canary: %w", err)
	}
	due := func(step Step, after time.Duration) bool { return all || c.Now().Sub(s.last(step)) >= after }
	if !listed { // at first, after a removal, and after an interrupted round
		if _, _, err := c.ask(ctx, http.MethodGet, "/sexoffender?uuid="+string(id), nil); err != nil { // before anything is listed
			return fmt.Errorf("canary, %s: %w", Search, err)
		}
		err = c.comeBack(ctx, s, id)
	} else {
		err = c.look(ctx, s, id)
	}
	if err != nil {
		return err
	}
	if due(Fresh, changeAfter) {
		if err := c.change(ctx, s, id); err != nil {
			return err
		}
	}
	if !due(Delisted, turnAfter) || !listed && !all {
		return nil
	}
	if err := c.delist(ctx); err != nil {
		return fmt.Errorf("delist the canary: %w", err)
	}
	return c.leaveAndReturn(ctx, s, id)
}

// RoundWithRemoval runs every step and then removes the canary for ever. It comes back under another key.
func (c *Canary) RoundWithRemoval(ctx context.Context) (State, error) {
	s, err := c.Round(ctx, true)
	if err != nil {
		return s, err
	}
	id, _, err := c.current(ctx)
	if err == nil {
		err = c.Remove(ctx, id)
	}
	if err == nil {
		err = c.leaveAndReturn(ctx, &s, id)
	}
	return s, errors.Join(err, save(ctx, c.JS, s))
}

// leaveAndReturn proves that the delisted canary disappears from answers at once, then lists it again and waits until
// it is found.
func (c *Canary) leaveAndReturn(ctx context.Context, s *State, id schemas.UUID) error {
	if err := s.step(Delisted, c.Now, func() error { return c.gone(ctx, id) }); err != nil {
		return err
	}
	next, _, err := c.current(ctx)
	if err != nil {
		return err
	}
	return c.comeBack(ctx, s, next)
}

func (c *Canary) comeBack(ctx context.Context, s *State, id schemas.UUID) error {
	err := s.step(Returned, c.Now, func() error {
		if err := c.list(ctx, id, c.stamp()); err != nil {
			return err
		}
		return c.await(ctx, func() error { return c.found(ctx, id) })
	})
	if err != nil {
		return err
	}
	return c.look(ctx, s, id)
}

func (c *Canary) change(ctx context.Context, s *State, id schemas.UUID) error {
	return s.step(Fresh, c.Now, func() error {
		stamp := c.stamp()
		if err := c.list(ctx, id, stamp); err != nil {
			return err
		}
		return c.await(ctx, func() error { return c.answered(ctx, id, stamp) })
	})
}

func (c *Canary) look(ctx context.Context, s *State, id schemas.UUID) error {
	if err := s.step(Search, c.Now, func() error { return c.found(ctx, id) }); err != nil {
		return err
	}
	return s.step(Photo, c.Now, func() error { return c.shown(ctx, id) })
}

// current returns the first of the canary's keys that was not removed for ever, and whether the canary is listed under
// it.
func (c *Canary) current(ctx context.Context) (schemas.UUID, bool, error) {
	for n := range schemas.CanaryKeys {
		id := schemas.RegistrantID(schemas.CanarySource, schemas.CanaryKey(n))
		listing, err := c.Ledger.Listing(ctx, schemas.CanarySource, id)
		if errors.Is(err, fs.ErrNotExist) {
			return id, false, nil
		}
		if err != nil || listing.Removal == nil {
			return id, listing.Listed, err
		}
	}
	return "", false, fmt.Errorf("it was removed %d times, and has no key left", schemas.CanaryKeys)
}

// stamp distinguishes versions of the canary's record.
func (c *Canary) stamp() string { return c.Now().UTC().Format(time.RFC3339Nano) }

// list lists the canary as a crawl would, with a stamp in its record.
func (c *Canary) list(ctx context.Context, id schemas.UUID, stamp string) error {
	photo, err := faces.Files.ReadFile(listedPhoto)
	if err != nil {
		return err
	}
	keys := make([]string, schemas.CanaryKeys)
	for n := range keys {
		keys[n] = schemas.CanaryKey(n)
	}
	at := slices.IndexFunc(keys, func(key string) bool { return schemas.RegistrantID(schemas.CanarySource, key) == id })
	if at < 0 {
		return fmt.Errorf("%s is no canary", id)
	}
	return c.run(ctx, func(run string) error {
		outcome, err := c.Ingest.Accept(ctx, run, schemas.Capture{
			Record: schemas.Record{Schema: schemas.RecordSchema, Source: schemas.CanarySource, Key: keys[at],
				Photos: []schemas.Photo{{URL: "https://canary.invalid/" + listedPhoto}}, SourceFields: []schemas.Field{{Name: "stamp", Value: stamp}}},
			Photos: []schemas.CapturedPhoto{{Data: photo}}, Read: c.Now().UTC(),
		})
		if err == nil && outcome == schemas.OutcomeRefused {
			err = errors.New("it was removed meanwhile")
		}
		return err
	})
}

// delist finishes a run that saw nobody, which delists the canary.
func (c *Canary) delist(ctx context.Context) error {
	return c.run(ctx, func(string) error { return nil })
}

// run performs a complete run over the canary's source.
func (c *Canary) run(ctx context.Context, read func(run string) error) error {
	run, _, err := c.Ingest.Begin(ctx, schemas.CanarySource, false)
	if err != nil {
		return err
	}
	s := schemas.RunSummary{Run: run, Source: schemas.CanarySource, Started: c.Now().UTC(), State: schemas.RunComplete}
	if err := read(run); err != nil {
		s.State, s.Reason, s.Ended = schemas.RunFailed, err.Error(), c.Now().UTC()
		return errors.Join(err, c.Ingest.Abandon(context.WithoutCancel(ctx), schemas.CanarySource, run, s))
	}
	_, err = c.Ingest.Finish(ctx, schemas.CanarySource, run, s)
	return err
}

// await repeats a question until the answer is as expected.
func (c *Canary) await(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, indexed)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", indexed, err)
		case <-time.After(poll):
		}
	}
}
