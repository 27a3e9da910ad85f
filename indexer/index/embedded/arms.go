package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

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
		inside := inBoxes(q.Near)
		one("SELECT rid FROM place WHERE "+inside.String(), inside.args...)
	}
	if len(q.AnyKey)+len(q.AllKeys) > 0 {
		k := keyed(q)
		one(k.parts[0], k.args...)
	}
	if place, _ := placeWhere(q); len(place.parts) > 0 {
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

// keyed gives who has the name keys of a query.
func keyed(q index.Query) where {
	var ways []string
	var args []any
	if len(q.AnyKey) > 0 {
		ways, args = append(ways, "SELECT rid FROM name_key WHERE key IN ("+marks(len(q.AnyKey))+")"), anys(q.AnyKey)
	}
	for _, list := range q.AllKeys {
		way := "SELECT rid FROM name_key k WHERE key = ?"
		for range list[1:] {
			way += " AND EXISTS (SELECT 1 FROM name_key WHERE key = ? AND rid = k.rid)"
		}
		ways, args = append(ways, way), append(args, anys(list)...)
	}
	return where{[]string{strings.Join(ways, " UNION ALL ")}, args}
}

// inBoxes is the condition that a place lies in the boxes around a circle.
func inBoxes(c *index.Circle) (w where) {
	var boxes []string
	var args []any
	for _, b := range c.Boxes() {
		// The R*Tree keeps float32, rounded outwards: nothing inside is lost.
		boxes = append(boxes, "SELECT pid FROM place_box WHERE north >= ? AND south <= ? AND east >= ? AND west <= ?")
		args = append(args, b[0], b[1], b[2], b[3])
	}
	w.add("pid IN ("+strings.Join(boxes, " UNION ALL ")+")", args...)
	return w
}

// nearAlone reports whether a query asks for a circle and nothing else.
func nearAlone(q index.Query) bool {
	q.Near, q.After, q.Skip, q.Limit = nil, nil, 0, 0
	return reflect.DeepEqual(q, index.Query{})
}

// placeWhere is what a query asks of one address, and the index that gives the registrants of such addresses in
// the order of their ids.
func placeWhere(q index.Query) (w where, by string) {
	for _, c := range []struct{ column, value string }{
		{"state", index.FoldPlace(q.State)}, {"city", index.FoldPlace(q.City)}, {"zip", index.FoldZip(q.Zip)},
	} {
		if c.value != "" {
			w.add(c.column+" = ? AND "+c.column+" <> ''", c.value)
			by = "place_in_" + c.column
		}
	}
	return w, by
}

// arm is a part of an answer in which everybody leaves as many facts unstated: rows with the columns id and rid.
type arm struct {
	unstated int
	from     string
	fromArgs []any
	where    where
	of       string // what stands before the names of columns: "r." or nothing
	distinct bool   // from may give somebody twice
	counts   string // the statement that counts the arm, with the same arguments, "" for one made of the rest
}

func (a arm) args() []any { return append(slices.Clone(a.fromArgs), a.where.args...) }

// columns are what is selected of an arm.
func (a arm) columns() string {
	if a.distinct {
		return "DISTINCT " + a.of + "id, " + a.of + "rid"
	}
	return a.of + "id, " + a.of + "rid"
}

// count is the statement that counts an arm.
func (a arm) count() string {
	if a.counts != "" {
		return a.counts
	}
	if a.distinct {
		return "SELECT count(*) FROM (SELECT " + a.columns() + " FROM " + a.from + " WHERE " + a.where.String() + ")"
	}
	return "SELECT count(*) FROM " + a.from + " WHERE " + a.where.String()
}

// agreeing gives who agrees with a question about a birth.
func agreeing(b schemas.BirthQuestion) where {
	w := bornIn(b, 1)
	if b.Aliases {
		aliases := bornIn(b, 0)
		w.parts[0] += " UNION ALL " + aliases.parts[0]
		w.args = append(w.args, aliases.args...)
	}
	w.parts[0] += " UNION ALL SELECT rid FROM registrant WHERE printed <> 0 AND born = 0 AND printed BETWEEN ? AND ?"
	w.args = append(w.args, b.Printed.From, b.Printed.To)
	return w
}

// bornIn gives whose own date of birth (own 1), or an alias's (0), agrees with a question: each span by itself, as the
// index has them.
func bornIn(b schemas.BirthQuestion, own int) where {
	var spans []string
	var args []any
	for _, s := range b.Days {
		span := "SELECT rid FROM birth WHERE own = ? AND born BETWEEN ? AND ?"
		switch s.Only {
		case schemas.WholeDates:
			span += " AND born % 100 <> 0"
		case schemas.PartialDates:
			span += " AND born % 100 = 0"
		}
		spans, args = append(spans, span), append(args, own, s.From, s.To)
	}
	return where{[]string{strings.Join(spans, " UNION ALL ")}, args}
}

// silent is the condition that a registrant's record says nothing to a question about a birth; table has the column
// unstated.
func silent(b schemas.BirthQuestion, table string) (w where) {
	w.add(table + "unstated")
	if b.Aliases {
		aliases := bornIn(b, 0)
		w.add(table+"rid NOT IN ("+aliases.parts[0]+")", aliases.args...)
	}
	return w
}

// arms are the parts of the answer to q, in its order.
func (x *generation) arms(ctx context.Context, tx *sql.Tx, q index.Query) ([]arm, error) {
	var out []arm
	if err := rarestFirst(ctx, tx, q.AllKeys); err != nil {
		return nil, err
	}
	for _, unstated := range q.Levels() {
		if a, ok := streamed(q, unstated); ok && x.Features >= ordered {
			out = append(out, a)
			continue
		}
		a, err := x.walked(ctx, tx, q, unstated)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// streamed is an arm that an index gives in the order of the answer: of a place or of everybody, and nothing
// else is asked of whom it gives.
func streamed(q index.Query, unstated int) (arm, bool) {
	if f := q.Filter; len(q.IDs)+len(q.Persons)+len(q.AnyKey)+len(q.AllKeys)+len(q.NoKey)+len(f.Sources)+len(f.States)+len(f.Sexes)+f.BornMin+f.BornMax > 0 ||
		q.Near != nil ||
		len(drivers(index.Query{FirstSeenFrom: q.FirstSeenFrom, FirstSeenTo: q.FirstSeenTo, ChangedFrom: q.ChangedFrom,
			ChangedTo: q.ChangedTo})) > 0 ||
		len(q.Births) > 1 || unstated < len(q.Births) {
		return arm{}, false
	}
	w, by := placeWhere(q)
	table, distinct, counts := "place", true, ""
	switch {
	case by == "":
		table, by, distinct = "registrant", "registrant_listed", false
		w.add("listed")
	case q.State != "" && q.City+q.Zip == "":
		by, distinct = "place_first_in_state", false
		w.add("firsts & 1")
		counts = "SELECT coalesce(sum(n), 0) FROM state_count WHERE state = ?"
	case q.State != "" && q.City != "" && q.Zip == "":
		by, distinct = "place_first_in_city", false
		w.add("firsts & 2")
	case q.Zip != "" && q.City+q.State == "":
		by, distinct = "place_first_in_zip", false
		w.add("firsts & 4")
	}
	if len(q.Births) == 1 {
		s := silent(q.Births[0], "")
		w.add(s.String(), s.args...)
		switch by {
		case "registrant_listed":
			by = "registrant_unstated"
		case "place_first_in_state":
			by, counts = "place_unstated", ""
		}
	}
	return arm{unstated: unstated, from: table + " INDEXED BY " + by, where: w, distinct: distinct, counts: counts}, true
}

// rarestFirst puts the key first in each list that the fewest have: the others are tried on those.
func rarestFirst(ctx context.Context, tx *sql.Tx, lists [][]string) error {
	for l, list := range lists {
		held := map[string]int{}
		for _, key := range list {
			var n int
			err := tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM name_key WHERE key = ? LIMIT ?)", key, 10*sampleSize).Scan(&n)
			if err != nil {
				return explain(err)
			}
			held[key] = n
		}
		lists[l] = slices.SortedStableFunc(slices.Values(list), func(a, b string) int { return cmp.Compare(held[a], held[b]) })
	}
	return nil
}

// sampleSize bounds how far the sizes of drivers are compared.
const sampleSize = 2000

// walked is an arm that is found by the driver that gives the fewest, and all else is tried on them.
func (x *generation) walked(ctx context.Context, tx *sql.Tx, q index.Query, unstated int) (arm, error) {
	w := filterWhere(q.Filter)
	if len(q.NoKey) > 0 {
		w.add("r.rid NOT IN (SELECT rid FROM name_key WHERE key IN ("+marks(len(q.NoKey))+"))", anys(q.NoKey)...)
	}
	all := drivers(q)
	births, driver := birthsWhere(q.Births, unstated)
	if driver != nil {
		all = append(all, *driver)
	} else if births.parts != nil {
		w.add(births.String(), births.args...)
	}
	first, fewest := 0, sampleSize+1
	for i, d := range all {
		if len(all) == 1 {
			break
		}
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM ("+d.parts[0]+fmt.Sprintf(") LIMIT %d)", sampleSize),
			d.args...).Scan(&n); err != nil {
			return arm{}, explain(err)
		}
		if n < fewest {
			first, fewest = i, n
		}
	}
	a := arm{unstated: unstated, from: "registrant r", of: "r."}
	for i, d := range all {
		if i == first {
			a.from, a.fromArgs = "(SELECT DISTINCT rid FROM ("+d.parts[0]+")) few CROSS JOIN registrant r ON r.rid = few.rid", d.args
			continue
		}
		w.add("r.rid IN ("+d.parts[0]+")", d.args...)
	}
	a.where = w
	return a, nil
}

// birthsWhere is the condition that so many of the questions find nothing stated and the others agree: as what gives
// the registrants where that is possible.
func birthsWhere(births []schemas.BirthQuestion, unstated int) (w where, driver *where) {
	if len(births) == 1 && unstated == 0 {
		d := agreeing(births[0])
		return where{}, &d
	}
	var ways where
	for mask := range 1 << len(births) {
		var way where
		n := 0
		for i, b := range births {
			c := silent(b, "r.")
			if mask>>i&1 == 0 {
				d := agreeing(b)
				c = where{[]string{"r.rid IN (" + d.parts[0] + ")"}, d.args}
			} else {
				n++
			}
			way.add(c.String(), c.args...)
		}
		if n == unstated && len(births) > 0 {
			ways.add("("+way.String()+")", way.args...)
		}
	}
	if len(ways.parts) > 0 {
		w.add("("+joined(ways.parts)+")", ways.args...)
	}
	return w, nil
}

func joined(ways []string) string {
	text := ways[0]
	for _, w := range ways[1:] {
		text += " OR " + w
	}
	return text
}
