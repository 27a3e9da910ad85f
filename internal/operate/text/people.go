package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lineup/ingest"
	"lineup/internal/operate"
	"lineup/internal/operate/gallery"
)

// Link shows who is taken for one person and why.
func Link(to io.Writer, l operate.Linked) error {
	switch {
	case len(l.Lacking) > 0:
		fmt.Fprintf(to, "not linked with anybody: the record has no %s, and all of first and last name, whole birth date and sex must "+
			"agree\n", strings.Join(l.Lacking, ", no "))
	case !l.Shown && l.Listed() > 1:
		fmt.Fprintf(to, "person %s: not shown as one person, because middle names or suffixes disagree\n", l.Person)
	case !l.Shown:
		fmt.Fprintf(to, "person %s: fewer than two listed registrants agree, so answers show no personUuid\n", l.Person)
	default:
		fmt.Fprintf(to, "person %s: %d registrants that agree\n", l.Person, l.Listed())
	}
	w := columns(to)
	for _, f := range l.Agree {
		fmt.Fprintf(w, "  %s\t%s\n", f.Name, f.Value)
	}
	fmt.Fprintln(w, "\nUUID\tSOURCE\tKEY\tLISTED\tNAME")
	for _, m := range l.Members {
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", m.UUID, m.Source, m.Key, m.Listed, m.Name)
	}
	fmt.Fprintln(w, "\nNames are compared without case, accents and suffixes. Faces play no part, and agreeing is no proof: read the "+
		"official pages.")
	return w.Flush()
}

// Gallery shows what a check of the enrolled faces found.
func Gallery(to io.Writer, r gallery.Report) error {
	fmt.Fprintf(to, "%s: looked at %d registrants with %d faces\n", r.Generation, r.Looked, r.Faces)
	w := columns(to)
	head := func(kind, text string, listed int) {
		fmt.Fprintf(w, "\n%d %s\n", r.Counts[kind], text)
		if more := r.Counts[kind] - listed; more > 0 {
			fmt.Fprintf(w, "  (%d of them are not named)\n", more)
		}
	}
	head(gallery.FindingAlone, "faces that resemble nobody", len(r.Alone))
	for _, f := range r.Alone {
		fmt.Fprintf(w, "  %s\tface %s\tnearest %.3f\n", f.Registrant, f.Face, f.Distance)
	}
	head(gallery.FindingDisagree, "pairs of photos of one registrant that disagree", len(r.Disagree))
	for _, f := range r.Disagree {
		fmt.Fprintf(w, "  %s\tfaces %s %s\tapart %.3f\n", f.Registrant, f.Faces[0], f.Faces[1], f.Distance)
	}
	head(gallery.FindingShared, "photos shared by people whose records contradict each other", len(r.Shared))
	for _, f := range r.Shared {
		fmt.Fprintf(w, "  %s\t%s\n", f.Registrants[0], f.Registrants[1])
	}
	head(gallery.FindingDuplicate, "possible duplicates", len(r.Duplicates))
	for _, f := range r.Duplicates {
		fmt.Fprintf(w, "  %s\t%s\tapart %.3f\texpected pairs %.2g\n", f.Registrants[0], f.Registrants[1], f.Distance, f.ExpectedPairs)
	}
	return w.Flush()
}

// Genuine confirms that a receipt of a removal is genuine.
func Genuine(to io.Writer, r ingest.Receipt) error {
	_, err := fmt.Fprintf(to, "genuine: %s of %s was removed at %s and is still removed\n", r.Registrant, r.Source,
		r.Removed.Format("2006-01-02 15:04:05 MST"))
	return err
}

// Scrubbed says what was erased.
func Scrubbed(w io.Writer, done operate.Scrubbed) error {
	_, err := fmt.Fprintf(w, "%d matches erased, %d entries written anew in %s: nothing that was overwritten or deleted before is in "+
		"the files of "+
		"ledger and runs\n", done.Matches, done.Entries, done.Took.Round(time.Millisecond))
	return err
}
