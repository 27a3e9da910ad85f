package embedded

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"
	"sync"

	"lineup/indexer/index"
)

// places are where everybody is, in memory since the first question about a circle: the database takes microseconds for a
// place, and a circle around a large city holds tens of thousands.
type places struct {
	mu   sync.RWMutex
	seq  int64            // the state of the database that is held, 0 for none yet
	list []spot           // by latitude
	late map[int64][]spot // of those who changed since list was made: what list has of them does not count
}

// spot is a place with coordinates.
type spot struct {
	lat, lon float64
	rid      int64
	id       [16]byte
	more     bool // the registrant may have another
}

// in reports whether a spot lies in a box of index.Circle.
func (s spot) in(box [4]float64) bool {
	return s.lat >= box[0] && s.lat <= box[1] && s.lon >= box[2] && s.lon <= box[3]
}

// page answers a question about a circle alone, as tx sees the database; ok is false where another question has taken in a
// later state of it.
func (p *places) page(ctx context.Context, tx *sql.Tx, q index.Query) (page []placed, total int, ok bool, err error) {
	var seq int64
	if err := tx.QueryRowContext(ctx, "SELECT seq FROM counter").Scan(&seq); err != nil {
		return nil, 0, false, explain(err)
	}
	p.mu.RLock()
	if p.seq != seq {
		p.mu.RUnlock()
		if err := p.takeIn(ctx, tx, seq); err != nil {
			return nil, 0, false, explain(err)
		}
		p.mu.RLock()
	}
	defer p.mu.RUnlock()
	if p.seq != seq {
		return nil, 0, false, nil
	}
	first, total := p.nearest(q)
	for _, n := range first[min(max(q.Skip, 0), len(first)):] {
		page = append(page, n.placed())
	}
	return page, total, true, nil
}

// takeIn reads what changed until seq.
func (p *places) takeIn(ctx context.Context, tx *sql.Tx, seq int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seq >= seq {
		return nil
	}
	query, args := "SELECT rid, id, lat, lon FROM place WHERE lat IS NOT NULL", []any(nil)
	if p.seq > 0 {
		query, args = "SELECT r.rid, r.id, p.lat, p.lon FROM registrant r LEFT JOIN place p ON p.rid = r.rid AND p.lat IS NOT NULL "+
			"WHERE r.seq > ?", []any{p.seq}
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var fresh []spot
	changed := map[int64][]spot{}
	var id sql.RawBytes
	for rows.Next() {
		var s spot
		var lat, lon sql.NullFloat64
		if err := rows.Scan(&s.rid, &id, &lat, &lon); err != nil {
			return err
		}
		if len(id) != 16 {
			return errDamaged
		}
		s.lat, s.lon, s.id, s.more = lat.Float64, lon.Float64, [16]byte(id), true
		switch {
		case p.seq == 0:
			fresh = append(fresh, s)
		case lat.Valid:
			changed[s.rid] = append(changed[s.rid], s)
		default:
			changed[s.rid] = nil
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if p.seq == 0 {
		p.list, p.late = byLatitude(fresh), changed
	}
	for rid, spots := range changed {
		p.late[rid] = spots
	}
	if len(p.late) > 1000+len(p.list)/64 {
		p.merge()
	}
	p.seq = seq
	return nil
}

// merge makes one list of all.
func (p *places) merge() {
	all := slices.DeleteFunc(p.list, func(s spot) bool {
		_, changed := p.late[s.rid]
		return changed
	})
	for _, spots := range p.late {
		all = append(all, spots...)
	}
	p.list, p.late = byLatitude(all), map[int64][]spot{}
}

// byLatitude puts spots in order, and finds out whose are several.
func byLatitude(all []spot) []spot {
	slices.SortFunc(all, func(a, b spot) int { return cmp.Compare(a.rid, b.rid) })
	for i := range all {
		all[i].more = i > 0 && all[i-1].rid == all[i].rid || i+1 < len(all) && all[i+1].rid == all[i].rid
	}
	slices.SortFunc(all, func(a, b spot) int { return cmp.Compare(a.lat, b.lat) })
	return all
}

// nearest are the first registrants in a circle, those that q skips among them and one more than its page holds, and how many
// there are in all.
func (p *places) nearest(q index.Query) (first []near, total int) {
	keep := max(q.Skip, 0) + q.Bound() + 1
	cut := func() {
		slices.SortFunc(first, near.compare)
		first = first[:min(keep, len(first))]
	}
	add := func(n near) {
		if total++; q.After != nil && n.placed().rank.Compare(*q.After) <= 0 {
			return
		}
		if first = append(first, n); len(first) == 2*keep+1000 {
			cut()
		}
	}
	several := map[int64]near{}
	measure := func(s spot) {
		n := near{rid: s.rid, id: s.id, miles: q.Near.Distance(index.Place{Lat: s.lat, Lon: s.lon, Located: true})}
		switch old, ok := several[s.rid]; {
		case n.miles > q.Near.Miles:
		case !s.more:
			add(n)
		case !ok || n.miles < old.miles:
			several[s.rid] = n
		}
	}
	for _, box := range q.Near.Boxes() {
		from, _ := slices.BinarySearchFunc(p.list, box[0], func(s spot, lat float64) int { return cmp.Compare(s.lat, lat) })
		for _, s := range p.list[from:] {
			if s.lat > box[1] {
				break
			}
			if !s.in(box) {
				continue
			}
			if _, changed := p.late[s.rid]; !changed {
				measure(s)
			}
		}
		for _, spots := range p.late {
			for _, s := range spots {
				if s.in(box) {
					measure(s)
				}
			}
		}
	}
	for _, n := range several {
		add(n)
	}
	cut()
	return first, total
}

// near is a registrant in a circle.
type near struct {
	rid      int64
	unstated int
	miles    float64
	id       [16]byte
}

func (n near) compare(other near) int {
	return cmp.Or(cmp.Compare(n.unstated, other.unstated), cmp.Compare(n.miles, other.miles), bytes.Compare(n.id[:], other.id[:]))
}

func (n near) placed() placed {
	return placed{n.rid, index.Rank{Unstated: n.unstated, Miles: n.miles, ID: uuidOf(n.id)}}
}

// nearPage computes the exact distances of what lies in the circle's boxes. With an address in
// the query as well, it is the registrant that must meet both, not one address.
func (x *generation) nearPage(ctx context.Context, tx *sql.Tx, q index.Query, arms []arm) ([]placed, int, error) {
	if x.Features >= ordered && nearAlone(q) {
		if page, total, ok, err := x.places.page(ctx, tx, q); ok || err != nil {
			return page, total, err
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
