package embedded

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math/bits"
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
		return nil, 0, false, err
	}
	p.mu.RLock()
	if p.seq != seq {
		p.mu.RUnlock()
		if err := p.takeIn(ctx, tx, seq); err != nil {
			return nil, 0, false, err
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

// placed is a registrant of an answer.
type placed struct {
	rid  int64
	rank index.Rank
}

// errDamaged is returned where rows of one registrant do not belong together.
var errDamaged = errors.New("a registrant's row is damaged; hint: drop this generation and reindex")

// hashes holds the photos' perceptual hashes of the sources that were asked for: comparing
// each with one costs less in memory than any index of them would. The generation's mutex guards it.
type hashes map[string]*looks // by source

// looks are the photos of one source, in no order.
type looks struct {
	list []look // hash 0: free
	free []int
	at   map[int64][]int // where in list a registrant's are
}

type look struct {
	hash   uint64
	rid    int64
	marked bool // as a placeholder
}

func (l *looks) add(k look) {
	i := len(l.list)
	if n := len(l.free); n > 0 {
		i, l.free = l.free[n-1], l.free[:n-1]
		l.list[i] = k
	} else {
		l.list = append(l.list, k)
	}
	l.at[k.rid] = append(l.at[k.rid], i)
}

func (l *looks) forget(rid int64) {
	for _, i := range l.at[rid] {
		l.list[i] = look{}
		l.free = append(l.free, i)
	}
	delete(l.at, rid)
}

// alike gives at most limit registrants with a hash that differs in at most so many bits,
// those with one that is not marked first.
func (l *looks) alike(hash uint64, most, limit int) []int64 {
	var plain, marked []int64
	for _, k := range l.list {
		if k.hash == 0 || bits.OnesCount64(k.hash^hash) > most {
			continue
		}
		to := &plain
		if k.marked {
			to = &marked
		}
		if len(*to) < limit && !slices.Contains(*to, k.rid) {
			*to = append(*to, k.rid)
		}
	}
	for _, rid := range marked {
		if !slices.Contains(plain, rid) {
			plain = append(plain, rid)
		}
	}
	return plain[:min(limit, len(plain))]
}

func (h hashes) forget(rid int64) {
	for _, l := range h {
		l.forget(rid)
	}
}

// load reads the hashes of registrants that changed after a sequence number: of one source, or
// of all that are held when source is "".
func (h hashes) load(ctx context.Context, conn *sql.Conn, source string, from int64) error {
	const columns = "SELECT p.source, p.rid, p.hash, json_extract(CAST(p.outcome AS TEXT), '$.problem') IS ? FROM "
	query := columns + "photo p WHERE p.source = ? AND p.hash <> 0"
	args := []any{index.Placeholder, source}
	if source == "" {
		query = columns + "registrant r JOIN photo p ON p.rid = r.rid WHERE r.seq > ? AND p.hash <> 0"
		args[1] = from
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			of     string
			k      look
			hashed int64
		)
		if err := rows.Scan(&of, &k.rid, &hashed, &k.marked); err != nil {
			return err
		}
		k.hash = uint64(hashed)
		if l, ok := h[of]; ok {
			l.add(k)
		}
	}
	return rows.Err()
}
