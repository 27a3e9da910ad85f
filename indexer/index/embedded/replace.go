package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lineup/indexer/index"
	"lineup/schemas"
)

// replace writes the entries in one transaction, and returns when the next read sees them.
func (x *generation) replace(ctx context.Context, entries []index.Entry) error {
	rows := make([]row, 0, len(entries))
	for _, e := range entries {
		r, err := rowOf(e, x.Model.Dimensions)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	mine := &pendingRows{rows, make(chan error, 1)}
	if err := x.replaceTogether(ctx, mine); err != nil {
		return fmt.Errorf("replace %d registrants in generation %s: %w", len(rows), x.Name, explain(err))
	}
	v, err := x.view(ctx)
	if err == nil {
		x.arena.release(v)
	}
	return err
}

// replaceTogether writes the rows of a call, with those of all who wait at that moment: a transaction waits for the disk once,
// however much is in it.
func (x *generation) replaceTogether(ctx context.Context, mine *pendingRows) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x.mu.Lock()
	x.waiting = append(x.waiting, mine)
	x.mu.Unlock()
	select {
	case err := <-mine.done:
		return err
	case x.writing <- struct{}{}:
		x.writeWaiting(context.WithoutCancel(ctx)) // the others stay when this caller leaves
		<-x.writing
	case <-ctx.Done():
		x.mu.Lock()
		at := slices.Index(x.waiting, mine)
		if at >= 0 {
			x.waiting = slices.Delete(x.waiting, at, at+1)
		}
		x.mu.Unlock()
		if at >= 0 {
			return ctx.Err()
		}
	}
	return <-mine.done
}

// writeWaiting writes what waits in one transaction, or, where that fails, each in its own: nobody fails for another's rows.
func (x *generation) writeWaiting(ctx context.Context) {
	x.mu.Lock()
	all := x.waiting
	x.waiting = nil
	x.mu.Unlock()
	if len(all) == 0 {
		return // another caller has written them
	}
	var rows []row
	for _, r := range all {
		rows = append(rows, r.rows...)
	}
	err := x.commit(ctx, rows)
	for _, r := range all {
		if err == nil || len(all) == 1 {
			r.done <- err
		} else {
			r.done <- x.commit(ctx, r.rows)
		}
	}
}

func (x *generation) commit(ctx context.Context, rows []row) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	w := &writer{ctx: ctx, tx: tx, keys: map[int64][]string{}}
	var seq int64
	if err := tx.QueryRowContext(ctx, "UPDATE counter SET seq = seq + 1 RETURNING seq").Scan(&seq); err != nil {
		return err
	}
	for _, r := range rows {
		w.put(r, seq)
	}
	w.nameKeys()
	if w.err != nil {
		return w.err
	}
	return tx.Commit()
}

// writer runs the statements of one transaction until the first error.
type writer struct {
	ctx  context.Context // of the one call it serves
	tx   *sql.Tx
	keys map[int64][]string // name keys to be written
	err  error
}

// nameKeys writes the keys of all entries in the order of their table: where many registrants come at once, their keys share
// its pages.
func (w *writer) nameKeys() {
	type row struct {
		key string
		rid int64
	}
	var rows []row
	for rid, keys := range w.keys {
		for _, key := range keys {
			rows = append(rows, row{key, rid})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.rid, b.rid)) })
	for _, k := range rows {
		w.exec("INSERT OR IGNORE INTO name_key (key, rid) VALUES (?, ?)", k.key, k.rid)
	}
}

func (w *writer) exec(query string, args ...any) (id int64) {
	if w.err != nil {
		return 0
	}
	result, err := w.tx.ExecContext(w.ctx, query, args...)
	if err != nil {
		w.err = err
		return 0
	}
	id, w.err = result.LastInsertId()
	return id
}

// clear takes everything of a registrant away but its revision.
func (w *writer) clear(rid int64) {
	delete(w.keys, rid) // of an entry that came twice
	var keys string
	switch err := w.tx.QueryRowContext(w.ctx, "SELECT keys FROM document WHERE rid = ?", rid).Scan(&keys); {
	case errors.Is(err, sql.ErrNoRows):
		return
	case err != nil:
		w.err = err
		return
	}
	for key := range strings.SplitSeq(keys, "\n") {
		w.exec("DELETE FROM name_key WHERE key = ? AND rid = ?", key, rid)
	}
	w.exec("DELETE FROM place_box WHERE pid IN (SELECT pid FROM place WHERE rid = ? AND lat IS NOT NULL)", rid)
	for _, table := range []string{"place", "birth", "photo", "face", "document"} {
		w.exec("DELETE FROM "+table+" WHERE rid = ?", rid)
	}
}

