package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"lineup/indexer/index"
	"lineup/schemas"
)

const documentColumns = "r.id, r.revision, r.person, r.first_seen, r.changed, d.record, d.keys, d.photos"

type scanner interface{ Scan(into ...any) error }

func scanDocument(s scanner) (index.Document, error) {
	var (
		id, person, record, photos []byte
		keys                       string
		firstSeen, changed         int64
		d                          index.Document
	)
	if err := s.Scan(&id, &d.Revision, &person, &firstSeen, &changed, &record, &keys, &photos); err != nil {
		return d, err
	}
	d.ID, d.FirstSeen, d.Changed = uuidOf([16]byte(id)), timeOf(firstSeen), timeOf(changed)
	if len(person) == 16 {
		d.Person = uuidOf([16]byte(person))
	}
	if keys != "" {
		d.Keys = strings.Split(keys, "\n")
	}
	if err := json.Unmarshal(record, &d.Record); err != nil {
		return d, fmt.Errorf("record of %s: %w", d.ID, err)
	}
	if err := json.Unmarshal(photos, &d.Photos); err != nil {
		return d, fmt.Errorf("photos of %s: %w", d.ID, err)
	}
	return d, nil
}

// lookup returns the documents held of ids, in their order.
func (x *generation) lookup(ctx context.Context, ids []schemas.UUID) ([]index.Document, error) {
	raw := make([]any, 0, len(ids))
	for _, id := range ids {
		if b, err := bytesOf(id); err == nil { // what cannot be an id is not held
			raw = append(raw, b)
		}
	}
	held := make(map[schemas.UUID]index.Document, len(ids))
	for part := range slices.Chunk(raw, 500) {
		err := x.each(ctx, x.read, "SELECT "+documentColumns+" FROM registrant r JOIN document d ON d.rid = r.rid WHERE r.id IN ("+
			marks(len(part))+")", part,
			func(rows *sql.Rows) error {
				d, err := scanDocument(rows)
				held[d.ID] = d
				return err
			})
		if err != nil {
			return nil, fmt.Errorf("look up %d registrants: %w", len(ids), err)
		}
	}
	docs := make([]index.Document, 0, len(held))
	for _, id := range ids {
		if d, ok := held[schemas.UUID(strings.ToLower(string(id)))]; ok {
			docs = append(docs, d)
		}
	}
	return docs, nil
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (x *generation) each(ctx context.Context, q querier, query string, args []any, do func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return explain(err)
		}
	}
	return explain(rows.Err())
}
