package qdrant

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"lineup/indexer/index"
	"lineup/schemas"
)

func missing(name string) error { return fmt.Errorf("generation %q: %w", name, fs.ErrNotExist) }

// factsOf are the fields a filter looks at, on faces and registrants alike. Not known is "" or 0.
func factsOf(e index.Entry) map[string]*qdrant.Value {
	f := index.FactsOf(e.Document.Record)
	return map[string]*qdrant.Value{
		"source": qdrant.NewValueString(e.Source), "state": qdrant.NewValueString(f.State), "sex": qdrant.NewValueString(f.Sex),
		"born_min": qdrant.NewValueInt(int64(f.BornMin)), "born_max": qdrant.NewValueInt(int64(f.BornMax)),
	}
}

// document adds a registrant's fields: "document" is what comes back, the others are looked up.
func document(payload map[string]*qdrant.Value, e index.Entry, facts map[string]*qdrant.Value) error {
	text, err := json.Marshal(e.Document)
	if err != nil {
		return fmt.Errorf("registrant %s: %w", e.ID, err)
	}
	photos, err := json.Marshal(e.Document.Photos)
	if err != nil {
		return fmt.Errorf("registrant %s: %w", e.ID, err)
	}
	for name, value := range facts {
		payload[name] = value
	}
	var digests, plain, marked []string
	for _, p := range e.Document.Photos {
		digests = append(digests, string(p.Photo))
		switch {
		case p.Hash == 0:
		case p.Problem == index.Placeholder:
			marked = append(marked, bands(p.Hash)...)
		default:
			plain = append(plain, bands(p.Hash)...)
		}
	}
	var places []string
	var geo []*qdrant.Value
	for _, p := range index.FactsOf(e.Document.Record).Places {
		places = append(places, placeKeys(p)...)
		if p.Located {
			geo = append(geo, qdrant.NewValueFromFields(map[string]*qdrant.Value{"lat": qdrant.NewValueDouble(p.Lat),
				"lon": qdrant.NewValueDouble(p.Lon)}))
		}
	}
	for name, value := range map[string]*qdrant.Value{
		"document": qdrant.NewValueString(string(text)), "photos": qdrant.NewValueString(string(photos)),
		"person": qdrant.NewValueString(string(e.Document.Person)), "keys": words(e.Document.Keys),
		"places": words(places), "geo": qdrant.NewValueFromList(geo...),
		"first_seen": qdrant.NewValueInt(micros(e.Document.FirstSeen)), "changed": qdrant.NewValueInt(micros(e.Document.Changed)),
		"photo": words(digests), "bands": words(plain), "marked": words(marked), "order": qdrant.NewValueInt(int64(orderOf(e.ID))),
	} {
		payload[name] = value
	}
	births(payload, e.Document.Record.BirthFacts())
	return nil
}

// births adds what a record says of the registrant's birth, as numbers: dates that are known to the day apart from others.
func births(payload map[string]*qdrant.Value, f schemas.BirthFacts) {
	fields := map[string][]*qdrant.Value{"born_whole": nil, "born_part": nil, "born_alias_whole": nil, "born_alias_part": nil}
	add := func(field string, number int) {
		if number%100 != 0 {
			field += "_whole"
		} else {
			field += "_part"
		}
		fields[field] = append(fields[field], qdrant.NewValueInt(int64(number)))
	}
	if f.Own != 0 {
		add("born", f.Own)
	}
	for _, a := range f.Aliases {
		add("born_alias", a)
	}
	for field, values := range fields {
		payload[field] = qdrant.NewValueFromList(values...)
	}
	payload["born"], payload["printed"] = qdrant.NewValueInt(int64(f.Own)), qdrant.NewValueInt(int64(f.Printed))
	payload["unstated"] = qdrant.NewValueBool(f.Unstated())
}

// orderEnd is above every order.
const orderEnd = 1 << 52

// orderOf is the beginning of an id as a number, which a condition of Qdrant, a float64, holds exactly.
func orderOf(id schemas.UUID) uint64 {
	n, err := strconv.ParseUint(strings.ReplaceAll(string(id), "-", "")[:13], 16, 64)
	if err != nil {
		return 0 // Validate has looked at it
	}
	return n
}

