package embedded

import (
	"context"
	"database/sql"
	"errors"
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

// placed is a registrant of an answer.
type placed struct {
	rid  int64
	rank index.Rank
}

// find answers index.Reader's Find on one state of the database.
func (x *generation) find(ctx context.Context, q index.Query) (index.Found, error) {
	tx, err := x.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return index.Found{}, fmt.Errorf("find: %w", explain(err))
	}
	defer tx.Rollback()
	asked := q
	old := x.Features < ordered // does not hold what is ordered by
	if old {
		asked.Births, asked.Unstated, asked.After, asked.Skip, asked.Limit = nil, nil, nil, 0, index.MaxLimit
	}
	asked.AllKeys = slices.Clone(asked.AllKeys) // put in another order
	page, total, err := x.page(ctx, tx, asked)
	if err != nil {
		return index.Found{}, fmt.Errorf("find: %w", err)
	}
	out := index.Found{Total: total}
	if len(page) > asked.Bound() {
		page = page[:asked.Bound()]
		out.Next = &page[len(page)-1].rank
	}
	if out.Documents, err = x.documents(ctx, tx, page); err != nil {
		return index.Found{}, fmt.Errorf("find: %w", err)
	}
	if old {
		return q.PageOf(out.Documents), nil
	}
	return out, nil
}

// documents reads the documents of a page, many at a time: a statement for each costs more than what it reads.
func (x *generation) documents(ctx context.Context, tx *sql.Tx, page []placed) ([]index.Document, error) {
	held := make(map[schemas.UUID]index.Document, len(page))
	for part := range slices.Chunk(page, documentsAtOnce) {
		rids := make([]any, len(part))
		for i, f := range part {
			rids[i] = f.rid
		}
		query := "SELECT " + documentColumns + " FROM registrant r JOIN document d ON d.rid = r.rid WHERE r.rid IN (" + marks(len(part)) + ")"
		err := x.each(ctx, tx, query, rids, func(rows *sql.Rows) error {
			d, err := scanDocument(rows)
			held[d.ID] = d
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	docs := make([]index.Document, 0, len(page))
	for _, f := range page {
		d, ok := held[f.rank.ID]
		if !ok {
			return nil, errDamaged
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// documentsAtOnce is how many documents one statement reads.
const documentsAtOnce = 200

// errDamaged is returned where rows of one registrant do not belong together.
var errDamaged = errors.New("a registrant's row is damaged; hint: drop this generation and reindex")

// page gives a page of the answer, one more than it holds where there are more, and how many meet q.
func (x *generation) page(ctx context.Context, tx *sql.Tx, q index.Query) (page []placed, total int, err error) {
	arms, err := x.arms(ctx, tx, q)
	if err != nil {
		return nil, 0, err
	}
	if q.Near != nil {
		return x.nearPage(ctx, tx, q, arms)
	}
	skip, want := max(q.Skip, 0), q.Bound()+1
	for _, a := range arms {
		rows, whole, err := x.rows(ctx, tx, a, q.After, skip, want-len(page))
		if err != nil {
			return nil, 0, err
		}
		n := len(rows)
		if !whole {
			if err := tx.QueryRowContext(ctx, a.count(), a.args()...).Scan(&n); err != nil {
				return nil, 0, explain(err)
			}
		}
		page, total = append(page, rows...), total+n
		if skipped := n; len(rows) == 0 && q.After == nil {
			skip = max(skip-skipped, 0)
		} else if len(rows) > 0 {
			skip = 0
		}
	}
	return page, total, nil
}

// rows reads some registrants of an arm; whole says that these are all of it.
func (x *generation) rows(ctx context.Context, tx *sql.Tx, a arm, after *index.Rank, skip, want int) (rows []placed, whole bool,
	err error) {
	if want <= 0 || after != nil && a.unstated < after.Unstated {
		return nil, false, nil
	}
	query, args := "SELECT "+a.columns()+" FROM "+a.from+" WHERE "+a.where.String(), a.args()
	behind := after != nil && a.unstated == after.Unstated
	if behind {
		id, err := bytesOf(after.ID)
		if err != nil {
			return nil, false, fmt.Errorf("continue behind %.40q: %w", after.ID, err)
		}
		query, args = query+" AND "+a.of+"id > ?", append(args, id)
	}
	err = x.each(ctx, tx, query+" ORDER BY "+a.of+"id LIMIT ? OFFSET ?", append(args, want, skip), func(r *sql.Rows) error {
		var id []byte
		f := placed{rank: index.Rank{Unstated: a.unstated}}
		if err := r.Scan(&id, &f.rid); err != nil {
			return err
		}
		if len(id) != 16 {
			return errDamaged
		}
		f.rank.ID = uuidOf([16]byte(id))
		rows = append(rows, f)
		return nil
	})
	return rows, len(rows) < want && skip == 0 && !behind, err
}
