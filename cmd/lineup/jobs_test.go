package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lineup/ingest/blob"
	"lineup/ingest/queue"
	"lineup/internal/operate"
	"lineup/scraper/samplesite"
)

// TestADeadJobIsExplainedAndRetried damages a stored record: the job of its registrant dies, the
// commands beside the running node say so and why, and once the record is back, another job
// brings everything in step.
func TestADeadJobIsExplainedAndRetried(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	r.crawl("")
	said := func(c interface {
		Run(context.Context, *App) error
	}) string {
		t.Helper()
		var out bytes.Buffer
		r.app.Stdout = &out
		must(t, c.Run(ctx, r.app))
		return out.String()
	}
	dead := func() (dead, due int) {
		t.Helper()
		report, err := r.h.Status(ctx)
		must(t, err)
		if report.Sources[0].Dead != report.Jobs.Dead {
			t.Errorf("the source has %d dead jobs, all have %d", report.Sources[0].Dead, report.Jobs.Dead)
		}
		return report.Jobs.Dead, report.Sources[0].Due
	}
	// die answers the job of the registrant as an indexer does at its last attempt.
	die := func() {
		t.Helper()
		r.renewMetrics()
		worker, closeFaces, err := r.h.NewWorker(ctx)
		must(t, err)
		defer closeFaces()
		jobs, err := r.h.Queue.Jobs(ctx)
		must(t, err)
		defer jobs.Stop()
		waiting, stop := context.WithTimeout(ctx, patience)
		defer stop()
		job, err := jobs.Next(waiting)
		must(t, err)
		if err := worker.Sync(ctx, job.Source, job.ID, job.InProgress); !errors.Is(err, blob.ErrCorrupt) && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("a damaged record: %v", err)
		}
		must(t, job.DeadLetter(ctx, queue.CorruptBlob))
	}

	id := sampleID(samplesite.FirstID + 4)
	files, err := filepath.Glob(filepath.Join(r.app.Config.Data, "blobs", "*", "*", string(id)+".record.*"))
	if must(t, err); len(files) != 1 {
		t.Fatalf("files of the record: %v", files)
	}
	whole, err := os.ReadFile(files[0])
	must(t, err, os.WriteFile(files[0], []byte("damaged"), 0o600))
	must(t, r.h.Ledger.Unmark(ctx, demoSource, id), r.h.Queue.Publish(ctx, demoSource, id))
	die()
	if n, due := dead(); n != 1 || due != 1 {
		t.Errorf("status counts %d dead jobs and %d due, want 1 and 1", n, due)
	}
	if text := said(&JobsDead{}); !strings.Contains(text, string(id)) ||
		!strings.Contains(text, "1 dead jobs\ncorrupt_blob: stored bytes were damaged") {
		t.Errorf("jobs dead says %q", text)
	}

	// What does not have its digest was set aside; the next reconcile enqueues again, and it dies again.
	report, err := r.h.Audit(ctx, operate.Share(1), false, nil)
	if must(t, err); len(report.Differences) != 1 || report.Differences[0].Kind != "missing_record" {
		t.Errorf("audit finds %+v", report.Differences)
	}
	must(t, r.h.ReconcileOnce(ctx))
	die()
	if n, _ := dead(); n != 1 {
		t.Errorf("status counts %d dead jobs, want 1 still", n)
	}

	must(t, os.WriteFile(files[0], whole, 0o600))
	if text := said(&JobsRetry{}); text != "1 jobs queued again\n" {
		t.Errorf("jobs retry says %q", text)
	}
	r.renewMetrics()
	must(t, r.h.Settle(ctx))
	if n, due := dead(); n != 0 || due != 0 {
		t.Errorf("after the retry status counts %d dead jobs and %d due", n, due)
	}
	if report, err := r.h.Audit(ctx, operate.Share(1), false, nil); err != nil || len(report.Differences) != 0 {
		t.Errorf("audit after the retry: %+v %v", report, err)
	}
}
