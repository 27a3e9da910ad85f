package dlib

import (
	"context"
	"sync"

	"github.com/Kagami/go-face"

	faces "lineup/indexer/face"
)

// pool hands out recognizers, each to one caller at a time. Probes go before enrolments, because
// somebody waits for them, and only maxProbes of them may wait.
type pool struct {
	mu        sync.Mutex
	idle      []*face.Recognizer
	probes    []chan *face.Recognizer // callers that wait, longest first
	enrols    []chan *face.Recognizer
	maxProbes int
}

// acquire waits for a recognizer. Errors: faces.ErrBusy for a probe when enough wait, ctx's.
func (p *pool) acquire(ctx context.Context, purpose faces.Purpose) (*face.Recognizer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		rec := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return rec, nil
	}
	waiting := &p.enrols
	if purpose == faces.Probe {
		waiting = &p.probes
		if len(*waiting) >= p.maxProbes {
			p.mu.Unlock()
			return nil, faces.ErrBusy
		}
	}
	turn := make(chan *face.Recognizer, 1)
	*waiting = append(*waiting, turn)
	p.mu.Unlock()
	select {
	case rec := <-turn:
		return rec, nil
	case <-ctx.Done():
		p.cancel(waiting, turn)
		return nil, ctx.Err()
	}
}

// cancel takes turn off the waiting list, or releases the recognizer that came to it meanwhile.
func (p *pool) cancel(waiting *[]chan *face.Recognizer, turn chan *face.Recognizer) {
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

// release passes rec to the caller that has waited longest, probes first.
func (p *pool) release(rec *face.Recognizer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, waiting := range []*[]chan *face.Recognizer{&p.probes, &p.enrols} {
		if len(*waiting) > 0 {
			next := (*waiting)[0]
			*waiting = (*waiting)[1:]
			next <- rec
			return
		}
	}
	p.idle = append(p.idle, rec)
}
