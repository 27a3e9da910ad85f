package text

import (
	"fmt"
	"io"
	"time"

	"lineup/internal/operate/report"
)

// Report shows what a year came to.
func Report(to io.Writer, r report.Report) error {
	w := columns(to)
	fmt.Fprintf(w, "%d, counted at %s\n\nSearches, by key, since %s:\n", r.Year, r.Made.Format(time.RFC3339), r.Searches.Since)
	fmt.Fprintln(w, "ID\tNAME\tFACES\tRECORDS\tREFUSED")
	for _, k := range r.Searches.Keys {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", k.Key, k.Name, k.Faces, k.Records, k.Refused)
	}
	fmt.Fprintf(w, "\nRemoved for ever: %d (%s); keys revoked: %d\n", r.Removals.Registrants, orNone(counts(r.Removals.Reasons)),
		r.Removals.Keys)
	fmt.Fprintln(w, "\nWhat the registries corrected:\nSOURCE\tSINCE\tRUNS\tNEW\tCHANGED\tRETURNED\tDELISTED")
	for _, s := range r.Corrections.Sources {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", s.Source, s.Since.Format(time.DateOnly), s.Runs, s.New, s.Changed, s.Returned, s.Delisted)
	}
	since := ""
	if !r.Alarms.Since.IsZero() {
		since = ", since " + r.Alarms.Since.Format(time.DateOnly)
	}
	fmt.Fprintf(w, "\nAlarms%s: %s\n", since, orNone(counts(r.Alarms.Kinds)))
	return w.Flush()
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
