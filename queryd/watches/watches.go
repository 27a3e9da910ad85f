// Package watches says what became of what the holders of keys watch: to whoever looks, and for webhooks, which another process sends.
package watches

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"lineup/indexer/index"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/schemas"
)

// Now is who meets a watch now: the revisions of the records by their ids. Errors: those of search.Engine.Watched.
func Now(ctx context.Context, engine *search.Engine, w keys.Watch) (map[schemas.UUID]uint64, error) {
	q := index.Query{Zip: w.Zip}
	switch {
	case w.Record != "":
		q.IDs = []schemas.UUID{w.Record}
	case w.Person != "":
		q.Persons = []schemas.UUID{w.Person}
	case w.Point != nil:
		q.Near = &index.Circle{Lat: w.Point.Lat, Lon: w.Point.Lng, Miles: w.Point.Miles}
	}
	return engine.Watched(ctx, q)
}

// Kind says what became of a record that is watched.
type Kind string

// The kinds.
const (
	New     Kind = "new"
	Changed Kind = "changed"
	Gone    Kind = "gone"
)

// Change is what became of one record.
type Change struct {
	Kind Kind         `json:"kind"`
	ID   schemas.UUID `json:"uuid"`
}

// Difference says what became of the records that were seen, and who is new, by id.
func Difference(seen, now map[schemas.UUID]uint64) []Change {
	all := []Change{}
	for id, revision := range now {
		if before, ok := seen[id]; !ok {
			all = append(all, Change{New, id})
		} else if before != revision {
			all = append(all, Change{Changed, id})
		}
	}
	for id := range seen {
		if _, ok := now[id]; !ok {
			all = append(all, Change{Gone, id})
		}
	}
	slices.SortFunc(all, func(a, b Change) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all
}

// Noter notes for the webhooks of watches that there is news. It sends nothing: the process that decodes strangers' photos
// asks no address that a stranger names.
type Noter struct {
	Search *search.Engine
	Keys   *keys.Store
	// Moved tells where the ledger's changes stand: as long as that stays, nothing became of anybody.
	Moved func(context.Context) (uint64, error)
	Log   *slog.Logger
}

// Times of a Noter.
const (
	lookAgain    = 5 * time.Second
	afterFailure = time.Minute
	lookAtAll    = 10 * time.Minute // even if nothing moved: a key may have ended
	indexing     = 2 * time.Minute  // what the ledger says, the index answers only somewhat later
)

// pace says when all watches are to be looked at.
type pace struct {
	at     uint64 // where the changes stood at the last look
	moved  time.Time
	looked time.Time
}

// due reports whether to look now. It goes on for a while after a change, which the index may not have yet.
func (p *pace) due(at uint64, now time.Time) bool {
	if at != p.at {
		p.moved = now
	}
	return now.Sub(p.moved) < indexing || now.Sub(p.looked) > lookAtAll
}

// done notes that everything was looked at.
func (p *pace) done(at uint64, now time.Time) { p.at, p.looked = at, now }

// Run notes until ctx ends.
func (n *Noter) Run(ctx context.Context) {
	var p pace
	for {
		at, err := n.Moved(ctx)
		if now := time.Now(); err == nil && p.due(at, now) {
			if err = n.Note(ctx); err == nil {
				p.done(at, now)
			}
		}
		wait := lookAgain
		if err != nil && ctx.Err() == nil {
			n.Log.Warn("news for webhooks of watches not noted, trying again", "error", err)
			wait = afterFailure
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Note looks once at all watches with a webhook. The watches of a key that works no longer go.
func (n *Noter) Note(ctx context.Context) error {
	hooked, err := n.Keys.Hooked(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for key, all := range hooked {
		if ended, err := n.Keys.EndedWatches(ctx, key); ended || err != nil {
			problems = append(problems, err)
			continue
		}
		for _, w := range all {
			problems = append(problems, n.note(ctx, key, w))
		}
	}
	return errors.Join(problems...)
}

func (n *Noter) note(ctx context.Context, key string, w keys.Watch) error {
	now, err := Now(ctx, n.Search, w)
	if errors.Is(err, search.ErrTooLarge) {
		return nil // a look says so
	}
	if err != nil {
		return err
	}
	changes := Difference(w.Seen, now)
	err = n.Keys.Note(ctx, key, w.ID, len(changes), func(secret string) string { return name(secret, w, changes, now) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// name names news: the same for the same, telling nothing to whoever does not know the secret.
func name(secret string, w keys.Watch, changes []Change, now map[schemas.UUID]uint64) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintln(mac, w.ID)
	for _, c := range changes {
		fmt.Fprintln(mac, c.Kind, c.ID, now[c.ID])
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
