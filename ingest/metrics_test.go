package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	m.Source("us-zz", time.Unix(1000, 0), time.Unix(900, 0), map[string]int{"listed": 3, "due": 1})
	m.Source("us-yy", time.Time{}, time.Time{}, map[string]int{"listed": 0}) // never complete: no age at all
	m.Alarms("us-zz", 2)
	m.Run("us-zz", "blocked")
	m.Run("us-zz", "complete")
	m.Run("us-yy", "failed")
	m.Jobs(7, 2)
	m.Audit(time.Unix(2000, 0), map[string]int{"missing_photo": 4})
	m.Audit(time.Unix(3000, 0), map[string]int{"corrupt_page": 1})
	m.Engine("blobs", true)
	m.Engine("nats", false)
	want := `
# HELP lineup_audit_differences Differences between ledger, index and blobs that the last audit found, by kind.
# TYPE lineup_audit_differences gauge
lineup_audit_differences{kind="corrupt_page"} 1
# HELP lineup_audit_timestamp_seconds When the last audit ended, in Unix time.
# TYPE lineup_audit_timestamp_seconds gauge
lineup_audit_timestamp_seconds 3000
# HELP lineup_engine_up 1 when an engine can be used from here, 0 when not: nats, blobs, index, and its serving generation.
# TYPE lineup_engine_up gauge
lineup_engine_up{engine="blobs"} 1
lineup_engine_up{engine="nats"} 0
# HELP lineup_jobs_dead Jobs that failed for good and wait for an operator.
# TYPE lineup_jobs_dead gauge
lineup_jobs_dead 2
# HELP lineup_jobs_waiting Jobs not done yet.
# TYPE lineup_jobs_waiting gauge
lineup_jobs_waiting 7
# HELP lineup_source_alarms What of the last run over a source wants a look: values no rule reads, shares that moved, nothing new for long.
# TYPE lineup_source_alarms gauge
lineup_source_alarms{source="us-zz"} 2
# HELP lineup_source_complete_timestamp_seconds When the last complete run over a source ended, in Unix time.
# TYPE lineup_source_complete_timestamp_seconds gauge
lineup_source_complete_timestamp_seconds{source="us-zz"} 1000
# HELP lineup_source_last_change_timestamp_seconds When a complete run last found anybody new, changed, returned or gone, in Unix time.
# TYPE lineup_source_last_change_timestamp_seconds gauge
lineup_source_last_change_timestamp_seconds{source="us-zz"} 900
# HELP lineup_source_registrants Registrants of a source by state: listed, with_photo, with_face, due, removed.
# TYPE lineup_source_registrants gauge
lineup_source_registrants{source="us-yy",state="listed"} 0
lineup_source_registrants{source="us-zz",state="due"} 1
lineup_source_registrants{source="us-zz",state="listed"} 3
# HELP lineup_source_run_state 1 for the state of the last run over a source: complete, partial, failed, blocked and others.
# TYPE lineup_source_run_state gauge
lineup_source_run_state{source="us-yy",state="failed"} 1
lineup_source_run_state{source="us-zz",state="complete"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if _, err := NewMetrics(reg); err == nil {
		t.Error("registering twice is no error")
	}
}
