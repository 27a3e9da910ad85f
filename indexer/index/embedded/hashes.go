package embedded

import (
	"context"
	"database/sql"
	"math/bits"
)

// hashes holds the photos' perceptual hashes of the sources that were asked for: comparing
// each with one costs less in memory than any index of them would. The generation's mutex guards it.
type hashes map[string]map[int64][]uint64 // by source and registrant

func (h hashes) forget(rid int64) {
	for _, rids := range h {
		delete(rids, rid)
	}
}

// load reads the hashes of registrants that changed after a sequence number: of one source, or
// of all that are held when source is "".
func (h hashes) load(ctx context.Context, conn *sql.Conn, source string, from int64) error {
	query := "SELECT p.source, p.rid, p.hash FROM photo p WHERE p.source = ? AND p.hash <> 0"
	args := []any{source}
	if source == "" {
		query = "SELECT p.source, p.rid, p.hash FROM registrant r JOIN photo p ON p.rid = r.rid WHERE r.seq > ? AND p.hash <> 0"
		args = []any{from}
	}
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			of        string
			rid, hash int64
		)
		if err := rows.Scan(&of, &rid, &hash); err != nil {
			return err
		}
		if held, ok := h[of]; ok {
			held[rid] = append(held[rid], uint64(hash))
		}
	}
	return rows.Err()
}

// count counts the registrants of a source with a hash that differs in at most so many bits.
func (h hashes) count(source string, hash uint64, most int) int {
	n := 0
	for _, held := range h[source] {
		for _, other := range held {
			if bits.OnesCount64(other^hash) <= most {
				n++
				break
			}
		}
	}
	return n
}
