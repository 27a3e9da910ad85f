package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"lineup/ingest/broker"
)

// Day is a UTC day as "2006-01-02".
type Day string

// DayOf is the UTC day of t.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(time.DateOnly)) }

// Use counts a key's requests on one day by kind. Kinds are the names of the endpoints, and "refused" for requests
// over a limit.
type Use struct {
	Key   string         `json:"key"`
	Day   Day            `json:"day"`
	Kinds map[string]int `json:"kinds"`
}

// Total counts the requests of u that were answered.
func (u Use) Total() int {
	n := 0
	for kind, count := range u.Kinds {
		if kind != "refused" {
			n += count
		}
	}
	return n
}

// casTries bounds how often an addition is tried again because another daemon was faster.
const casTries = 20

// AddUse adds counts to what key used on day and returns the sum over all daemons.
func (r *Store) AddUse(ctx context.Context, key string, day Day, kinds map[string]int) (Use, error) {
	name := usageName(key, day)
	for range casTries {
		use, revision, err := r.use(ctx, key, day)
		if err != nil {
			return Use{}, err
		}
		if len(kinds) == 0 {
			return use, nil
		}
		for kind, n := range kinds {
			use.Kinds[kind] += n
		}
		data, err := json.Marshal(use.Kinds)
		if err != nil {
			return Use{}, fmt.Errorf("encode usage: %w", err)
		}
		if revision == 0 {
			_, err = r.usage.Create(ctx, name, data)
		} else {
			_, err = r.usage.Update(ctx, name, data, revision)
		}
		switch {
		case err == nil:
			return use, nil
		case errors.Is(err, broker.ErrRaced):
			continue
		default:
			return Use{}, fmt.Errorf("store usage of key %s: %w", key, err)
		}
	}
	return Use{}, fmt.Errorf("store usage of key %s: another process was faster %d times", key, casTries)
}

// Usage returns the use of a key by day, oldest first; of all keys if key is "".
func (r *Store) Usage(ctx context.Context, key string) ([]Use, error) {
	filter := ">"
	if key != "" {
		filter = key + ".>"
	}
	names, err := r.names(ctx, r.usage, filter)
	if err != nil {
		return nil, fmt.Errorf("list usage: %w", err)
	}
	uses := make([]Use, 0, len(names))
	for _, name := range names {
		id, day, _ := strings.Cut(name, ".")
		use, _, err := r.use(ctx, id, Day(day))
		if err != nil {
			return nil, err
		}
		uses = append(uses, use)
	}
	return uses, nil
}

// use reads one count; revision 0 says there is none yet.
func (r *Store) use(ctx context.Context, key string, day Day) (Use, uint64, error) {
	use := Use{Key: key, Day: day, Kinds: map[string]int{}}
	entry, err := r.usage.Get(ctx, usageName(key, day))
	if errors.Is(err, broker.ErrNoEntry) {
		return use, 0, nil
	}
	if err != nil {
		return Use{}, 0, fmt.Errorf("read usage of key %s: %w", key, err)
	}
	if err := json.Unmarshal(entry.Value, &use.Kinds); err != nil {
		return Use{}, 0, fmt.Errorf("decode usage of key %s: %w", key, err)
	}
	return use, entry.Revision, nil
}

func usageName(key string, day Day) string { return key + "." + string(day) }
