package evaluate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// columns are the similarities shown in the tables, in order.
var columns = []string{"80", "90", "95", "97.5"}

// Write prints the report as tables for people.
func (r Report) Write(w io.Writer) error {
	fmt.Fprintf(w, "model %s: %d people, %d photos, %d of them without a face to search with; %d searches in %d draws\n\n",
		r.model.ID, r.People, r.Photos, r.Undetected, r.Searches, Draws)
	names, sets := r.sets()
	for _, table := range []func(*tabwriter.Writer, []string, map[string]Summary){r.writeMates, r.writeMateless, writeRates} {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		table(t, names, sets)
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "mates: the person's own record comes at or above that similarity. mateless: with the person's record\n"+
		"taken out, anything does. Photos without a face count as misses, but for the line of detected ones.\n"+
		"somebody else first: of the answers above 80 to enrolled people, those that name another person first.\n"+
		"In brackets 95 % intervals (Wilson), as if each photo had been searched with once.\n")
	r.Against.write(w)
	return r.writeUnusable(w)
}

// writeMates is the table of searches by people who are enrolled.
func (r Report) writeMates(t *tabwriter.Writer, names []string, sets map[string]Summary) {
	fmt.Fprintln(t, "group\tpeople\tphotos\tundetected\tsearches\trank 1\tmates "+strings.Join(columns, "\t")+"\tsomebody else first\t")
	for _, name := range names {
		s := sets[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%s\t", name, s.People, s.Photos, s.Undetected, s.Searches, shown(s.Rank1, s.Rank1CI))
		for _, level := range columns {
			fmt.Fprint(t, shown(s.Mates[level], s.MatesCI[level]), "\t")
		}
		fmt.Fprint(t, shown(s.OthersFirst, s.OthersFirstCI), "\t\n")
	}
	fmt.Fprintf(t, "detected photos only\t\t%d\t\t%d\t%s\t", r.Photos-r.Undetected, r.Detected, percent(r.rank1Detected))
	for _, level := range columns {
		fmt.Fprint(t, shown(r.MatesDetected[level], r.MatesDetectedCI[level]), "\t")
	}
	fmt.Fprint(t, "\t\n")
}

// writeMateless is the table of searches by people who are not.
func (r Report) writeMateless(t *tabwriter.Writer, names []string, sets map[string]Summary) {
	fmt.Fprintln(t, "group\tsearches\tmateless "+strings.Join(columns, "\t")+"\t")
	for _, name := range names {
		s := sets[name]
		fmt.Fprintf(t, "%s\t%d\t", name, s.MatelessSearches)
		for _, level := range columns {
			fmt.Fprint(t, shown(s.Mateless[level], s.MatelessCI[level]), "\t")
		}
		fmt.Fprintln(t)
	}
	writePromise(t, 1)
}

// writePromise writes the line with the promised maximum, after so many empty columns.
func writePromise(t io.Writer, skip int) {
	fmt.Fprint(t, "promised at most\t", strings.Repeat("\t", skip))
	for _, level := range columns {
		fmt.Fprint(t, percent(chance(expectedAt(levels[level]))), "\t")
	}
	fmt.Fprintln(t)
}

// writeRates is the table of error rates of comparing two photos, by group.
func writeRates(t *tabwriter.Writer, names []string, sets map[string]Summary) {
	fmt.Fprintln(t, "group\tfalse-match rate\tdistance\tmeasured\tfalse-non-match rate\t")
	for _, name := range names {
		for i, f := range sets[name].FMR {
			fmt.Fprintf(t, "%s\t%g\t%.3f\t%.3g\t%s\t\n", name, f.Target, f.Distance, f.Rate,
				shown(sets[name].FNMR[i].Rate, sets[name].FNMR[i].RateCI))
		}
	}
}

// writeUnusable names the photos that could not be searched with, and why.
func (r Report) writeUnusable(w io.Writer) error {
	if len(r.Unusable) == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%d photos could not be searched with:\n", len(r.Unusable))
	for _, u := range r.Unusable {
		enrolled := ""
		if u.Enrolled {
			enrolled = " (good enough to be enrolled)"
		}
		if _, err := fmt.Fprintf(w, "  %s: %s: %s%s\n", u.Photo, u.Code, u.Why, enrolled); err != nil {
			return err
		}
	}
	return nil
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// shown formats a share with its interval: "9.5 % [7.1, 12.6]".
func shown(x float64, i Interval) string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*x, 100*i[0], 100*i[1])
}

// write prints the table; nothing for nil.
func (a *Against) write(w io.Writer) {
	if a == nil {
		return
	}
	fmt.Fprintf(w, "\nagainst the serving generation %s, %d registrants, each photo searched with once:\n\n", a.Generation, a.Registrants)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "group\tsearches\tmateless 80\t90\t95\t97.5\t")
	for _, group := range slices.Sorted(maps.Keys(a.Searches)) {
		fmt.Fprintf(t, "%s\t%d\t", group, a.Searches[group])
		for _, level := range columns {
			fmt.Fprint(t, shown(a.Mateless[group][level], a.MatelessCI[group][level]), "\t")
		}
		fmt.Fprintln(t)
	}
	writePromise(t, 1)
	_ = t.Flush()
}
