package embedded

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"lineup/indexer/index"
	"lineup/schemas"
)

// metaSize is the length of a face's coded box and quality, before the text.
const metaSize = 4*4 + 4 + 5*8

// encodeMeta codes a face's box and quality, little endian; the detection step and the
// warnings follow as text.
func encodeMeta(f schemas.Face) []byte {
	b := make([]byte, 0, metaSize+16)
	for _, n := range []int{f.Box.Left, f.Box.Top, f.Box.Right, f.Box.Bottom, f.Quality.FacePixels} {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(n)))
	}
	q := f.Quality
	for _, x := range []float64{q.Sharpness, q.Brightness, q.Yaw, q.Roll, q.Score} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return append(b, strings.Join(append([]string{q.Step}, q.Warnings...), "\n")...)
}

func decodeMeta(b []byte) (enrolled, string, error) {
	if len(b) < metaSize {
		return enrolled{}, "", errors.New("too short")
	}
	var f enrolled
	for i := range f.box {
		f.box[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	f.facePixels = int32(binary.LittleEndian.Uint32(b[16:]))
	for i := range f.quality {
		f.quality[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[20+8*i:]))
	}
	return f, string(b[metaSize:]), nil
}

// face is a face as the port has it, without embedding.
func (f enrolled) face(id [16]byte, text string) schemas.Face {
	words := strings.Split(text, "\n")
	q := schemas.Quality{
		FacePixels: int(f.facePixels), Sharpness: f.quality[0], Brightness: f.quality[1],
		Yaw: f.quality[2], Roll: f.quality[3], Score: f.quality[4], Step: words[0],
	}
	if len(words) > 1 {
		q.Warnings = words[1:]
	}
	return schemas.Face{
		ID: uuidOf(id), Registrant: uuidOf(f.registrant), Photo: schemas.Digest(hex.EncodeToString(f.photo[:])),
		Box:     schemas.Box{Left: int(f.box[0]), Top: int(f.box[1]), Right: int(f.box[2]), Bottom: int(f.box[3])},
		Quality: q,
	}
}

func encodeFloats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func decodeFloats(into []float32, b []byte) {
	for i := range into {
		into[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

func uuidOf(b [16]byte) schemas.UUID {
	h := hex.EncodeToString(b[:])
	return schemas.UUID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

func bytesOf(id schemas.UUID) ([]byte, error) {
	if _, err := schemas.ParseUUID(string(id)); err != nil {
		return nil, err
	}
	return hex.DecodeString(strings.ReplaceAll(string(id), "-", ""))
}

func digestBytes(d schemas.Digest) ([]byte, error) {
	if !d.Valid() {
		return nil, fmt.Errorf("photo digest %.70q: want 64 hexadecimal digits", d)
	}
	return hex.DecodeString(string(d))
}

// nanos is a time for a column: 0 for none.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
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

// row is an entry made ready for the database.
type row struct {
	id, person []byte
	revision   int64
	source     string
	document   *index.Document
	record     []byte
	photos     []photoRow
	outcomes   []byte
	facts      index.Facts
	birth      schemas.BirthFacts
	faces      []faceRow
}

type photoRow struct {
	photo, outcome []byte
	hash           uint64
}

type faceRow struct {
	id, photo, meta, embedding []byte
}

// rowOf checks an entry and encodes it, before any lock is taken.
func rowOf(e index.Entry, dim int) (r row, err error) {
	if err := e.Validate(dim); err != nil {
		return r, err
	}
	if r.id, err = bytesOf(e.ID); err != nil {
		return r, fmt.Errorf("entry's id: %w", err)
	}
	r.revision, r.source, r.document = int64(e.Revision), e.Source, e.Document
	if e.Document == nil {
		return r, nil
	}
	if e.Document.Person != "" {
		if r.person, err = bytesOf(e.Document.Person); err != nil {
			return r, fmt.Errorf("registrant %s: person: %w", e.ID, err)
		}
	}
	if r.record, err = json.Marshal(e.Document.Record); err != nil {
		return r, fmt.Errorf("registrant %s: encode record: %w", e.ID, err)
	}
	if r.outcomes, err = json.Marshal(e.Document.Photos); err != nil {
		return r, fmt.Errorf("registrant %s: encode photos: %w", e.ID, err)
	}
	for _, p := range e.Document.Photos {
		digest, err := digestBytes(p.Photo)
		if err != nil {
			return r, fmt.Errorf("registrant %s: %w", e.ID, err)
		}
		outcome, err := json.Marshal(p)
		if err != nil {
			return r, fmt.Errorf("registrant %s: encode photo: %w", e.ID, err)
		}
		r.photos = append(r.photos, photoRow{digest, outcome, p.Hash})
	}
	r.facts, r.birth = index.FactsOf(e.Document.Record), e.Document.Record.BirthFacts()
	for _, f := range e.DistinctFaces() {
		face := faceRow{meta: encodeMeta(f), embedding: encodeFloats(f.Embedding)}
		if face.id, err = bytesOf(f.ID); err != nil {
			return r, fmt.Errorf("registrant %s: face's id: %w", e.ID, err)
		}
		if face.photo, err = digestBytes(f.Photo); err != nil {
			return r, fmt.Errorf("face %s: %w", f.ID, err)
		}
		r.faces = append(r.faces, face)
	}
	return r, nil
}

// pendingRows are the rows of one call.
type pendingRows struct {
	rows []row
	done chan error
}
