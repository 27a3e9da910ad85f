package embedded

import (
	"context"
	"database/sql"
	"math/bits"
	"slices"

	"lineup/indexer/index"
)

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
