package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lineup/ingest/broker"
)

// Year counts how many conditions of each kind began in one year (UTC).
type Year struct {
	Since time.Time      `json:"since,omitzero"` // the first one that is counted
	Kinds map[string]int `json:"kinds"`
}

// yearPrefix is what the keys of years begin with: no kind is called so.
const yearPrefix = "counted."

// CanaryPrefix is what the keys begin with under which the canary keeps what it has proven, in the same bucket.
const CanaryPrefix = "canary."

func yearKey(year int) string { return yearPrefix + strconv.Itoa(year) }

// Year returns the counts of a year.
func (n *Notices) Year(ctx context.Context, year int) (Year, error) {
	counted, _, err := n.year(ctx, year)
	return counted, err
}

func (n *Notices) year(ctx context.Context, year int) (Year, uint64, error) {
	counted := Year{Kinds: map[string]int{}}
	entry, err := n.bucket.Get(ctx, yearKey(year))
	if errors.Is(err, broker.ErrNoEntry) {
		return counted, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(entry.Value, &counted)
	}
	if err != nil {
		return counted, 0, fmt.Errorf("read the alarms of %d: %w", year, err)
	}
	return counted, entry.Revision, nil
}

// countTries bounds the attempts to store a count while other processes count too.
const countTries = 20

// count first records that a condition is counted, and then counts it: a process that is killed in between loses one
// count instead of counting again at each start.
func (n *Notices) count(ctx context.Context, c noted, at time.Time) (noted, error) {
	c.Counted = true
	revision, err := n.update(ctx, c)
	if err != nil {
		return c, err
	}
	c.revision = revision
	year := at.UTC().Year()
	for range countTries {
		counted, known, err := n.year(ctx, year)
		if err != nil {
			return c, err
		}
		if counted.Since.IsZero() {
			counted.Since = at.UTC()
		}
		counted.Kinds[c.Kind]++
		data, err := json.Marshal(counted)
		if err != nil {
			return c, fmt.Errorf("encode the alarms of %d: %w", year, err)
		}
		if known == 0 {
			_, err = n.bucket.Create(ctx, yearKey(year), data)
		} else {
			_, err = n.bucket.Update(ctx, yearKey(year), data, known)
		}
		if !errors.Is(err, broker.ErrRaced) {
			return c, err
		}
	}
	return c, fmt.Errorf("count an alarm of %d: others were faster %d times", year, countTries)
}
