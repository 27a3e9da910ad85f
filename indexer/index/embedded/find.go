package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

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
		err := x.each(ctx, x.read, "SELECT "+documentColumns+" FROM registrant r JOIN document d ON d.rid = r.rid WHERE r.id IN ("+marks(len(part))+")", part,
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

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// where collects conditions and their arguments.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(part string, args ...any) {
	w.parts = append(w.parts, part)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.parts) == 0 {
		return "1"
	}
	return strings.Join(w.parts, " AND ")
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// drivers are the parts of a query that name few registrants, each as a statement that gives
// their rids, likely the fewest first: the first is walked and the others are tried on what
// it gives, so no statistics are needed to be fast.
func drivers(q index.Query) (out []where) {
	raw := func(ids []schemas.UUID) (list []any) {
		for _, id := range ids {
			if b, err := bytesOf(id); err == nil {
				list = append(list, b)
			}
		}
		return list
	}
	one := func(part string, args ...any) { out = append(out, where{[]string{part}, args}) }
	if len(q.IDs) > 0 {
		ids := raw(q.IDs)
		one("SELECT rid FROM registrant WHERE listed AND id IN ("+marks(len(ids))+")", ids...)
	}
	if len(q.Persons) > 0 {
		ids := raw(q.Persons)
		one("SELECT rid FROM registrant WHERE person IN ("+marks(len(ids))+")", ids...)
	}
	if q.Near != nil {
		var boxes []string
		var args []any
		for _, b := range q.Near.Boxes() {
			// The R*Tree keeps float32, rounded outwards: nothing inside is lost.
			boxes = append(boxes, "SELECT pid FROM place_box WHERE north >= ? AND south <= ? AND east >= ? AND west <= ?")
			args = append(args, b[0], b[1], b[2], b[3])
		}
		one("SELECT rid FROM place WHERE pid IN ("+strings.Join(boxes, " UNION ")+")", args...)
	}
	if len(q.AnyKey) > 0 {
		one("SELECT rid FROM name_key WHERE key IN ("+marks(len(q.AnyKey))+")", anys(q.AnyKey)...)
	}
	var place where
	for _, c := range []struct{ column, value string }{
		{"zip", index.FoldZip(q.Zip)}, {"city", index.FoldPlace(q.City)}, {"state", index.FoldPlace(q.State)},
	} {
		if c.value != "" {
			place.add(c.column+" = ? AND "+c.column+" <> ''", c.value)
		}
	}
	if len(place.parts) > 0 {
		one("SELECT rid FROM place WHERE "+place.String(), place.args...)
	}
	for _, c := range []struct {
		column   string
		from, to time.Time
	}{{"first_seen", q.FirstSeenFrom, q.FirstSeenTo}, {"changed", q.ChangedFrom, q.ChangedTo}} {
		var w where
		if !c.from.IsZero() {
			w.add(c.column+" >= ?", nanos(c.from))
		}
		if !c.to.IsZero() {
			w.add(c.column+" <= ?", nanos(c.to))
		}
		if len(w.parts) > 0 {
			w.add("listed")
			one("SELECT rid FROM registrant WHERE "+w.String(), w.args...)
		}
	}
	return out
}

// nowhere is a state that no folded one equals.
const nowhere = "-"

func filterWhere(f index.Filter) where {
	w := where{}
	w.add("r.listed")
	if len(f.Sources) > 0 {
		w.add("r.source IN ("+marks(len(f.Sources))+")", anys(f.Sources)...)
	}
	if len(f.States) > 0 {
		var states []any
		for _, s := range f.States {
			states = append(states, cmp.Or(index.FoldPlace(s), nowhere))
		}
		w.add("r.state IN ("+marks(len(states))+")", states...)
	}
	if len(f.Sexes) > 0 {
		sexes := []any{0}
		for _, s := range f.Sexes {
			sexes = append(sexes, sexCode(s))
		}
		w.add("r.sex IN ("+marks(len(sexes))+")", sexes...)
	}
	if f.BornMin != 0 {
		w.add("(r.born_max = 0 OR r.born_max >= ?)", f.BornMin)
	}
	if f.BornMax != 0 {
		w.add("(r.born_max = 0 OR r.born_min <= ?)", f.BornMax)
	}
	return w
}

