package indexer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lineup/indexer/index"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// A picture that more than placeholderPeople people of one source have shows nobody: it is the source's "no photo"
// picture, its badge or its logo. Two pictures count as the same up to placeholderBits differing bits of their
// perceptual hashes. Registrants with the same date of birth count as one person, because a source that lists each
// alias of somebody as a record of its own shows the same real photo with all of them.
const (
	placeholderPeople  = 5
	placeholderBits    = 2
	placeholderSharers = 64 // looked at: enough to find six people among
)

// placeholder reports whether a registrant's photo shows nobody, judged by who else has it.
func (w *Worker) placeholder(ctx context.Context, generation, source string, who index.Sharer) (bool, error) {
	if who.Photo.Hash == 0 {
		return false, nil
	}
	sharers, err := w.sharing(ctx, generation, source, who.Photo.Hash)
	if err != nil {
		return false, err
	}
	sharers = slices.DeleteFunc(sharers, func(s index.Sharer) bool { return s.ID == who.ID }) // as it was before
	return people(append(sharers, who)) > placeholderPeople, nil
}

func (w *Worker) sharing(ctx context.Context, generation, source string, hash uint64) ([]index.Sharer, error) {
	sharers, err := w.Index.Sharing(ctx, generation, source, hash, placeholderBits, placeholderSharers)
	if err != nil {
		return nil, fmt.Errorf("look for the photo's like: %w", err)
	}
	return sharers, nil
}

// people counts the different people among those who share a picture.
func people(sharers []index.Sharer) int {
	seen := make(map[string]bool)
	for _, s := range sharers {
		if s.Photo.Born == "" {
			seen[string(s.ID)] = true // not known to be anybody else's
			continue
		}
		seen[s.Photo.Born] = true
	}
	return len(seen)
}

// unmask runs after entry is written. Photos of others may have been enrolled before enough people shared the picture
// to show that it is a placeholder; unmask writes those entries again, and sets again if entry itself is one of them.
// Every writer does this after its own write and before its mark. Whoever writes last therefore sees all who share
// the picture, in whatever order they came and whichever writers died.
func (w *Worker) unmask(ctx context.Context, all []index.Generation, g index.Generation, entry index.Entry,
	keep func(string) bool) (again bool, err error) {
	due := make(map[schemas.UUID]bool)
	for _, photo := range entry.Document.Photos {
		if photo.Hash == 0 {
			continue
		}
		sharers, err := w.sharing(ctx, g.Name, entry.Source, photo.Hash)
		if err != nil {
			return false, err
		}
		if len(sharers) <= 1 {
			continue // as nearly always: nobody but the registrant
		}
		for _, s := range sharers {
			if s.Photo.Problem == index.Placeholder || due[s.ID] {
				continue
			}
			if due[s.ID], err = w.placeholder(ctx, g.Name, entry.Source, s); err != nil {
				return false, err
			}
		}
	}
	for id, is := range due {
		if !is || id == entry.ID {
			continue
		}
		if err := w.mask(ctx, all, g, entry.Source, id, keep); err != nil {
			return false, err
		}
	}
	return due[entry.ID], nil
}

// masked reports whether another worker has written an entry again meanwhile, one of whose photos turned out to be a placeholder: what
// was marked of it is not so any more. Who masks looks for the mark behind its own write, so one of the two sees the other.
func (w *Worker) masked(ctx context.Context, g index.Generation, entry index.Entry) (bool, error) {
	if entry.Document == nil {
		return false, nil
	}
	for _, photo := range entry.Document.Photos {
		if photo.Hash == 0 || photo.Problem == index.Placeholder {
			continue
		}
		sharers, err := w.sharing(ctx, g.Name, entry.Source, photo.Hash)
		if err != nil {
			return false, err
		}
		for _, s := range sharers {
			if s.ID == entry.ID && s.Photo.Photo == photo.Photo && s.Photo.Problem == index.Placeholder {
				return true, nil
			}
		}
	}
	return false, nil
}

// mask writes the entry of a listed registrant again, whose photo has turned out to be a placeholder. It need not
// call unmask: the hashes it writes are those that were there before.
func (w *Worker) mask(ctx context.Context, all []index.Generation, g index.Generation, source string, id schemas.UUID,
	keep func(string) bool) error {
	s, err := w.Ledger.Listing(ctx, source, id)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !s.Listed {
		return nil // it has a job of its own
	}
	if err != nil {
		return err
	}
	entry, err := w.entry(ctx, all, g, s, nil)
	if err == nil {
		err = w.write(ctx, g, entry)
	}
	var now schemas.Listing
	if err == nil { // its own worker may have marked meanwhile what it wrote before
		now, err = w.Ledger.Listing(ctx, source, id)
	}
	if err == nil && now.Revision == s.Revision && now.Due(g.Target()) == schemas.DueNot { // else its own worker has yet to look for others
		err = w.mark(ctx, g, s, entry, keep)
	}
	if errors.Is(err, ledger.ErrMoved) || errors.Is(err, fs.ErrNotExist) && w.hasMoved(ctx, s) {
		return nil // whoever writes its next revision looks for itself
	}
	return err
}
