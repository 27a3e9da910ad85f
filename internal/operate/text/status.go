// Package text shows the answers of package operate as text on a terminal, one function per answer. As JSON an answer
// is written as it is.
package text

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"lineup/indexer/index"
	"lineup/internal/operate"
	"lineup/internal/operate/canary"
	"lineup/schemas"
	"lineup/scraper/source"
)

// columns aligns lines whose cells end in tabs.
func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

// Status shows how everything stands, with what needs a human last.
func Status(to io.Writer, r operate.StatusReport) error {
	w := columns(to)
	fmt.Fprintln(w, "SOURCE\tLAST COMPLETE\tNEXT RUN\tLAST RUN\tLISTED\tPHOTO\tFACE\tDUE\tWAITING\tFAILED\tREMOVED")
	for _, s := range r.Sources {
		age := "never"
		if !s.LastComplete.IsZero() {
			age = time.Since(s.LastComplete).Round(time.Minute).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t%d\t%d\n", s.Source, age, next(s), s.LastState, s.Listed,
			s.WithPhoto, known(s.WithFace), known(s.Due), known(s.Waiting), s.Dead, s.Removed)
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
	if r.Counted.Written > 0 {
		fmt.Fprintf(w, "(registrants were counted %s ago; listings were written %d times since)\n",
			time.Since(r.Counted.At).Round(time.Second), r.Counted.Written)
	}
	fmt.Fprintln(w, "\nGENERATION\tSTATE\tMODEL\tFEATURES\tREGISTRANTS\tWITH FACE\tFACES\tCALIBRATED AT\tSLOPE\tA\tS\tN")
	for _, g := range r.Generations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", g.Name, g.State, g.Model, g.Features, g.Counts.Registrants, g.Counts.WithFace,
			g.Counts.Faces, calibrated(g.Calibration))
	}
	fmt.Fprintln(w, "\nENGINE\tSTATE")
	for _, name := range []string{"nats", "blobs", "index"} {
		fmt.Fprintf(w, "%s\t%s\n", name, r.Engines[name])
	}
	if c := r.Canary; c != nil {
		fmt.Fprintf(w, "\nCANARY\tLAST\tTOOK\n")
		canarySteps(w, c.State)
	}
	if len(r.Attention) > 0 {
		fmt.Fprintln(w, "\nNEEDS A HUMAN")
	}
	for _, line := range r.Attention {
		fmt.Fprintln(w, line)
	}
	return w.Flush()
}

// Canary shows what the canary has proven.
func Canary(to io.Writer, s canary.State) error {
	w := columns(to)
	fmt.Fprintln(w, "STEP\tLAST\tTOOK")
	canarySteps(w, s)
	return w.Flush()
}

func canarySteps(w io.Writer, s canary.State) {
	for _, step := range canary.Steps() {
		done, ok := s.Done[step]
		if !ok {
			fmt.Fprintf(w, "%s\tnever\t-\n", step)
			continue
		}
		fmt.Fprintf(w, "%s\t%s ago\t%.1fs\n", step, time.Since(done.At).Round(time.Second), done.Seconds)
	}
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

// known shows a count that may be unknown.
func known(n int) string {
	if n < 0 {
		return "?"
	}
	return strconv.Itoa(n)
}

// why lists the reasons why registrants are due, most frequent first.
func why(counts map[schemas.Due]int) (text string) {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b schemas.Due) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for _, reason := range reasons {
		text += fmt.Sprintf(" %d %s", counts[reason], reason)
	}
	return text
}

// calibrated returns the columns of a generation's calibration.
func calibrated(c *index.Calibration) string {
	if c == nil {
		return "-\t-\t-\t-\t-"
	}
	return fmt.Sprintf("%d\t%.1f\t%.2f\t%.2f\t%d", c.Registrants, c.Slope, c.Offset, c.Power, c.Probes)
}
