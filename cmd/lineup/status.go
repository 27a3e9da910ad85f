package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"lineup/indexer/index"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/schemas"
	"lineup/scraper/source"
)

// Status shows how everything stands.
type Status struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says what the columns and exit codes mean.
func (c *Status) Help() string {
	return "DUE registrants are not indexed as they are listed now; a job is WAITING for most of them, and FAILED ones are\n" +
		"listed by lineup jobs dead. REMOVED are removed for ever. A ? stands where the index does not answer (-1 in JSON).\n" +
		"A generation's scores rest on the SLOPE of its neighbourhoods and on what N searches with its own faces taught, log E' = A + S log E,\n" +
		"CALIBRATED AT that many registrants; it is measured anew when their number has changed by a tenth.\n" +
		"The scrape role exports the same as metrics on the private address.\n\nExit codes: 0 all is well, 1 something needs a human: the last lines say what."
}

// Run shows the status; what needs a human makes it exit with 1.
func (c *Status) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		report, err := n.Status(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			err = app.printJSON(report)
		} else {
			err = app.printStatus(report)
		}
		if len(report.Attention) > 0 && err == nil {
			err = exitError{code: exitFailed}
		}
		return err
	})
}

func (a *App) printStatus(r operate.StatusReport) error {
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tLAST COMPLETE\tNEXT RUN\tLAST RUN\tLISTED\tPHOTO\tFACE\tDUE\tWAITING\tFAILED\tREMOVED")
	for _, s := range r.Sources {
		age := "never"
		if !s.LastComplete.IsZero() {
			age = time.Since(s.LastComplete).Round(time.Minute).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\n", s.Source, age, next(s), s.LastState, s.Listed,
			s.WithPhoto, known(s.WithFace), known(s.Due), s.Waiting, s.Dead, s.Removed)
		if len(s.DueWhy) > 0 {
			fmt.Fprintf(w, "  due:%s\n", why(s.DueWhy))
		}
		if s.LastReason != "" && s.LastState != schemas.RunComplete {
			fmt.Fprintf(w, "  %s\n", s.LastReason)
		}
		if s.Definition != "" {
			fmt.Fprintf(w, "  %s\n", source.Origin(s.Definition, s.Shadows))
		}
		if p := s.Permission; p != nil {
			fmt.Fprintf(w, "  permitted by %s on %s, %s (%s)\n", p.Who, p.When, p.Reference, p.Terms)
		}
	}
	if len(r.Sources) == 0 {
		fmt.Fprintln(w, "(no source was crawled yet: lineup sources list)")
	}
	fmt.Fprintln(w, "\nGENERATION\tSTATE\tMODEL\tFEATURES\tREGISTRANTS\tWITH FACE\tFACES\tCALIBRATED AT\tSLOPE\tA\tS\tN")
	for _, g := range r.Generations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", g.Name, g.State, g.Model, g.Features, g.Counts.Registrants, g.Counts.WithFace, g.Counts.Faces,
			calibrated(g.Calibration))
	}
	fmt.Fprintln(w, "\nENGINE\tSTATE")
	for _, name := range []string{"nats", "blobs", "index"} {
		fmt.Fprintf(w, "%s\t%s\n", name, r.Engines[name])
	}
	if len(r.Attention) > 0 {
		fmt.Fprintln(w, "\nNEEDS A HUMAN")
	}
	for _, line := range r.Attention {
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// next says when a source is crawled next.
func next(s operate.SourceStatus) string {
	switch wait := time.Until(s.Next).Round(time.Minute); {
	case s.Next.IsZero():
		return "-"
	case wait <= 0:
		return "now"
	default:
		return "in " + wait.String()
	}
}

// known is a count that may not be known.
func known(n int) string {
	if n < 0 {
		return "?"
	}
	return strconv.Itoa(n)
}

// why lists why registrants are due, the commonest first.
func why(counts map[schemas.Due]int) (text string) {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b schemas.Due) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		text += fmt.Sprintf(" %d %s", counts[reason], reason)
	}
	return text
}

// calibrated are the columns of a generation's calibration.
func calibrated(c *index.Calibration) string {
	if c == nil {
		return "-\t-\t-\t-\t-"
	}
	return fmt.Sprintf("%d\t%.1f\t%.2f\t%.2f\t%d", c.Registrants, c.Slope, c.Offset, c.Power, c.Probes)
}
