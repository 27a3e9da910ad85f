package keys

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// MaxWatches bounds the watches of one key.
const MaxWatches = 50

// ErrTooMany is returned by AddWatch for a key that has MaxWatches.
var ErrTooMany = errors.New("the key has as many watches as it may have")

// watchSchema is the version of a watch's stored form. History: 1, the first.
const watchSchema = 1

// Watch is a standing question of a key: what is new, changed or gone of one record, of one person, or in one small
// place.
type Watch struct {
	Schema  int          `json:"schema"`
	ID      schemas.UUID `json:"id"`
	Created time.Time    `json:"created"`

	Record schemas.UUID `json:"record,omitempty"` // one of these four
	Person schemas.UUID `json:"person,omitempty"`
	Zip    string       `json:"zip,omitempty"`
	Point  *Point       `json:"point,omitempty"`

	Webhook string `json:"webhook,omitempty"` // URL that is told of news, "" for none

	// Seen is the state of the last answer that the key's holder has acknowledged: revisions by record. Given is what
	// the last answer differed from it in, and Look is the name of that answer.
	Seen  map[schemas.UUID]uint64 `json:"seen"`
	Given map[schemas.UUID]uint64 `json:"given,omitempty"`
	Look  string                  `json:"look,omitempty"`
}

// Point is a place and at most a mile around it.
type Point struct {
	Lat   float64 `json:"lat"`
	Lng   float64 `json:"lng"`
	Miles float64 `json:"miles"`
}

func watchKey(key string, id schemas.UUID) string { return key + "." + string(id) }

// AddWatch stores a new watch of a key. Errors: ErrTooMany.
func (r *Store) AddWatch(ctx context.Context, key string, w Watch) (Watch, error) {
	w, _, err := r.AddHookedWatch(ctx, key, w)
	return w, err
}

// AddHookedWatch is AddWatch that also returns what the deliveries to w.Webhook are signed with, which cannot be
// read again; "" without a webhook. Errors: ErrTooMany.
func (r *Store) AddHookedWatch(ctx context.Context, key string, w Watch) (_ Watch, secret string, err error) {
	all, err := r.Watches(ctx, key)
	if err != nil {
		return w, "", err
	}
	if len(all) >= MaxWatches {
		return w, "", ErrTooMany
	}
	w.Schema, w.ID, w.Created = watchSchema, schemas.RandomID(), r.now().UTC()
	data, err := json.Marshal(w)
	if err != nil {
		return w, "", fmt.Errorf("encode watch: %w", err)
	}
	if w.Webhook != "" {
		if secret, err = r.addHook(ctx, key, w); err != nil {
			return w, "", err
		}
	}
	if _, err := r.watches.Create(ctx, watchKey(key, w.ID), data); err != nil {
		return w, "", errors.Join(fmt.Errorf("store watch: %w", err), r.removeHook(ctx, watchKey(key, w.ID)))
	}
	return w, secret, nil
}