// find answers index.Reader's Find on one state of the database.
func (x *generation) find(ctx context.Context, q index.Query) (docs []index.Document, more bool, err error) {
	limit := min(cmp.Or(max(q.Limit, 0), index.DefaultLimit), index.MaxLimit)
	tx, err := x.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, false, fmt.Errorf("find: %w", explain(err))
	}
	defer tx.Rollback()
	rids, more, err := x.findRows(ctx, tx, q, limit)
	if err != nil {
		return nil, false, fmt.Errorf("find: %w", err)
	}
	stmt, err := tx.PrepareContext(ctx, "SELECT "+documentColumns+" FROM registrant r JOIN document d ON d.rid = r.rid WHERE r.rid = ?")
	if err != nil {
		return nil, false, fmt.Errorf("find: %w", explain(err))
	}
	defer stmt.Close()
	docs = make([]index.Document, 0, len(rids))
	for _, rid := range rids {
		d, err := scanDocument(stmt.QueryRowContext(ctx, rid))
		if err != nil {
			return nil, false, fmt.Errorf("find: %w", explain(err))
		}
		docs = append(docs, d)
	}
	return docs, more, nil
}

func (x *generation) findRows(ctx context.Context, tx *sql.Tx, q index.Query, limit int) (rids []int64, more bool, err error) {
	w := filterWhere(q.Filter)
	from := "registrant r"
	var args []any
	for i, d := range drivers(q) {
		if i == 0 {
			from = "(SELECT DISTINCT rid FROM (" + d.parts[0] + ")) few CROSS JOIN registrant r ON r.rid = few.rid"
			args = append(args, d.args...)
			continue
		}
		w.add("r.rid IN ("+d.parts[0]+")", d.args...)
	}
	args = append(args, w.args...)
	if q.Near != nil {
		return x.nearRows(ctx, tx, q, from, w, args, limit)
	}
	query := "SELECT r.rid FROM " + from + " WHERE " + w.String() + " ORDER BY r.id LIMIT ?"
	err = x.each(ctx, tx, query, append(args, limit+1), func(rows *sql.Rows) error {
		var rid int64
		err := rows.Scan(&rid)
		rids = append(rids, rid)
		return err
	})
	if len(rids) > limit {
		return rids[:limit], true, err
	}
	return rids, false, err
}

// nearRows computes the exact distances of what lies in the circle's boxes. With an address in
// the query as well, it is the registrant that must meet both, not one address.
func (x *generation) nearRows(ctx context.Context, tx *sql.Tx, q index.Query, from string, w where, args []any, limit int) ([]int64, bool,
	error) {
	type near struct {
		rid   int64
		id    string
		miles float64
	}
	nearest := map[int64]near{}
	err := x.each(ctx, tx, "SELECT r.rid, r.id, p.lat, p.lon FROM "+from+" CROSS JOIN place p ON p.rid = r.rid WHERE p.lat IS NOT NULL AND "+w.String(), args,
		func(rows *sql.Rows) error {
			var n near
			p := index.Place{Located: true}
			if err := rows.Scan(&n.rid, &n.id, &p.Lat, &p.Lon); err != nil {
				return err
			}
			n.miles = q.Near.Distance(p)
			if old, ok := nearest[n.rid]; n.miles <= q.Near.Miles && (!ok || n.miles < old.miles) {
				nearest[n.rid] = n
			}
			return nil
		})
	if err != nil {
		return nil, false, err
	}
	list := make([]near, 0, len(nearest))
	for _, n := range nearest {
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b near) int { return cmp.Or(cmp.Compare(a.miles, b.miles), cmp.Compare(a.id, b.id)) })
	more := len(list) > limit
	rids := make([]int64, 0, min(len(list), limit))
	for _, n := range list[:min(len(list), limit)] {
		rids = append(rids, n.rid)
	}
	return rids, more, nil
}
