package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"lineup/indexer/index"
	"lineup/schemas"
)

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

// nearPage computes the exact distances of what lies in the circle's boxes. With an address in
// the query as well, it is the registrant that must meet both, not one address.
func (x *generation) nearPage(ctx context.Context, tx *sql.Tx, q index.Query, arms []arm) ([]placed, int, error) {
	if x.Features >= ordered && nearAlone(q) {
		if page, total, ok, err := x.places.page(ctx, tx, q); ok || err != nil {
			return page, total, explain(err)
		}
	}
	nearest := map[int64]near{}
	for _, a := range arms {
		query, args := "SELECT r.rid, r.id, p.lat, p.lon FROM "+a.from+" CROSS JOIN place p ON p.rid = r.rid WHERE p.lat IS NOT NULL AND "+
			a.where.String(), a.args()
		var id sql.RawBytes
		p := index.Place{Located: true}
		n := near{unstated: a.unstated}
		into := []any{&n.rid, &id, &p.Lat, &p.Lon}
		err := x.each(ctx, tx, query, args, func(rows *sql.Rows) error {
			if err := rows.Scan(into...); err != nil {
				return err
			}
			if len(id) != 16 {
				return errDamaged
			}
			n.miles, n.id = q.Near.Distance(p), [16]byte(id)
			if old, ok := nearest[n.rid]; n.miles <= q.Near.Miles && (!ok || n.miles < old.miles) {
				nearest[n.rid] = n
			}
			return nil
		})
		if err != nil {
			return nil, 0, err
		}
	}
	list := make([]near, 0, len(nearest))
	for _, n := range nearest {
		if q.After == nil || n.placed().rank.Compare(*q.After) > 0 {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, near.compare)
	list = list[min(max(q.Skip, 0), len(list)):]
	page := make([]placed, min(q.Bound()+1, len(list)))
	for i := range page {
		page[i] = list[i].placed()
	}
	return page, len(nearest), nil
}
