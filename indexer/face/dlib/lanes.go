package dlib

import (
	"context"
	"sync"

	"github.com/Kagami/go-face"

	faces "lineup/indexer/face"
)

// lanes hands out recognizers, each to one caller at a time. Probes go before enrolments, for
// somebody waits for them, and only so many may wait.
type lanes struct {
	mu     sync.Mutex
	idle   []*face.Recognizer
	probes []chan *face.Recognizer // who waits, longest first
	enrols []chan *face.Recognizer
	queue  int // probes that may wait
}

// take waits for a recognizer. Errors: faces.ErrBusy for a probe when enough wait, ctx's.
func (l *lanes) take(ctx context.Context, purpose faces.Purpose) (*face.Recognizer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if n := len(l.idle); n > 0 {
		rec := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		return rec, nil
	}
	line := &l.enrols
	if purpose == faces.Probe {
		line = &l.probes
		if len(*line) >= l.queue {
			l.mu.Unlock()
			return nil, faces.ErrBusy
		}
	}
	turn := make(chan *face.Recognizer, 1)
	*line = append(*line, turn)
	l.mu.Unlock()
	select {
	case rec := <-turn:
		return rec, nil
	case <-ctx.Done():
		l.leave(line, turn)
		return nil, ctx.Err()
	}
}

// leave takes turn out of its line, or gives back what came to it meanwhile.
func (l *lanes) leave(line *[]chan *face.Recognizer, turn chan *face.Recognizer) {
	l.mu.Lock()
	for i, c := range *line {
		if c == turn {
			*line = append((*line)[:i:i], (*line)[i+1:]...)
			l.mu.Unlock()
			return
		}
	}
	l.mu.Unlock()
	l.give(<-turn)
}

// give passes rec to who has waited longest, probes first.
func (l *lanes) give(rec *face.Recognizer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range []*[]chan *face.Recognizer{&l.probes, &l.enrols} {
		if len(*line) > 0 {
			next := (*line)[0]
			*line = (*line)[1:]
			next <- rec
			return
		}
	}
	l.idle = append(l.idle, rec)
}
