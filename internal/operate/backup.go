package operate

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"lineup/ingest"
	"lineup/ingest/backup"
	"lineup/ingest/broker"
	"lineup/ingest/removals"
	"lineup/ingest/signing"
	"lineup/schemas"
)

// Prepare creates all streams, buckets and signing keys, and changes existing ones to what this version needs.
func (s *Stores) Prepare(ctx context.Context) error {
	if err := broker.Prepare(ctx, s.JS, s.Replicas); err != nil {
		return err
	}
	if err := signing.Prepare(ctx, s.JS); err != nil {
		return err
	}
	return signing.Publish(ctx, s.JS)
}

// Backup writes ledger, keys, removal list and signing keys to the directory dir, which it creates.
func (s *Stores) Backup(ctx context.Context, dir, version string) (backup.Manifest, error) {
	if err := s.Prepare(ctx); err != nil {
		return backup.Manifest{}, err
	}
	return backup.Write(ctx, s.JS, dir, version)
}

// Restored is what a restore did.
type Restored struct {
	backup.Restored
	Made     time.Time `json:"made"` // when the backup was made
	Honoured Honoured  `json:"removals"`
}

// Restore adds what a backup holds and these stores lack, and keeps what they have. Then it removes and revokes again
// what the log of removals names, and what more names if it is not nil.
func (s *Stores) Restore(ctx context.Context, dir string, more *Given) (backup.Manifest, Restored, error) {
	var done Restored
	if err := s.Prepare(ctx); err != nil {
		return backup.Manifest{}, done, err
	}
	m, added, err := backup.Restore(ctx, s.JS, dir)
	done.Restored, done.Made = added, m.Made
	if err != nil {
		return m, done, err
	}
	if err := signing.Publish(ctx, s.JS); err != nil { // the keys from the backup and those that were here
		return m, done, err
	}
	done.Honoured, err = s.Honour(ctx, more)
	return m, done, err
}

// Honoured is what was applied from logs and receipts.
type Honoured struct {
	Log     string    `json:"log"`             // where the log lies
	Entries int       `json:"entries"`         // genuine entries in it
	Newest  time.Time `json:"newest,omitzero"` // when the newest of them was written
	More    int       `json:"more"`            // genuine lines and receipts from other files
	Removed int       `json:"removed"`         // registrants that the ledger did not know as removed
	Revoked int       `json:"revoked"`         // keys that would otherwise have worked
	Refused int       `json:"refused"`         // entries and receipts that no key of this installation signed
	Why     string    `json:"why,omitempty"`   // reason for one of the refused
}

// Honour removes and revokes what the log of removals names and the stores do not know, and what more names if it is not nil:
// what is genuine of that is added to the log.
func (s *Stores) Honour(ctx context.Context, more *Given) (done Honoured, err error) {
	done.Log = s.Removals.Where()
	keys, err := s.removalKeys(ctx)
	if err != nil {
		return done, err
	}
	apply := func(all iter.Seq2[removals.Entry, error]) (good []removals.Entry, err error) {
		good, refused, why, err := removals.Trusted(all, keys)
		if err != nil {
			return nil, err
		}
		if refused > 0 {
			done.Refused, done.Why = done.Refused+refused, why.Error()
		}
		for _, e := range good {
			if err := s.honour(ctx, e, &done); err != nil {
				return nil, err
			}
		}
		return good, nil
	}
	good, err := apply(s.Removals.Entries(ctx))
	if err != nil {
		return done, err
	}
	done.Entries = len(good)
	for _, e := range good {
		if e.At.After(done.Newest) {
			done.Newest = e.At
		}
	}
	if more == nil {
		return done, nil
	}
	if good, err = apply(more.each); err != nil {
		return done, err
	}
	done.More = len(good)
	for _, e := range good {
		if err := s.Removals.Append(ctx, e); err != nil {
			return done, err
		}
	}
	return done, s.honourReceipts(ctx, more.receipts, &done)
}

// honour applies one entry.
func (s *Stores) honour(ctx context.Context, e removals.Entry, done *Honoured) error {
	switch e.Kind {
	case removals.Removal:
		news, err := s.Ingest.Forbid(ctx, e.Source, e.Registrant, schemas.Removal{At: e.At, Reason: e.Reason, Note: e.Note})
		if err != nil {
			return fmt.Errorf("remove %s again: %w", e.Registrant, err)
		}
		if news {
			done.Removed++
		}
	case removals.Revocation:
		news, err := s.Keys.EndAt(ctx, e.Key, e.At)
		if err != nil {
			return fmt.Errorf("revoke key %s again: %w", e.Key, err)
		}
		if news {
			done.Revoked++
		}
	}
	return nil
}

// honourReceipts removes again what genuine receipts name, and writes it to the log.
func (s *Stores) honourReceipts(ctx context.Context, receipts []ingest.Receipt, done *Honoured) error {
	for _, r := range receipts {
		if err := s.verifyOurs(ctx, r); err != nil {
			done.Refused, done.Why = done.Refused+1, err.Error()
			continue
		}
		done.More++
		e := removals.Entry{Kind: removals.Removal, At: r.Removed, Source: r.Source, Registrant: r.Registrant, Reason: r.Reason}
		if err := s.note(ctx, e); err != nil {
			return err
		}
		if err := s.honour(ctx, e, done); err != nil {
			return err
		}
	}
	return nil
}

// Given is what a file names as removed and revoked: lines of another log of removals, or receipts.
type Given struct {
	entries  []removals.Entry
	receipts []ingest.Receipt
}

// each yields the lines of a log.
func (g *Given) each(yield func(removals.Entry, error) bool) {
	for _, e := range g.entries {
		if !yield(e, nil) {
			return
		}
	}
}

// ReadGiven reads a file of lines of a log and receipts, one after the other; nil for "".
func ReadGiven(path string) (*Given, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the removals: %w", err)
	}
	defer file.Close()
	var given Given
	in := json.NewDecoder(file)
	for {
		var one json.RawMessage
		if err := in.Decode(&one); errors.Is(err, io.EOF) {
			return &given, nil
		} else if err != nil {
			return nil, schemas.Misuse("%s: %w (want lines of a log of removals, or receipts, one after the other)", path, err)
		}
		var e removals.Entry
		if err := json.Unmarshal(one, &e); err == nil && e.Kind != "" {
			given.entries = append(given.entries, e)
			continue
		}
		var r ingest.Receipt
		if err := json.Unmarshal(one, &r); err != nil || r.Registrant == "" {
			return nil, schemas.Misuse("%s: want lines of a log of removals, or receipts, one after the other", path)
		}
		given.receipts = append(given.receipts, r)
	}
}

// removalKeys returns the keys that verify removals signed by these stores, including receipts of older versions.
func (s *Stores) removalKeys(ctx context.Context) (all []ed25519.PublicKey, err error) {
	for _, purpose := range []signing.Purpose{signing.Removals, signing.Evidence} { // the evidence key signed receipts in older versions
		keys, err := signing.Public(ctx, s.JS, purpose)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	return all, nil
}

// note signs an entry and writes it to the log of removals.
func (s *Stores) note(ctx context.Context, e removals.Entry) error {
	key, err := signing.Key(ctx, s.JS, signing.Removals)
	if err != nil {
		return err
	}
	if e, err = e.Sign(key); err != nil {
		return err
	}
	return s.Removals.Append(ctx, e)
}
