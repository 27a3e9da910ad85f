package removals

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// Objects is an object store that keeps more than blobs.
type Objects interface {
	// PutNote stores data under a name that is no blob's, durably; what is there already stays.
	PutNote(ctx context.Context, name string, data []byte) error
	// Notes yields name and bytes of all whose names begin with prefix.
	Notes(ctx context.Context, prefix string) iter.Seq2[Note, error]
	// NotesIn says for people where such names lie.
	NotesIn(prefix string) string
}

// Note is an object and its name.
type Note = struct {
	Name string
	Data []byte
}

// objectsPrefix is what the names of a log's objects begin with.
const objectsPrefix = "removals/"

// InObjects is a log of one object an entry.
type InObjects struct{ store Objects }

// NewInObjects is the log in an object store.
func NewInObjects(store Objects) InObjects { return InObjects{store} }

// Where says which objects.
func (l InObjects) Where() string { return l.store.NotesIn(objectsPrefix) }

// Append stores an object.
func (l InObjects) Append(ctx context.Context, e Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an entry of the log of removals: %w", err)
	}
	if err := l.store.PutNote(ctx, objectsPrefix+e.name(), data); err != nil {
		return fmt.Errorf("write the log of removals: %w", err)
	}
	return nil
}

// Entries reads all objects, the oldest entry first.
func (l InObjects) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var all []Entry
		for note, err := range l.store.Notes(ctx, objectsPrefix) {
			if err != nil {
				yield(Entry{}, fmt.Errorf("read the log of removals: %w", err))
				return
			}
			e, err := decode(bytes.TrimSpace(note.Data), note.Name)
			if err != nil {
				if !yield(e, err) {
					return
				}
				continue
			}
			all = append(all, e)
		}
		slices.SortStableFunc(all, func(a, b Entry) int {
			// A key takes another's place before it signs anything of the same second.
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(b.Kind, a.Kind))
		})
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}
