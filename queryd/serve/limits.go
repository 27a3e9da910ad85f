package serve

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"lineup/queryd/keys"
)

// limiter counts the requests of each key by minute and by UTC day. The day's count is the
// sum over all daemons as of the last flush plus our own since; the minute's is this daemon's.
type limiter struct {
	mu                sync.Mutex
	perMinute, perDay int                 // of keys without limits of their own
	keys              map[string]*counter // by key id
}

// counter counts one key.
type counter struct {
	minute  time.Time
	inMin   int
	day     keys.Day
	stored  int            // of this day, all daemons, as of the last flush
	pending map[string]int // of this day, by kind, not yet stored
	late    []lateUse      // of days gone by, not yet stored
}

type lateUse struct {
	day   keys.Day
	kinds map[string]int
}

func newLimiter(perMinute, perDay int) *limiter {
	return &limiter{perMinute: perMinute, perDay: perDay, keys: make(map[string]*counter)}
}

func (l *limiter) set(perMinute, perDay int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.perMinute, l.perDay = perMinute, perDay
}

// quota is where a key stands after a request.
type quota struct {
	limit, remaining int
	reset            time.Duration
	refused          bool
	daily            bool // the day's limit refused
}

// take counts one request of key and says whether it may be answered.
func (l *limiter) take(key keys.Key, kind string, now time.Time) quota {
	l.mu.Lock()
	defer l.mu.Unlock()
	perMinute, perDay := l.perMinute, l.perDay
	if key.PerMinute > 0 {
		perMinute = key.PerMinute
	}
	if key.PerDay > 0 {
		perDay = key.PerDay
	}
	c := l.keys[key.ID]
	if c == nil {
		c = &counter{pending: map[string]int{}, day: keys.DayOf(now)}
		l.keys[key.ID] = c
	}
	if day := keys.DayOf(now); day != c.day {
		if len(c.pending) > 0 {
			c.late = append(c.late, lateUse{c.day, c.pending})
		}
		c.day, c.stored, c.pending = day, 0, map[string]int{}
	}
	if minute := now.Truncate(time.Minute); !minute.Equal(c.minute) {
		c.minute, c.inMin = minute, 0
	}
	used := c.stored + keys.Use{Kinds: c.pending}.Total()
	q := quota{limit: perMinute, remaining: perMinute - c.inMin - 1, reset: c.minute.Add(time.Minute).Sub(now)}
	if dayLeft := perDay - used - 1; dayLeft < q.remaining {
		q.limit, q.remaining, q.daily = perDay, dayLeft, true
		q.reset = now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
	}
	if q.remaining < 0 {
		q.remaining, q.refused = 0, true
		c.pending["refused"]++
		return q
	}
	c.inMin++
	c.pending[kind]++
	return q
}

// write puts q into the headers of an answer.
func (q quota) write(h http.Header) {
	seconds := strconv.Itoa(int(q.reset.Seconds()) + 1)
	h.Set("RateLimit-Limit", strconv.Itoa(q.limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(q.remaining))
	h.Set("RateLimit-Reset", seconds)
	if q.refused {
		h.Set("Retry-After", seconds)
	}
}

// flush stores what was counted and learns what the other daemons counted. What could not be
// stored is kept.
func (l *limiter) flush(ctx context.Context, store *keys.Store) error {
	l.mu.Lock()
	ids := make([]string, 0, len(l.keys))
	for id := range l.keys {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	var failed error
	for _, id := range ids {
		if err := l.flushKey(ctx, store, id); err != nil {
			failed = err
		}
	}
	return failed
}

func (l *limiter) flushKey(ctx context.Context, store *keys.Store, id string) error {
	l.mu.Lock()
	c := l.keys[id]
	late, day, pending := c.late, c.day, c.pending
	c.late, c.pending = nil, map[string]int{}
	c.stored += keys.Use{Kinds: pending}.Total() // counted while we store it
	l.mu.Unlock()
	var failed error
	for i, use := range late {
		if _, err := store.AddUse(ctx, id, use.day, use.kinds); err != nil {
			failed = err
			l.mu.Lock()
			c.late = append(c.late, late[i])
			l.mu.Unlock()
		}
	}
	sum, err := store.AddUse(ctx, id, day, pending)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		failed = err
		if c.day != day {
			c.late = append(c.late, lateUse{day, pending})
			break
		}
		c.stored -= keys.Use{Kinds: pending}.Total()
		for kind, n := range pending {
			c.pending[kind] += n
		}
	case c.day == day:
		c.stored = sum.Total()
	}
	return failed
}

// places are the bodies that may be read at once, over the whole process. One key has no more than half.
type places struct {
	max int

	mu    sync.Mutex
	taken int
	byKey map[string]int
}

// take takes a place for a key. Nothing waits: a client that is refused comes again.
func (p *places) take(key string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.max || p.byKey[key] >= (p.max+1)/2 {
		return nil, false
	}
	p.taken++
	p.byKey[key]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.taken--
		if p.byKey[key]--; p.byKey[key] == 0 {
			delete(p.byKey, key)
		}
	}, true
}
