package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lineup/ingest/backup"
	"lineup/ingest/queue"
	"lineup/internal/operate"
)

// Checkup shows the findings of doctor, one line per check.
func Checkup(to io.Writer, found operate.Checkup) error {
	w := columns(to)
	for _, f := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.What, f.Say)
	}
	return w.Flush()
}

// Audit shows the differences between ledger, index and blobs; repaired says that jobs were queued for them.
func Audit(w io.Writer, r operate.AuditReport, repaired bool) error {
	if _, err := fmt.Fprintf(w, "%d registrants, %d waiting to be indexed, %d pages expired\n", r.Registrants, r.Due, r.Expired); err != nil {
		return err
	}
	for _, d := range r.Differences {
		if _, err := fmt.Fprintf(w, "%-28s %6d  e.g. %v\n", d.Kind, d.Count, d.Examples); err != nil {
			return err
		}
	}
	var err error
	switch {
	case repaired:
		_, err = fmt.Fprintf(w, "%d jobs queued\n", r.Enqueued)
	case len(r.Differences) == 0:
		_, err = fmt.Fprintln(w, "no differences")
	}
	return err
}

// DeadJobs shows dead jobs and what the operator can do about each class. newer is the number of further ones that a
// newer version wrote.
func DeadJobs(w io.Writer, dead []queue.DeadLetter, newer int) error {
	for _, l := range dead {
		fmt.Fprintf(w, "%s  %s  %s  %s  attempts %d\n", l.At.Format(time.RFC3339), l.Source, l.ID, l.Class, l.Attempts)
	}
	_, err := fmt.Fprintf(w, "%d dead jobs\n", len(dead))
	seen := make(map[queue.Class]bool)
	for _, l := range dead {
		if advice := l.Class.Advice(); advice != "" && !seen[l.Class] {
			_, err = fmt.Fprintf(w, "%s: %s\n", l.Class, advice)
		}
		seen[l.Class] = true
	}
	if newer > 0 {
		_, err = fmt.Fprintf(w, "%d more were written by a newer version of lineup and are left alone\n", newer)
	}
	return err
}

// Backup shows how much is in each file of a backup.
func Backup(w io.Writer, m backup.Manifest) error {
	for _, file := range m.Files {
		if _, err := fmt.Fprintf(w, "%-28s %8d entries\n", file.Name, file.Entries); err != nil {
			return err
		}
	}
	return nil
}

// Restored shows what was added from a backup, what was removed and revoked again, and what nobody can know.
func Restored(w io.Writer, done operate.Restored) error {
	const minute = "2006-01-02 15:04 MST"
	made := done.Made.Format(minute)
	fmt.Fprintf(w, "restored the backup of %s: %d entries added, %d the same, %d kept as they are\n", made, done.Added, done.Same, done.Kept)
	if done.Kept > 0 {
		fmt.Fprintln(w, "what was kept is newer than the backup, or of another Lineup")
	}
	h := done.Honoured
	fmt.Fprintf(w, "the backup knows of no removal and no revoked key after %s: %d registrants were removed again and %d keys "+
		"revoked again\n", made, h.Removed, h.Revoked)
	switch {
	case h.Entries+h.More == 0:
		fmt.Fprintf(w, "there is no log of removals at %s, and none was given: who was removed since is listed again by the next crawl, "+
			"keys revoked "+
			"since work. If there was any, restore again with --removals FILE (a log, or receipts)\n", h.Log)
	case h.Newest.IsZero():
		fmt.Fprintf(w, "that was taken from %d entries and receipts that were given; the log at %s was empty: it holds them now\n", h.More, h.Log)
	default:
		fmt.Fprintf(w, "that was taken from the log at %s, %d entries, the newest of %s, and %d that were given: what came after is not known\n",
			h.Log, h.Entries, h.Newest.Format(minute), h.More)
	}
	_, err := fmt.Fprintln(w, "keys made since the backup do not work, and crawls since are done again")
	return err
}

// Rebuilt shows what a reindex has done, in order.
func Rebuilt(to io.Writer, done operate.Rebuilt) error {
	var b strings.Builder
	if done.Checked != nil {
		fmt.Fprintf(&b, "%s: %s\n", done.Generation, done.Checked)
	}
	if done.Agreement != nil {
		b.WriteString(done.Agreement.String())
	}
	if done.Serves {
		fmt.Fprintf(&b, "%s serves\n", done.Generation)
	}
	for _, gone := range done.Dropped {
		fmt.Fprintf(&b, "%s is deleted\n", gone)
	}
	_, err := io.WriteString(to, b.String())
	return err
}

// Retried shows how many jobs were queued again.
func Retried(w io.Writer, done map[string]int) error {
	_, err := fmt.Fprintf(w, "%d jobs queued again\n", done["queued"])
	return err
}
