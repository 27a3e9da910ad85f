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

// driver is a part of a query that names few registrants.
type driver struct {
	gives where // as a statement that gives their rids
	holds where // as a condition on the row r of registrant, for those whom another driver gives
}

// drivers are the drivers of a query, likely those of the fewest first. The one that gives the fewest is walked and the others are
// tried on each whom it gives, so no statistics are needed to be fast, and nothing is read of those whom another names.
func drivers(q index.Query) (out []driver) {
	add := func(gives, holds string, args ...any) {
		out = append(out, driver{where{[]string{gives}, args}, where{[]string{holds}, args}})
	}
	for _, c := range []struct {
		column, listed string
		ids            []schemas.UUID
	}{{"id", "listed AND ", q.IDs}, {"person", "", q.Persons}} {
		var ids []any
		for _, id := range c.ids {
			if b, err := bytesOf(id); err == nil {
				ids = append(ids, b)
			}
		}
		if in := c.column + " IN (" + marks(len(ids)) + ")"; len(c.ids) > 0 {
			add("SELECT rid FROM registrant WHERE "+c.listed+in, "r."+in, ids...)
		}
	}
	if q.Near != nil {
		inside := inBoxes(q.Near)
		out = append(out, driver{where{[]string{"SELECT rid FROM place WHERE " + inside.String()}, inside.args}, hasPlace(between(q.Near))})
	}
	if len(q.AnyKey)+len(q.AllKeys) > 0 {
		out = append(out, keyed(q))
	}
	if place, _ := placeWhere(q); len(place.parts) > 0 {
		out = append(out, driver{where{[]string{"SELECT rid FROM place WHERE " + place.String()}, place.args}, hasPlace(place)})
	}
	for _, c := range []struct {
		column   string
		from, to time.Time
	}{{"first_seen", q.FirstSeenFrom, q.FirstSeenTo}, {"changed", q.ChangedFrom, q.ChangedTo}} {
		var w, row where
		if !c.from.IsZero() {
			w.add(c.column+" >= ?", nanos(c.from))
			row.add("r."+c.column+" >= ?", nanos(c.from))
		}
		if !c.to.IsZero() {
			w.add(c.column+" <= ?", nanos(c.to))
			row.add("r."+c.column+" <= ?", nanos(c.to))
		}
		if len(w.parts) > 0 {
			w.add("listed")
			out = append(out, driver{where{[]string{"SELECT rid FROM registrant WHERE " + w.String()}, w.args}, row})
		}
	}
	return out
}

// hasPlace is the condition that a registrant has a place for which another holds.
func hasPlace(w where) where {
	return where{[]string{"EXISTS (SELECT 1 FROM place INDEXED BY place_rid WHERE rid = r.rid AND " + w.String() + ")"}, w.args}
}

// keyed are those who have the name keys of a query.
func keyed(q index.Query) (d driver) {
	var gives, holds []string
	var args []any
	if len(q.AnyKey) > 0 {
		in := "key IN (" + marks(len(q.AnyKey)) + ")"
		gives, holds = []string{"SELECT rid FROM name_key WHERE " + in}, []string{hasKey(in, "r")}
		args = anys(q.AnyKey)
	}
	for _, list := range q.AllKeys {
		one, way := "SELECT rid FROM name_key k WHERE key = ?", hasKey("key = ?", "r")
		for range list[1:] {
			one += " AND " + hasKey("key = ?", "k")
			way += " AND " + hasKey("key = ?", "r")
		}
		gives, holds, args = append(gives, one), append(holds, way), append(args, anys(list)...)
	}
	return driver{where{[]string{strings.Join(gives, " UNION ALL ")}, args}, where{[]string{"(" + joined(holds) + ")"}, args}}
}

