package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"lineup/schemas"
)

// Runs shows the reports of runs.
type Runs struct {
	Source string `arg:"" optional:"" help:"Id of a source (default: all)."`
	Last   int    `short:"n" default:"10" placeholder:"N" help:"So many of each source, the newest first; fifty are kept."`
	JSON   bool   `name:"json" help:"Print the whole reports as JSON."`
}

// Run shows.
func (c *Runs) Run(ctx context.Context, app *App) (err error) {
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	sources := []string{c.Source}
	if c.Source == "" {
		if sources, err = h.Ledger.Sources(ctx); err != nil {
			return err
		}
		slices.Sort(sources)
	}
	all := []schemas.RunSummary{}
	for _, source := range sources {
		runs, err := h.Ledger.Runs(ctx, source)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s was never crawled here (lineup status names what was, lineup sources list what could be)", source)
		}
		if err != nil {
			return err
		}
		all = append(all, runs.History[:min(len(runs.History), max(c.Last, 0))]...)
	}
	if c.JSON {
		return app.printJSON(all)
	}
	return app.printRuns(all)
}

func (a *App) printRuns(all []schemas.RunSummary) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STARTED\tSOURCE\tSTATE\tTOOK\tREGISTRANTS\tNEW\tCHANGED\tDELISTED\tREFUSED\tPAGES\tUNREAD\tMB")
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\n", s.Started.Local().Format("2006-01-02 15:04"), s.Source, s.State, s.Ended.Sub(s.Started).Round(time.Second),
			s.Registrants, s.New, s.Changed, s.Delisted, s.Refused, s.Pages, s.NotModified, float64(s.Bytes)/(1<<20))
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
