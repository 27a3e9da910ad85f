package queryd

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// ledgerCalls bounds how many registrants one request asks the ledger about at once.
const ledgerCalls = 8

// lookup reads documents from the index.
func (s *Server) lookup(ctx context.Context, ids ...schemas.UUID) ([]index.Document, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	defer s.metrics.timed("lookup")()
	docs, err := s.deps.Index.Lookup(ctx, ids...)
	if err != nil {
		return nil, unavailable("index", err)
	}
	return docs, nil
}

// listed asks the ledger which of the documents' registrants are listed now. Who is not in the
// map must not be in an answer; when the ledger cannot be asked there is no answer.
func (s *Server) listed(ctx context.Context, docs []index.Document) (map[schemas.UUID]schemas.Listing, error) {
	defer s.metrics.timed("ledger")()
	var mu sync.Mutex
	all := make(map[schemas.UUID]schemas.Listing, len(docs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(ledgerCalls)
	for _, d := range docs {
		group.Go(func() error {
			listing, err := s.deps.Ledger.Listing(ctx, d.Record.Source, d.ID)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err != nil || !listing.Listed {
				s.metrics.delisted.Inc()
				return nil
			}
			mu.Lock()
			all[d.ID] = listing
			mu.Unlock()
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, unavailable("ledger", err)
	}
	return all, nil
}

// persons maps each document's registrant to its person id, where at least two listed
// registrants share it and no two of them disagree in middle name or suffix.
func (s *Server) persons(ctx context.Context, docs []index.Document, known map[schemas.UUID]schemas.Listing) (map[schemas.UUID]schemas.UUID, error) {
	var wanted []schemas.UUID
	for _, d := range docs {
		if d.Person != "" && !slices.Contains(wanted, d.Person) {
			wanted = append(wanted, d.Person)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	members, _, err := s.deps.Index.Find(ctx, index.Query{Persons: wanted})
	if err != nil {
		return nil, unavailable("index", err)
	}
	groups := map[schemas.UUID][]index.Document{}
	for _, m := range members {
		groups[m.Person] = append(groups[m.Person], m)
	}
	var unknown []index.Document
	for _, group := range groups {
		for _, m := range group {
			if _, ok := known[m.ID]; !ok && len(group) > 1 {
				unknown = append(unknown, m)
			}
		}
	}
	listed, err := s.listed(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for person, group := range groups {
		groups[person] = slices.DeleteFunc(group, func(m index.Document) bool {
			_, before := known[m.ID]
			_, now := listed[m.ID]
			return !before && !now
		})
	}
	shared := map[schemas.UUID]schemas.UUID{}
	for _, d := range docs {
		if group := groups[d.Person]; len(group) > 1 && agree(group) {
			shared[d.ID] = d.Person
		}
	}
	return shared, nil
}

// agree reports whether the names of all documents can be one person's.
func agree(group []index.Document) bool {
	for i, a := range group {
		for _, b := range group[i+1:] {
			if !namekey.Agree(a.Record.Name, b.Record.Name) {
				return false
			}
		}
	}
	return true
}