// hasKey is the condition that the registrant of a row has a key for which another condition holds.
func hasKey(holds, row string) string {
	return "EXISTS (SELECT 1 FROM name_key WHERE " + holds + " AND rid = " + row + ".rid)"
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

// between is the condition that a place lies in the boxes around a circle, for the places of one registrant.
func between(c *index.Circle) (w where) {
	var boxes []string
	for _, b := range c.Boxes() {
		boxes = append(boxes, "lat BETWEEN ? AND ? AND lon BETWEEN ? AND ?")
		w.args = append(w.args, b[0], b[1], b[2], b[3])
	}
	w.parts = []string{"(" + joined(boxes) + ")"}
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

// agreeing are those who agree with a question about a birth.
func agreeing(b schemas.BirthQuestion) driver {
	d := bornIn(b, 1)
	if b.Aliases {
		aliases := bornIn(b, 0)
		d.gives.parts[0] += " UNION ALL " + aliases.gives.parts[0]
		d.holds.parts[0] += " OR " + aliases.holds.parts[0]
		d.gives.args = append(d.gives.args, aliases.gives.args...)
	}
	const printed = "printed <> 0 AND %[1]sborn = 0 AND %[1]sprinted BETWEEN ? AND ?"
	d.gives.parts[0] += " UNION ALL SELECT rid FROM registrant WHERE " + fmt.Sprintf(printed, "")
	d.holds.parts[0] = "(" + d.holds.parts[0] + " OR r." + fmt.Sprintf(printed, "r.") + ")"
	d.gives.args = append(d.gives.args, b.Printed.From, b.Printed.To)
	d.holds.args = d.gives.args
	return d
}

// bornIn are those whose own date of birth (own 1), or an alias's (0), agrees with a question: each span by itself, as the
// index has them.
func bornIn(b schemas.BirthQuestion, own int) (d driver) {
	var gives, holds []string
	for _, s := range b.Days {
		span := "own = ? AND born BETWEEN ? AND ?"
		switch s.Only {
		case schemas.WholeDates:
			span += " AND born % 100 <> 0"
		case schemas.PartialDates:
			span += " AND born % 100 = 0"
		}
		gives, holds = append(gives, "SELECT rid FROM birth WHERE "+span), append(holds, span)
		d.gives.args = append(d.gives.args, own, s.From, s.To)
	}
	d.gives.parts = []string{strings.Join(gives, " UNION ALL ")}
	d.holds = where{[]string{"EXISTS (SELECT 1 FROM birth INDEXED BY birth_rid WHERE rid = r.rid AND (" + joined(holds) + "))"}, d.gives.args}
	return d
}

// silent is the condition that a registrant's record says nothing to a question about a birth; table has the column
// unstated.
func silent(b schemas.BirthQuestion, table string) (w where) {
	w.add(table + "unstated")
	if b.Aliases {
		aliases := bornIn(b, 0).gives
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
	if f := q.Filter; len(q.IDs)+len(q.Persons)+len(q.AnyKey)+len(q.AllKeys)+len(q.NoKey)+
		len(f.Sources)+len(f.States)+len(f.Sexes)+f.BornMin+f.BornMax > 0 ||
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

// sampleSize is how far the sizes of drivers are compared at first.
const sampleSize = 2000

// fewest is the driver that gives the fewest. Where all give more than are counted, more are counted.
func fewest(ctx context.Context, tx *sql.Tx, all []driver) (first int, err error) {
	if len(all) < 2 {
		return 0, nil
	}
	for size := sampleSize; size <= 64*sampleSize; size *= 8 {
		least := size
		for i, d := range all {
			var n int
			counted := "SELECT count(*) FROM (SELECT 1 FROM (" + d.gives.parts[0] + ") LIMIT ?)"
			err := tx.QueryRowContext(ctx, counted, append(slices.Clone(d.gives.args), size)...).Scan(&n)
			if err != nil {
				return 0, explain(err)
			}
			if n < least {
				first, least = i, n
			}
		}
		if least < size {
			break
		}
	}
	return first, nil
}

// walked is an arm that is found by the driver that gives the fewest, and all else is tried on them.
func (x *generation) walked(ctx context.Context, tx *sql.Tx, q index.Query, unstated int) (arm, error) {
	w := filterWhere(q.Filter)
	if len(q.NoKey) > 0 {
		w.add("NOT "+hasKey("key IN ("+marks(len(q.NoKey))+")", "r"), anys(q.NoKey)...)
	}
	all := drivers(q)
	births, agree := birthsWhere(q.Births, unstated)
	if agree != nil {
		all = append(all, *agree)
	} else if births.parts != nil {
		w.add(births.String(), births.args...)
	}
	first, err := fewest(ctx, tx, all)
	if err != nil {
		return arm{}, err
	}
	a := arm{unstated: unstated, from: "registrant r", of: "r."}
	for i, d := range all {
		if i == first {
			a.from, a.fromArgs = "(SELECT DISTINCT rid FROM ("+d.gives.parts[0]+")) few CROSS JOIN registrant r ON r.rid = few.rid", d.gives.args
			continue
		}
		w.add(d.holds.String(), d.holds.args...)
	}
	a.where = w
	if len(all) == 1 && len(w.parts) == 1 { // nothing is asked but what the driver gives, and nobody who left is in its tables
		a.counts = "SELECT count(DISTINCT rid) FROM (" + all[0].gives.parts[0] + ")"
	}
	return a, nil
}

// birthsWhere is the condition that so many of the questions find nothing stated and the others agree: as what gives
// the registrants where that is possible.
func birthsWhere(births []schemas.BirthQuestion, unstated int) (w where, agree *driver) {
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
				c = agreeing(b).holds
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
