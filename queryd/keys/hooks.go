package keys

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/ingest/broker"
	"lineup/schemas"
)

// hookSchema is the version of a webhook's stored form. History: 1, the first.
const hookSchema = 1

// Hook is the webhook of a watch and what it has to deliver. The process that delivers reads nothing else: it never
// learns whom or what the watch is on.
type Hook struct {
	Schema int          `json:"schema"`
	Watch  schemas.UUID `json:"watch"`
	URL    string       `json:"url"`
	Secret string       `json:"secret"` // deliveries are signed with it

	Noted string      `json:"noted,omitempty"` // names the news that were noted last, "" for none
	Due   *Delivery   `json:"due,omitempty"`   // to be sent
	Dead  *DeadLetter `json:"dead,omitempty"`  // given up

	entry string // key.watch
}

// Key is the id of the key that holds the watch.
func (h Hook) Key() string { key, _, _ := strings.Cut(h.entry, "."); return key }

// Delivery says that there is news for a watch. A newer delivery replaces it.
type Delivery struct {
	ID       string    `json:"id"` // the same however often it is sent
	Count    int       `json:"count"`
	Since    time.Time `json:"since"`
	Attempts int       `json:"attempts,omitempty"` // that failed
	Next     time.Time `json:"next"`               // not to be sent before
	Claimed  time.Time `json:"claimed,omitzero"`   // a process sends it since then
}

// DeadLetter is a delivery that failed for good.
type DeadLetter struct {
	Delivery
	At  time.Time `json:"at"`
	Why string    `json:"why"`
}

// Attempts of a delivery: the second comes after firstPause, each further one after four times as long, at most
// longestPause. The last is about a day and a half after the first.
const (
	MaxAttempts  = 8
	firstPause   = 30 * time.Second
	longestPause = 12 * time.Hour
)

// claimTime is how long a process may take to send a delivery that it has claimed. After that it counts as killed,
// and another process may send.
const claimTime = time.Minute

func pause(attempts int) time.Duration {
	p := firstPause
	for range attempts - 1 {
		p = min(4*p, longestPause)
	}
	return p
}

func (r *Store) addHook(ctx context.Context, key string, w Watch) (secret string, err error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	secret = base64.RawURLEncoding.EncodeToString(raw)
	data, err := json.Marshal(Hook{Schema: hookSchema, Watch: w.ID, URL: w.Webhook, Secret: secret})
	if err != nil {
		return "", fmt.Errorf("encode webhook: %w", err)
	}
	if _, err := r.hooks.Create(ctx, watchKey(key, w.ID), data); err != nil {
		return "", fmt.Errorf("store webhook: %w", err)
	}
	return secret, nil
}

func decodeHook(e broker.Entry) (h Hook, err error) {
	if err := json.Unmarshal(e.Value, &h); err != nil {
		return h, fmt.Errorf("decode webhook: %w", err)
	}
	if h.Schema > hookSchema {
		return h, fmt.Errorf("webhook of schema %d: %w", h.Schema, schemas.ErrNewerSchema)
	}
	h.entry = e.Key
	return h, nil
}

// changeHook changes a webhook by compare-and-set. change may be called again when somebody else was faster, and
// reports whether there is something to write. A webhook that is not there is left so.
func (r *Store) changeHook(ctx context.Context, entry string, change func(*Hook) bool) (h Hook, changed bool, err error) {
	for range casTries {
		e, err := r.hooks.Get(ctx, entry)
		if errors.Is(err, broker.ErrNoEntry) {
			return h, false, nil
		}
		if err != nil {
			return h, false, fmt.Errorf("read webhook: %w", err)
		}
		if h, err = decodeHook(e); err != nil || !change(&h) {
			return h, false, err
		}
		data, err := json.Marshal(h)
		if err != nil {
			return h, false, fmt.Errorf("encode webhook: %w", err)
		}
		if _, err = r.hooks.Update(ctx, entry, data, e.Revision); !errors.Is(err, broker.ErrRaced) {
			return h, err == nil, err
		}
	}
	return h, false, fmt.Errorf("webhook %s: others changed it %d times in a row", entry, casTries)
}

func (r *Store) removeHook(ctx context.Context, entry string) error {
	for range casTries {
		e, err := r.hooks.Get(ctx, entry)
		if errors.Is(err, broker.ErrNoEntry) {
			return nil
		}
		if err == nil {
			err = r.hooks.Delete(ctx, entry, e.Revision)
		}
		if !errors.Is(err, broker.ErrRaced) {
			return err
		}
	}
	return fmt.Errorf("webhook %s: others changed it %d times in a row", entry, casTries)
}

// handHookOn gives the webhook of a watch to another key.
func (r *Store) handHookOn(ctx context.Context, from, to string) error {
	e, err := r.hooks.Get(ctx, from)
	if errors.Is(err, broker.ErrNoEntry) {
		return nil
	}
	if err == nil {
		_, err = r.hooks.Create(ctx, to, e.Value)
	}
	if err != nil && !errors.Is(err, broker.ErrRaced) {
		return fmt.Errorf("hand a webhook on: %w", err)
	}
	return nil
}

// unsay withdraws the pending and the dead delivery. Whatever of it is still news is noted again.
func (r *Store) unsay(ctx context.Context, entry string) error {
	_, _, err := r.changeHook(ctx, entry, func(h *Hook) bool { h.Noted, h.Due, h.Dead = "", nil, nil; return true })
	return err
}

