package evaluate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"

	"lineup/schemas"
)

// Report is what Run measured; Groups holds the same for each group of people.
type Report struct {
	Summary
	Groups map[string]Summary
	model  schemas.Model
}

// Summary is one set of figures. Shares are 0 to 1. A photo without a usable face counts as a miss in
// Rank1 and Mates.
type Summary struct {
	People     int                `json:"people"`
	Photos     int                `json:"photos"`
	Undetected int                `json:"undetected"` // photos that cannot be searched with
	Rank1      float64            `json:"rank1"`      // searches by enrolled people whose own record comes first
	Mateless   map[string]float64 `json:"mateless"`   // by similarity: searches by people not enrolled that return anything at or above
	Mates      map[string]float64 `json:"mates"`      // by similarity: searches by enrolled people whose own record comes at or above
	FMR        []Rate             `json:"fmr"`        // comparisons of strangers at or below a distance
	FNMR       []Rate             `json:"fnmr"`       // comparisons of mates above the same distances

	detected, searches int
	rank1Detected      float64
	matesDetected      map[string]float64
	counts             *counts
}

// Rate is an error rate of comparing two photos at the largest distance whose false-match rate
// is at most Target. Distances are in steps of 0.001.
type Rate struct {
	Target   float64 `json:"target"`
	Distance float64 `json:"distance"`
	Rate     float64 `json:"rate"`
}

// MarshalJSON gives people, photos, undetected, rank1, mateless, mates, fmr and fnmr, and the same again
// under groups. Shares are rounded to six digits.
func (r Report) MarshalJSON() ([]byte, error) {
	groups := map[string]Summary{}
	for name, s := range r.Groups {
		groups[name] = s.rounded()
	}
	type whole struct {
		Summary
		Groups map[string]Summary `json:"groups"`
	}
	return json.Marshal(whole{r.Summary.rounded(), groups})
}

func (s Summary) rounded() Summary {
	round := func(x float64) float64 { return math.Round(x*1e6) / 1e6 }
	all := func(m map[string]float64) map[string]float64 {
		m = maps.Clone(m)
		for k, v := range m {
			m[k] = round(v)
		}
		return m
	}
	s.Rank1, s.Mateless, s.Mates = round(s.Rank1), all(s.Mateless), all(s.Mates)
	s.FMR, s.FNMR = slices.Clone(s.FMR), slices.Clone(s.FNMR)
	for _, rates := range [][]Rate{s.FMR, s.FNMR} {
		for i := range rates {
			rates[i].Rate = round(rates[i].Rate)
		}
	}
	return s
}

// Write prints the report as tables for people.
func (r Report) Write(w io.Writer) error {
	fmt.Fprintf(w, "model %s: %d people, %d photos, %d of them without a face to search with; %d searches in %d draws\n\n",
		r.model.ID, r.People, r.Photos, r.Undetected, r.searches, Draws)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "group\tpeople\tphotos\tundetected\trank 1\tmates 80\t90\t95\tmateless 80\t90\t95\t")
	row := func(name string, s Summary) {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, s.People, s.Photos, s.Undetected, percent(s.Rank1),
			percent(s.Mates["80"]), percent(s.Mates["90"]), percent(s.Mates["95"]), percent(s.Mateless["80"]), percent(s.Mateless["90"]), percent(s.Mateless["95"]))
	}
	row("all", r.Summary)
	for _, name := range slices.Sorted(maps.Keys(r.Groups)) {
		row(name, r.Groups[name])
	}
	fmt.Fprintf(t, "detected photos only\t\t%d\t\t%s\t%s\t%s\t%s\t\t\t\t\n", r.Photos-r.Undetected, percent(r.rank1Detected),
		percent(r.matesDetected["80"]), percent(r.matesDetected["90"]), percent(r.matesDetected["95"]))
	fmt.Fprintf(t, "promised at most\t\t\t\t\t\t\t\t%s\t%s\t%s\t\n", percent(chance(expectedAt(80))), percent(chance(expectedAt(90))), percent(chance(expectedAt(95))))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nmates: the person's own record comes at or above that similarity. mateless: with the person's record\n"+
		"taken out, anything does. Photos without a face count as misses, but for the line of detected ones.\n\n")
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "false-match rate\tdistance\tfalse-non-match rate\t")
	for i, f := range r.FMR {
		fmt.Fprintf(t, "%g\t%.3f\t%s\t\n", f.Target, f.Distance, percent(r.FNMR[i].Rate))
	}
	return t.Flush()
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
