package fetch

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// pace limits the requests of a source: an interval with jitter, a number at once, a number per hour, and none while
// the site asks to wait.
type pace struct {
	perHour int
	slots   chan struct{}

	mu       sync.Mutex
	interval time.Duration
	next     time.Time   // earliest start of the next request
	asked    []time.Time // of the last hour, oldest first; kept only under a quota
}

func newPace(m Manners, asked []time.Time) *pace {
	p := &pace{interval: m.Interval, perHour: m.PerHour, slots: make(chan struct{}, max(m.Concurrency, 1))}
	if p.perHour > 0 {
		p.asked = slices.SortedFunc(slices.Values(asked), time.Time.Compare)
	}
	return p
}

// wait blocks until a request may go out; the caller calls release when it is answered.
func (p *pace) wait(ctx context.Context) (release func(), err error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	release = func() { <-p.slots }
	for {
		pause := p.take(time.Now())
		if pause <= 0 {
			return release, nil
		}
		if err := sleep(ctx, pause); err != nil {
			release()
			return nil, err
		}
	}
}

// take reserves now for the next request, or returns how long to wait before trying again.
func (p *pace) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pause := p.next.Sub(now); pause > 0 {
		return pause
	}
	if p.perHour > 0 {
		for len(p.asked) > 0 && now.Sub(p.asked[0]) >= time.Hour {
			p.asked = p.asked[1:]
		}
		if len(p.asked) >= p.perHour {
			return time.Hour - now.Sub(p.asked[len(p.asked)-p.perHour])
		}
		p.asked = append(p.asked, now)
	}
	p.next = now.Add(p.interval + jitter(p.interval/4))
	return 0
}

// hold blocks all requests before until.
func (p *pace) hold(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.next) {
		p.next = until
	}
}

// slower makes the interval at least d, as a site's Crawl-delay asks.
func (p *pace) slower(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.interval = max(p.interval, min(d, time.Minute))
}

func (p *pace) recent(now time.Time) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []time.Time
	for _, t := range p.asked {
		if now.Sub(t) < time.Hour {
			out = append(out, t)
		}
	}
	return out
}

// Waits remembers which hosts asked to be left alone, and until when. Several fetchers may share one; the zero Waits is ready.
type Waits struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (w *Waits) of(host string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.until[host]
}

func (w *Waits) add(host string, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil {
		w.until = map[string]time.Time{}
	}
	w.until[host] = until
}

// jitter is a random time up to most.
func jitter(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return rand.N(most)
}

// sleep waits for d. Errors: why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retryAfter reads the header in both its forms (RFC 9110 §10.2.3); 0 when there is none.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