// Note records that there is news for a watch's webhook: the number of changes since the last look, and a name of the
// news. News with the same name is delivered once. With no changes, a pending delivery is withdrawn.
func (r *Store) Note(ctx context.Context, key string, id schemas.UUID, count int, name func(secret string) string) error {
	_, _, err := r.changeHook(ctx, watchKey(key, id), func(h *Hook) bool {
		noted := ""
		if count > 0 {
			noted = name(h.Secret)
		}
		if h.Noted == noted {
			return false
		}
		was := h.Due
		if h.Noted, h.Due = noted, nil; count > 0 {
			now := r.now().UTC()
			h.Due = &Delivery{ID: noted, Count: count, Since: now, Next: now}
			if was != nil { // whose receiver may fail: other news does not change that
				h.Due.Since, h.Due.Attempts, h.Due.Next = was.Since, was.Attempts, was.Next
			}
		}
		return true
	})
	return err
}

// sending bounds the deliveries under way at once: one slow receiver must not delay the others.
const sending = 8

// SendDue sends all pending deliveries and returns how many arrived and how many were given up. A delivery that fails
// is tried again later. send is called from several goroutines.
func (r *Store) SendDue(ctx context.Context, send func(context.Context, Hook) error) (sent, dead int, err error) {
	now := r.now().UTC()
	due, err := r.hooksThat(ctx, func(h Hook) bool { return h.due(now) })
	if err != nil {
		return 0, 0, err
	}
	var arrived, gaveUp atomic.Int64
	var group errgroup.Group
	group.SetLimit(sending)
	problems := make([]error, len(due))
	for i, h := range due {
		group.Go(func() error {
			became, err := r.sendOne(ctx, h.entry, send)
			switch became {
			case delivered:
				arrived.Add(1)
			case givenUp:
				gaveUp.Add(1)
			}
			problems[i] = err
			return nil
		})
	}
	_ = group.Wait()
	return int(arrived.Load()), int(gaveUp.Load()), errors.Join(problems...)
}

// outcome is the result of one attempt.
type outcome int

const (
	notSent outcome = iota // another process sends it, or it is tried again
	delivered
	givenUp
)

// sendOne claims a delivery, sends it, and stores the result.
func (r *Store) sendOne(ctx context.Context, entry string, send func(context.Context, Hook) error) (outcome, error) {
	claimed, mine, err := r.changeHook(ctx, entry, func(h *Hook) bool {
		now := r.now().UTC()
		if !h.due(now) {
			return false
		}
		h.Due.Claimed = now
		return true
	})
	if err != nil || !mine {
		return notSent, err
	}
	failed := send(ctx, claimed)
	if ctx.Err() != nil {
		return notSent, nil // stopped: nobody's fault, whoever comes next sends
	}
	return r.settle(ctx, claimed, failed)
}

func (h Hook) due(now time.Time) bool {
	return h.Due != nil && !now.Before(h.Due.Next) && (h.Due.Claimed.IsZero() || now.Sub(h.Due.Claimed) >= claimTime)
}

// settle stores the result of a delivery. In the meantime there may be newer news, which stays pending, or the watch
// may be gone.
func (r *Store) settle(ctx context.Context, sent Hook, failed error) (became outcome, err error) {
	now := r.now().UTC()
	_, _, err = r.changeHook(ctx, sent.entry, func(h *Hook) bool {
		became = notSent
		if failed == nil {
			became = delivered
		}
		if h.Due == nil {
			return false
		}
		h.Due.Claimed = time.Time{}
		switch {
		case failed == nil && h.Due.ID == sent.Due.ID:
			h.Due, h.Dead = nil, nil
		case failed == nil:
			h.Due.Attempts, h.Due.Next = 0, now
		default:
			h.Due.Attempts = sent.Due.Attempts + 1
			if h.Due.Attempts >= MaxAttempts {
				became = givenUp
				h.Dead, h.Due = &DeadLetter{*h.Due, now, failed.Error()}, nil
			} else {
				h.Due.Next = now.Add(pause(h.Due.Attempts))
			}
		}
		return true
	})
	return became, err
}

// hooksThat returns the webhooks for which is returns true.
func (r *Store) hooksThat(ctx context.Context, is func(Hook) bool) (all []Hook, err error) {
	var problems []error
	seen := map[string]bool{}
	err = r.hooks.Each(ctx, "", func(e broker.Entry) bool {
		h, err := decodeHook(e)
		problems = append(problems, err)
		if err == nil && is(h) && !seen[h.entry] {
			seen[h.entry] = true
			all = append(all, h)
		}
		return true
	})
	return all, errors.Join(err, errors.Join(problems...))
}

// DeadHooks returns the webhooks that have a dead letter.
func (r *Store) DeadHooks(ctx context.Context) ([]Hook, error) {
	return r.hooksThat(ctx, func(h Hook) bool { return h.Dead != nil })
}

// BringBack removes the dead letter of a webhook. With again it is delivered once more, with all its attempts.
func (r *Store) BringBack(ctx context.Context, h Hook, again bool) error {
	_, _, err := r.changeHook(ctx, h.entry, func(h *Hook) bool {
		if h.Dead == nil {
			return false
		}
		if again && h.Due == nil {
			d := h.Dead.Delivery
			d.Attempts, d.Next, d.Claimed = 0, r.now().UTC(), time.Time{}
			h.Due = &d
		}
		h.Dead = nil
		return true
	})
	return err
}