// Watches are the watches of a key, the oldest first.
func (r *Store) Watches(ctx context.Context, key string) ([]Watch, error) {
	all := map[schemas.UUID]Watch{}
	var problem error
	err := r.watches.Each(ctx, key+".*", func(e broker.Entry) bool {
		w, err := decodeWatch(e.Value)
		all[w.ID], problem = w, err
		return err == nil
	})
	if err := errors.Join(err, problem); err != nil {
		return nil, fmt.Errorf("list watches: %w", err)
	}
	var out []Watch
	for _, w := range all {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b Watch) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func decodeWatch(data []byte) (Watch, error) {
	var w Watch
	if err := json.Unmarshal(data, &w); err != nil {
		return w, fmt.Errorf("decode watch: %w", err)
	}
	if w.Schema > watchSchema {
		return w, fmt.Errorf("watch of schema %d: %w", w.Schema, schemas.ErrNewerSchema)
	}
	return w, nil
}

// Watch reads one watch of a key. Errors: fs.ErrNotExist.
func (r *Store) Watch(ctx context.Context, key string, id schemas.UUID) (Watch, error) {
	w, _, err := r.watch(ctx, key, id)
	return w, err
}

func (r *Store) watch(ctx context.Context, key string, id schemas.UUID) (Watch, uint64, error) {
	e, err := r.watches.Get(ctx, watchKey(key, id))
	if errors.Is(err, broker.ErrNoEntry) {
		return Watch{}, 0, fmt.Errorf("watch %s: %w", id, fs.ErrNotExist)
	}
	if err != nil {
		return Watch{}, 0, fmt.Errorf("read watch: %w", err)
	}
	w, err := decodeWatch(e.Value)
	return w, e.Revision, err
}

// Looked stores what a watch's holder was answered last and which answer they had acknowledged. Errors:
// fs.ErrNotExist.
func (r *Store) Looked(ctx context.Context, key string, w Watch) error {
	for range casTries {
		_, revision, err := r.watch(ctx, key, w.ID)
		if err != nil {
			return err
		}
		data, err := json.Marshal(w)
		if err != nil {
			return fmt.Errorf("encode watch: %w", err)
		}
		if _, err = r.watches.Update(ctx, watchKey(key, w.ID), data, revision); !errors.Is(err, broker.ErrRaced) {
			return err
		}
	}
	return fmt.Errorf("watch %s: others changed it %d times in a row", w.ID, casTries)
}

// RemoveWatch deletes a watch of a key; its webhook gets no more deliveries. Errors: fs.ErrNotExist.
func (r *Store) RemoveWatch(ctx context.Context, key string, id schemas.UUID) error {
	if err := r.removeHook(ctx, watchKey(key, id)); err != nil {
		return err
	}
	for range casTries {
		_, revision, err := r.watch(ctx, key, id)
		if err != nil {
			return err
		}
		if err = r.watches.Delete(ctx, watchKey(key, id), revision); !errors.Is(err, broker.ErrRaced) {
			return err
		}
	}
	return fmt.Errorf("watch %s: others changed it %d times in a row", id, casTries)
}

// Hooked are all watches with a webhook, by key.
func (r *Store) Hooked(ctx context.Context) (map[string][]Watch, error) {
	all := map[string]map[schemas.UUID]Watch{}
	var problem error
	err := r.watches.Each(ctx, "", func(e broker.Entry) bool {
		w, err := decodeWatch(e.Value)
		if key, _, _ := strings.Cut(e.Key, "."); err == nil && w.Webhook != "" {
			if all[key] == nil {
				all[key] = map[schemas.UUID]Watch{}
			}
			all[key][w.ID] = w
		}
		problem = errors.Join(problem, err)
		return true
	})
	if err := errors.Join(err, problem); err != nil {
		return nil, fmt.Errorf("list watches: %w", err)
	}
	out := map[string][]Watch{}
	for key, watches := range all {
		out[key] = slices.Collect(maps.Values(watches))
	}
	return out, nil
}

// EndedWatches deletes the watches of a key that no longer works, in case the process that ended it did not get to
// that. It reports whether the key no longer works.
func (r *Store) EndedWatches(ctx context.Context, key string) (ended bool, err error) {
	stored, _, err := r.get(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || err == nil && stored.Works(r.now()) {
		return false, err
	}
	return true, r.endWatches(ctx, key, "")
}

// endWatches deletes the watches of a key. If a new key replaces it, the new key gets them instead.
func (r *Store) endWatches(ctx context.Context, key, next string) error {
	all, err := r.Watches(ctx, key)
	if err != nil {
		return err
	}
	for _, w := range all {
		if next != "" {
			data, err := json.Marshal(w)
			if err != nil {
				return fmt.Errorf("encode watch: %w", err)
			}
			if err := r.handHookOn(ctx, watchKey(key, w.ID), watchKey(next, w.ID)); err != nil {
				return err
			}
			if _, err := r.watches.Create(ctx, watchKey(next, w.ID), data); err != nil && !errors.Is(err, broker.ErrRaced) {
				return fmt.Errorf("hand a watch on: %w", err)
			}
		}
		if err := r.RemoveWatch(ctx, key, w.ID); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Forget deletes, for a removed registrant, every watch on the record and what watches on places have stored of it.
func (r *Store) Forget(ctx context.Context, record schemas.UUID) error {
	type held struct {
		key string
		id  schemas.UUID
	}
	var all []held
	err := r.watches.Each(ctx, "", func(e broker.Entry) bool {
		if w, err := decodeWatch(e.Value); err == nil {
			_, seen := w.Seen[record]
			_, given := w.Given[record]
			if w.Record == record || seen || given {
				all = append(all, held{e.Key[:max(len(e.Key)-len(w.ID)-1, 0)], w.ID})
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("look for watches: %w", err)
	}
	for _, h := range all {
		w, err := r.Watch(ctx, h.key, h.id)
		if err == nil && w.Record == record {
			err = r.RemoveWatch(ctx, h.key, h.id)
		} else if err == nil {
			delete(w.Seen, record)
			delete(w.Given, record)
			if err = r.Looked(ctx, h.key, w); err == nil {
				err = r.unsay(ctx, watchKey(h.key, h.id))
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
