package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrPhotoNeeded is returned for a capture that says a photo is unchanged while its bytes are
// not stored: the photo must be fetched again.
var ErrPhotoNeeded = errors.New("photo bytes are not stored, fetch them again")

// ErrLeased is returned while another process holds the lease of a source.
var ErrLeased = errors.New("another process is crawling this source")

// ErrRefused is returned for a registrant that was removed for ever.
var ErrRefused = errors.New("removed for ever, never listed again")

// Outcome says what accepting a capture did.
type Outcome string

// The outcomes of a capture.
const (
	OutcomeNew       Outcome = "new"
	OutcomeChanged   Outcome = "changed"
	OutcomeUnchanged Outcome = "unchanged"
	OutcomeReturned  Outcome = "returned" // was listed before, delisted, and is listed again
	OutcomeRefused   Outcome = "refused"  // removed for ever
)

// RunState says how a run over a source ended. Only a complete one may delist.
type RunState string

// The states of a run.
const (
	RunRunning  RunState = "running"
	RunComplete RunState = "complete" // everything the source lists was read, and the guards held
	RunPartial  RunState = "partial"  // stopped, or a part of what the source lists was not read
	RunFailed   RunState = "failed"
	RunBlocked  RunState = "blocked" // the site refuses automated reading
	RunRefused  RunState = "refused" // read to the end, but a guard forbids to believe it
	RunSame     RunState = "same"    // the source says that nothing changed since its last complete run
)

// RunSummary is what one run over a source did. It is kept as the source's last run.
type RunSummary struct {
	Schema  int       `json:"schema"`
	Run     string    `json:"run"`
	Source  string    `json:"source"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	State   RunState  `json:"state"`
	Reason  string    `json:"reason,omitempty"` // why it is not complete, for the operator
	DryRun  bool      `json:"dryRun,omitempty"`

	Pages       int            `json:"pages"`
	Fetched     int            `json:"fetched"` // requests answered with a body
	NotModified int            `json:"notModified"`
	Bytes       int64          `json:"bytes"`
	Claimed     int            `json:"claimed,omitempty"` // registrants the source says it has
	Registrants int            `json:"registrants"`       // registrants read
	New         int            `json:"new"`
	Changed     int            `json:"changed"`
	Unchanged   int            `json:"unchanged"`
	Returned    int            `json:"returned"`
	Refused     int            `json:"refused"`
	Delisted    int            `json:"delisted"`
	Unread      int            `json:"unread,omitempty"`    // registrants that a list names and that could not be read: they stay as last read
	Unlisted    []string       `json:"unlisted,omitempty"`  // parts of the source's list that could not be read, by step
	Photos      map[string]int `json:"photos,omitempty"`    // by outcome: fetched, unchanged, placeholder, failed
	Dropped     map[string]int `json:"dropped,omitempty"`   // by rule
	Errors      map[string]int `json:"errors,omitempty"`    // by class
	Leftovers   map[string]int `json:"leftovers,omitempty"` // by label that no rule handled
	WithPhoto   int            `json:"withPhoto"`
	WithBirth   int            `json:"withBirth"`
	WithOffense int            `json:"withOffense"`

	// WithoutAddress counts the registrants read of whom no place is published that they could be
	// found by.
	WithoutAddress int `json:"withoutAddress,omitempty"`

	Drift []string `json:"drift,omitempty"` // shares that moved beyond the source's bound

	Version      int    `json:"version,omitempty"`      // of the source's definition
	ETag         string `json:"etag,omitempty"`         // of the one file the source is, where it is one
	LastModified string `json:"lastModified,omitempty"` // "

	MinCount   int     `json:"minCount,omitempty"`   // guard: fewer registrants are not believed
	MaxDrop    float64 `json:"maxDrop,omitempty"`    // guard: share of the listed that may vanish, 0 is 0.10
	AcceptDrop string  `json:"acceptDrop,omitempty"` // a human's reason to delist beyond MaxDrop
	Unblock    string  `json:"unblock,omitempty"`    // a human's reason to ask a site again that had refused

	// Interrupted says that the run did not reach its end: a later one may go on with it. A run that reached its
	// end and is incomplete is closed.
	Interrupted bool      `json:"interrupted,omitempty"`
	NotBefore   time.Time `json:"notBefore,omitzero"` // the site asked to be left alone until then

	Asked []time.Time `json:"asked,omitempty"` // requests of the run's last hour, where the source has an hourly quota
}

// DefaultMaxDrop is the share of a source's registrants that may vanish in one run.
const DefaultMaxDrop = 0.10

// maxGrowth is the share by which a source may grow between two complete runs.
const maxGrowth = 0.50

// few is a number of registrants who vanish, appear or cannot be read that is always believed: in a small registry
// one person more or less is a large share.
const few = 3

// Unreadable is how many of so many registrants may be unread in a complete run: the greater of 3 and 0.1 %.
func Unreadable(registrants int) int { return max(few, registrants/1000) }

// Tally counts what a run that reached its end would change among a source's listings.
type Tally struct {
	Listed     int  // now, those included whom the run has listed
	Gone       int  // of them, whom the run did not see
	Before     int  // of Listed, who were listed when the last complete run ended; without one, when this run began
	BeforeGone int  // of Before, whom the run did not see
	Compared   bool // there was a complete run before, so growth means something
}

// Add counts a listing; seen says that the run saw the registrant, and since is when the last complete run ended, or
// when this run began.
func (t *Tally) Add(l Listing, seen bool, since time.Time) {
	if !l.Listed {
		return
	}
	before := !l.FirstSeen.After(since)
	t.Listed++
	if before {
		t.Before++
	}
	if !seen {
		t.Gone++
		if before {
			t.BeforeGone++
		}
	}
}

// Doubt says why a run that read to its end is not to be believed; "" when the guards hold. What vanished is measured
// against who was listed before the run: whoever it has added does not dilute it.
func (s RunSummary) Doubt(t Tally) string {
	most := s.MaxDrop
	if most == 0 {
		most = DefaultMaxDrop
	}
	left, added := t.Listed-t.Gone, t.Listed-t.Before
	drop, whole := max(share(t.Gone, t.Listed), share(t.BeforeGone, t.Before)), t.Before
	const look = "nobody was delisted; look at the site, then crawl with --accept-drop REASON"
	switch {
	case left < s.MinCount:
		return fmt.Sprintf("%d registrants read, the source's floor is %d: nobody was delisted", left, s.MinCount)
	case s.AcceptDrop != "":
		return ""
	case t.Gone > few && drop > most:
		return fmt.Sprintf("%d of %d registrants (%.0f %%) are gone, at most %.0f %% may go in one run: "+look, t.Gone, whole, 100*drop, 100*most)
	case t.Compared && added > few && share(added, t.Before) > maxGrowth:
		return fmt.Sprintf("%d registrants were added to %d, more than half as many: "+look, added, t.Before)
	}
	return ""
}

func share(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }

// maxAlarms is how many left-over values Alarms names.
const maxAlarms = 5

// Alarms are what of a run an operator should look at, though it may be complete: shares that
// moved, and values that no rule of the definition reads, by label or column, never by content.
func (s RunSummary) Alarms() []string {
	out := append([]string{}, s.Drift...)
	var names []string
	for name := range s.Leftovers {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Leftovers[b], s.Leftovers[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		if i == maxAlarms {
			out = append(out, fmt.Sprintf("%d more kinds of values that no rule reads", len(names)-i))
			break
		}
		out = append(out, fmt.Sprintf("no rule reads %q (%d times): the site may have changed", name, s.Leftovers[name]))
	}
	return out
}