func (w *writer) put(r row, seq int64) {
	if w.err != nil {
		return
	}
	var rid, revision int64
	switch err := w.tx.QueryRowContext(w.ctx, "SELECT rid, revision FROM registrant WHERE id = ?", r.id).Scan(&rid, &revision); {
	case errors.Is(err, sql.ErrNoRows):
		rid = w.exec("INSERT INTO registrant (id, revision, seq, listed) VALUES (?, ?, ?, 0)", r.id, r.revision, seq)
	case err != nil:
		w.err = err
	case revision > r.revision:
		return // a late writer
	default:
		w.clear(rid)
	}
	d := r.document
	if d == nil {
		w.exec(`UPDATE registrant SET revision = ?, seq = ?, listed = 0, source = NULL, state = NULL, sex = NULL,
			born_min = NULL, born_max = NULL,
			person = NULL, first_seen = NULL, changed = NULL, born = NULL, printed = NULL, unstated = NULL WHERE rid = ?`, r.revision, seq, rid)
		return
	}
	var person any
	if r.person != nil {
		person = r.person
	}
	w.exec(`UPDATE registrant SET revision = ?, seq = ?, listed = 1, source = ?, state = ?, sex = ?, born_min = ?, born_max = ?,
		person = ?, first_seen = ?, changed = ?, born = ?, printed = ?, unstated = ? WHERE rid = ?`, r.revision, seq, r.source, r.facts.State,
		sexCode(r.facts.Sex), r.facts.BornMin, r.facts.BornMax, person, nanos(d.FirstSeen), nanos(d.Changed), r.birth.Own, r.birth.Printed,
		r.birth.Unstated(), rid)
	w.exec("INSERT INTO document (rid, record, keys, photos) VALUES (?, ?, ?, ?)", rid, r.record, strings.Join(d.Keys, "\n"), r.outcomes)
	w.keys[rid] = d.Keys
	w.births(rid, r.birth)
	const place = "INSERT INTO place (rid, id, unstated, firsts, city, state, zip, lat, lon) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
	for i, p := range r.facts.Places {
		f := firsts(r.facts.Places[:i], p)
		if !p.Located {
			w.exec(place, rid, r.id, r.birth.Unstated(), f, p.City, p.State, p.Zip, nil, nil)
			continue
		}
		pid := w.exec(place, rid, r.id, r.birth.Unstated(), f, p.City, p.State, p.Zip, p.Lat, p.Lon)
		w.exec("INSERT INTO place_box VALUES (?, ?, ?, ?, ?)", pid, p.Lat, p.Lat, p.Lon, p.Lon)
	}
	for _, p := range r.photos {
		w.exec("INSERT INTO photo (rid, photo, outcome, source, hash) VALUES (?, ?, ?, ?, ?)", rid, p.photo, p.outcome, r.source, int64(p.hash))
	}
	for _, f := range r.faces {
		w.exec("INSERT INTO face (rid, id, photo, meta, embedding) VALUES (?, ?, ?, ?, ?)", rid, f.id, f.photo, f.meta, f.embedding)
	}
}

// firsts says of what a place is the first of a registrant's: of its state (1), city (2) and ZIP code (4). An index of
// those alone has everybody once.
func firsts(before []index.Place, p index.Place) int {
	f := 7
	for _, b := range before {
		if b.State == p.State {
			f &^= 1
			if b.City == p.City {
				f &^= 2
			}
		}
		if b.Zip == p.Zip {
			f &^= 4
		}
	}
	return f
}

func (w *writer) births(rid int64, f schemas.BirthFacts) {
	const birth = "INSERT OR IGNORE INTO birth (own, born, rid) VALUES (?, ?, ?)"
	if f.Own != 0 {
		w.exec(birth, 1, f.Own, rid)
	}
	for _, born := range f.Aliases {
		w.exec(birth, 0, born, rid)
	}
}
