package watches

import (
	"testing"
	"time"
)

// TestPaceWaitsForTheIndex holds that a change is looked at until the index has it, and not for ever.
func TestPaceWaitsForTheIndex(t *testing.T) {
	var p pace
	start := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, step := range []struct {
		after time.Duration
		at    uint64
		want  bool
	}{
		{0, 1, true},                   // at first
		{5 * time.Second, 1, true},     // the index may not have it yet
		{time.Minute, 1, true},         // still
		{3 * time.Minute, 1, false},    // nothing moved since
		{4 * time.Minute, 2, true},     // somebody changed
		{4*time.Minute + 5e9, 2, true}, // and is indexed meanwhile
		{7 * time.Minute, 2, false},
		{17 * time.Minute, 2, true}, // a key may have ended
		{18 * time.Minute, 2, false},
	} {
		now := start.Add(step.after)
		if got := p.due(step.at, now); got != step.want {
			t.Errorf("after %s, changes at %d: look %v, want %v", step.after, step.at, got, step.want)
		} else if got {
			p.done(step.at, now)
		}
	}
}
