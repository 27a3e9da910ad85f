package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lineup/internal/node"
	"lineup/schemas"
)

// Runs shows the reports of runs.
type Runs struct {
	Source string `arg:"" optional:"" help:"Id of a source (default: all)."`
	Last   int    `short:"n" default:"10" placeholder:"N" help:"So many of each source, the newest first; fifty are kept."`
	JSON   bool   `name:"json" help:"Print the whole reports as JSON."`
}

// Run shows the reports, the newest of each source first.
func (c *Runs) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		all, err := n.Runs(ctx, c.Source, c.Last)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(all)
		}
		return app.printRuns(all)
	})
}

func (a *App) printRuns(all []schemas.RunSummary) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
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
			fmt.Fprintf(a.Stdout, "\n%s, %s:\n%s\n", s.Source, s.Started.Local().Format("2006-01-02 15:04"), strings.Join(notes, "\n"))
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