// firstID is the first id of an order.
func firstID(order uint64) string {
	h := fmt.Sprintf("%013x", order)
	return h[:8] + "-" + h[8:12] + "-" + h[12:] + "000-0000-000000000000"
}

func words(list []string) *qdrant.Value {
	values := make([]*qdrant.Value, len(list))
	for i, w := range list {
		values[i] = qdrant.NewValueString(w)
	}
	return qdrant.NewValueFromList(values...)
}

// micros is a time in microseconds, which a condition of Qdrant, a float64, holds exactly.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// placeKeys are a place's parts in every combination, so that one of them says that city,
// state and ZIP code stand in the same address.
func placeKeys(p index.Place) (keys []string) {
	for _, city := range []string{"", p.City} {
		for _, state := range []string{"", p.State} {
			for _, zip := range []string{"", p.Zip} {
				if key := placeKey(city, state, zip); key != "||" {
					keys = append(keys, key)
				}
			}
		}
	}
	return keys
}

func placeKey(city, state, zip string) string { return city + "|" + state + "|" + zip }

// bands cuts a hash into four words: two hashes that differ in at most three bits agree in at
// least one of them, and hardly any others do.
func bands(hash uint64) (keys []string) {
	for i := range 4 {
		keys = append(keys, fmt.Sprintf("%d:%04x", i, uint16(hash>>(16*i))))
	}
	return keys
}

func near(a, b uint64, most int) bool { return bits.OnesCount64(a^b) <= most }

// filter narrows to listed registrants, or to faces, that pass f.
func filter(f index.Filter) *qdrant.Filter {
	out := &qdrant.Filter{}
	must := func(c *qdrant.Condition) { out.Must = append(out.Must, c) }
	if len(f.Sources) > 0 {
		must(qdrant.NewMatchKeywords("source", f.Sources...))
	}
	if len(f.States) > 0 {
		var states []string
		for _, s := range f.States {
			states = append(states, cmp.Or(index.FoldPlace(s), "-")) // not known is "", which no place asked for equals
		}
		must(qdrant.NewMatchKeywords("state", states...))
	}
	if len(f.Sexes) > 0 {
		must(qdrant.NewMatchKeywords("sex", append([]string{""}, f.Sexes...)...))
	}
	if f.BornMin != 0 {
		must(either(qdrant.NewMatchInt("born_max", 0), qdrant.NewRange("born_max", &qdrant.Range{Gte: qdrant.PtrOf(float64(f.BornMin))})))
	}
	if f.BornMax != 0 {
		must(either(qdrant.NewMatchInt("born_max", 0), qdrant.NewRange("born_min", &qdrant.Range{Lte: qdrant.PtrOf(float64(f.BornMax))})))
	}
	return out
}

func either(conditions ...*qdrant.Condition) *qdrant.Condition {
	return qdrant.NewFilterAsCondition(&qdrant.Filter{Should: conditions})
}

func decodeDocument(payload map[string]*qdrant.Value) (index.Document, error) {
	var d index.Document
	if err := json.Unmarshal([]byte(payload["document"].GetStringValue()), &d); err != nil {
		return d, fmt.Errorf("a registrant's point is damaged: %w; hint: reindex", err)
	}
	return d, nil
}

func decodeFace(payload map[string]*qdrant.Value) (schemas.Face, error) {
	var f schemas.Face
	if err := json.Unmarshal([]byte(payload["face"].GetStringValue()), &f); err != nil {
		return f, fmt.Errorf("a face's point is damaged: %w; hint: reindex", err)
	}
	return f, nil
}

func vectorOf(p interface{ GetVectors() *qdrant.VectorsOutput }) ([]float32, error) {
	v := p.GetVectors().GetVector()
	if dense := v.GetDenseVector(); dense != nil {
		return dense.GetData(), nil
	}
	return nil, errors.New("a face's point has no vector; hint: reindex")
}

// validIDs are those that can be a point's id.
func validIDs(ids []schemas.UUID) (out []string) {
	for _, id := range ids {
		if _, err := schemas.ParseUUID(string(id)); err == nil {
			out = append(out, strings.ToLower(string(id)))
		}
	}
	return out
}
