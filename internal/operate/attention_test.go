package operate

import (
	"strings"
	"testing"
	"time"

	"lineup/schemas"
)

// TestAttentionNamesWhatNeedsAHuman, and nothing else.
func TestAttentionNamesWhatNeedsAHuman(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	last := &schemas.RunSummary{Run: "r", State: schemas.RunComplete}
	ok := map[string]string{"nats": "ok", "blobs": "ok", "index": "ok"}
	serving := []GenerationStatus{{Name: "g1", State: "serving"}}
	well := SourceStatus{Source: "us-aa", Enabled: true, Last: last, LastState: schemas.RunComplete, Next: now.Add(time.Hour), Listed: 5}
	with := func(change func(*SourceStatus)) []SourceStatus {
		s := well
		change(&s)
		return []SourceStatus{s}
	}
	for name, tc := range map[string]struct {
		report StatusReport
		want   string // "" for nothing
	}{
		"all is well":           {StatusReport{Engines: ok, Sources: []SourceStatus{well}, Generations: serving}, ""},
		"nothing is configured": {StatusReport{Engines: ok}, ""},
		"an engine": {StatusReport{Engines: map[string]string{"index": "down"}, Sources: []SourceStatus{well}},
			"index does not answer: down"},
		"blocked": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) {
			s.LastState, s.Next = schemas.RunBlocked,
				time.Time{}
		}), Generations: serving}, "--unblock"},
		"refused": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) {
			s.LastState, s.LastReason = schemas.RunRefused, "6 of 10 are gone: crawl with --accept-drop REASON"
		}),
			Generations: serving}, "--accept-drop"},
		"failed": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) {
			s.LastState, s.LastReason = schemas.RunFailed,
				"no route"
		}), Generations: serving}, "failed: no route"},
		"never crawled": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) { s.Last, s.LastState, s.Next = nil, "", now }),
			Generations: serving}, "never crawled"},
		"overdue": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) { s.Next = now.Add(-2 * time.Hour) }),
			Generations: serving}, "should have been crawled"},
		"nothing changes": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) { s.Alarms = []string{"nothing has changed"} }),
			Generations: serving}, "us-aa: nothing has changed"},
		"dead jobs": {StatusReport{Engines: ok, Sources: with(func(s *SourceStatus) { s.Dead = 2 }), Generations: serving},
			"2 registrants cannot be indexed"},
		"webhooks": {StatusReport{Engines: ok, Sources: []SourceStatus{well}, Generations: serving, Untold: 2},
			"2 webhooks of watches could not be told"},
		"nothing serves": {StatusReport{Engines: ok, Sources: []SourceStatus{well}}, "no generation serves"},
	} {
		tc.report.Attend(now)
		var said []string
		for _, c := range tc.report.Attention {
			said = append(said, c.Say)
		}
		got := strings.Join(said, "\n")
		if tc.report.Attention == nil || (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) || len(tc.report.Attention) > 1 {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
