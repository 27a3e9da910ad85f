package text

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lineup/schemas"
	"lineup/scraper"
)

// Runs shows the reports of runs: one line each, then remarks about some of them.
func Runs(to io.Writer, all []schemas.RunSummary) error {
	w := columns(to)
	fmt.Fprintln(w, "STARTED\tSOURCE\tSTATE\tTOOK\tREGISTRANTS\tNEW\tCHANGED\tDELISTED\tREFUSED\tPAGES\tNOT MODIFIED\tUNREAD\tMB")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\n", s.Started.Local().Format("2006-01-02 15:04"), s.Source, s.State,
			s.Ended.Sub(s.Started).Round(time.Second),
			s.Registrants, s.New, s.Changed, s.Delisted, s.Refused, s.Pages, s.NotModified, s.Unread, float64(s.Bytes)/(1<<20))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range all {
		var notes []string
		note := func(name, text string) {
			if text != "" {
				notes = append(notes, "  "+name+": "+text)
			}
		}
		note("why", s.Reason)
		note("accepted by a human", s.AcceptDrop)
		note("unblocked by a human", s.Unblock)
		note("parts of the list not read", strings.Join(s.Unlisted, "; "))
		note("photos", counts(s.Photos))
		note("errors", counts(s.Errors))
		note("left out", counts(s.Dropped))
		note("not understood", counts(s.Leftovers))
		note("look at", strings.Join(s.Alarms(), "; "))
		if len(notes) > 0 {
			fmt.Fprintf(to, "\n%s, %s:\n%s\n", s.Source, s.Started.Local().Format("2006-01-02 15:04"), strings.Join(notes, "\n"))
		}
	}
	return nil
}

// counts prints a tally in order: "fetched 12, unchanged 3".
func counts(tally map[string]int) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(tally)) {
		out = append(out, fmt.Sprintf("%s %d", name, tally[name]))
	}
	return strings.Join(out, ", ")
}

// shownChanges is how many changes of a dry run are shown; the JSON has all of them.
const shownChanges = 20

// Run shows what one run did, or would have done if it was a dry run.
func Run(w io.Writer, s schemas.RunSummary, changes []scraper.Change) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s, %d registrants: %d new, %d changed, %d unchanged, %d returned, %d delisted, in %s\n",
		s.Source, s.State, s.Registrants, s.New, s.Changed, s.Unchanged, s.Returned, s.Delisted, s.Ended.Sub(s.Started).Round(time.Millisecond))
	if s.Reason != "" {
		fmt.Fprintf(&out, "  %s\n", s.Reason)
	}
	for _, alarm := range s.Alarms() {
		fmt.Fprintf(&out, "  look: %s\n", alarm)
	}
	for i, c := range changes {
		if i == shownChanges {
			fmt.Fprintf(&out, "  ... and %d more (--json names them)\n", len(changes)-i)
			break
		}
		fmt.Fprintf(&out, "  would be %-9s %s  %s\n", c.Does, c.ID, c.Key)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
