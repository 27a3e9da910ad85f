package dlib

import (
	"context"
	"sync"

	faces "lineup/indexer/face"
)

// pool hands out items, each to one caller at a time. Probes go before enrolments, because
// somebody waits for them, and only maxProbes of them may wait.
type pool[T any] struct {
	mu        sync.Mutex
	idle      []T
	probes    []chan T // callers that wait, longest first
	enrols    []chan T
	maxProbes int
}

// acquire waits for an item. Errors: faces.ErrBusy for a probe when enough wait, ctx's.
func (p *pool[T]) acquire(ctx context.Context, purpose faces.Purpose) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		item := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return item, nil
	}
	waiting := &p.enrols
	if purpose == faces.Probe {
		waiting = &p.probes
		if len(*waiting) >= p.maxProbes {
			p.mu.Unlock()
			return none, faces.ErrBusy
		}
	}
	turn := make(chan T, 1)
	*waiting = append(*waiting, turn)
	p.mu.Unlock()
	select {
	case item := <-turn:
		return item, nil
	case <-ctx.Done():
		p.cancel(waiting, turn)
		return none, ctx.Err()
	}
}

// cancel takes turn off the waiting list, or releases the item that came to it meanwhile.
func (p *pool[T]) cancel(waiting *[]chan T, turn chan T) {
	p.mu.Lock()
	for i, c := range *waiting {
		if c == turn {
			*waiting = append((*waiting)[:i:i], (*waiting)[i+1:]...)
			p.mu.Unlock()
			return
		}
	}
	p.mu.Unlock()
	p.release(<-turn)
}

// release passes item to the caller that has waited longest, probes first.
func (p *pool[T]) release(item T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, waiting := range []*[]chan T{&p.probes, &p.enrols} {
		if len(*waiting) > 0 {
			next := (*waiting)[0]
			*waiting = (*waiting)[1:]
			next <- item
			return
		}
	}
	p.idle = append(p.idle, item)
}
