package ledger

import (
	"context"
	"time"

	"lineup/schemas"
)

// Telling puts do in the place of what tells of a change; it gets what does.
func (l *Ledger) Telling(do func(tell func() error) error) {
	tell := l.tell
	l.tell = func(ctx context.Context, source string, id schemas.UUID) error {
		return do(func() error { return tell(ctx, source, id) })
	}
}

// AtOnce sets how many listings a sweep remembers.
func (l *Ledger) AtOnce(n int) { l.atOnce = n }

// At sets the clock.
func (l *Ledger) At(now time.Time) { l.now = func() time.Time { return now } }
