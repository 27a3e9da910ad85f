package notify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lineup/internal/notify"
	"lineup/internal/testkit/stores"
)

// TestAlarmsAreCountedOnce holds that a condition that held at two looks is counted in its year once, whether anybody is told or
// not, and that who is configured later is told of it.
func TestAlarmsAreCountedOnce(t *testing.T) {
	js := stores.JetStream(t)
	notices, err := notify.OpenNotices(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)
	told := 0
	look := func(send func(context.Context, notify.Notice) error, holds ...notify.Condition) {
		t.Helper()
		now = now.Add(10 * time.Minute)
		if err := notices.Look(t.Context(), holds, now, send); err != nil {
			t.Fatal(err)
		}
	}
	tell := func(context.Context, notify.Notice) error { told++; return nil }
	blocked, other := notify.Condition{Kind: "blocked", Source: "us-aa"}, notify.Condition{Kind: "blocked", Source: "us-bb"}
	look(nil, blocked)
	look(nil, other) // the first was over in a moment
	look(nil, other)
	look(nil, other)
	look(tell, other)
	if told != 1 {
		t.Errorf("who was configured later was told %d times", told)
	}
	look(nil) // at midnight
	look(nil, other, blocked)
	look(nil, other, blocked)
	for year, want := range map[int]int{2025: 0, 2026: 1, 2027: 2} {
		counted, err := notices.Year(t.Context(), year)
		if err != nil || counted.Kinds["blocked"] != want || len(counted.Kinds) > 1 || counted.Since.IsZero() != (want == 0) {
			t.Errorf("%d: %+v, %v; want %d", year, counted, err, want)
		}
	}
}

// TestNoticesTellOnce holds that a condition is told once when it began and once when it ended, whoever looks, whatever
// restarts and however often sending fails.
func TestNoticesTellOnce(t *testing.T) {
	js := stores.JetStream(t)
	blocked := notify.Condition{Kind: "blocked", Source: "us-aa", Say: "us-aa refused"}
	disk := notify.Condition{Kind: "disk_full", Say: "9 MB are free"}
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	var told []string
	var failing error
	look := func(holds ...notify.Condition) {
		t.Helper()
		now = now.Add(time.Minute)
		notices, err := notify.OpenNotices(t.Context(), js, 1) // a process that has just started
		if err != nil {
			t.Fatal(err)
		}
		err = notices.Look(t.Context(), holds, now, func(_ context.Context, n notify.Notice) error {
			if failing == nil {
				told = append(told, fmt.Sprintf("%s %s %s %d", n.Event, n.Kind, n.Source, n.At.Sub(n.Since)/time.Minute))
			}
			return failing
		})
		if !errors.Is(err, failing) {
			t.Errorf("look: %v, want %v", err, failing)
		}
	}
	expect := func(want ...string) {
		t.Helper()
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
		told = nil
	}
	look(blocked)
	expect() // perhaps it is over in a moment
	look(blocked, disk)
	expect("begun blocked us-aa 1")
	blocked.Say = "us-aa refused again"
	look(blocked)
	look(blocked)
	expect() // told already, and the disk had room again
	failing = errors.New("no network")
	look()
	expect()
	failing = nil
	look()
	expect("ended blocked us-aa 5")
	look()
	expect()
	look(blocked)
	look(blocked)
	expect("begun blocked us-aa 1")

	// Whoever is killed between sending and noting has told: the end is told too.
	look(blocked, disk)
	func() {
		defer func() { _ = recover() }()
		notices, err := notify.OpenNotices(t.Context(), js, 1)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		_ = notices.Look(t.Context(), []notify.Condition{blocked, disk}, now, func(context.Context, notify.Notice) error { panic("killed") })
	}()
	now = now.Add(time.Hour)
	look(blocked)
	expect("ended disk_full  62")
}
