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

	// Filled counts the registrants read who have each field, by its name as Record.Filled gives it.
	Filled map[string]int `json:"filled,omitempty"`

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

// few is how many registrants may always vanish, appear or be unreadable: in a small registry one person is a large
// share.
const few = 3

// Unreadable is how many registrants of a complete run may have been unreadable: 3 or 0.1 %, whichever is more.
func Unreadable(registrants int) int { return max(few, registrants/1000) }

// Tally counts what a run that reached its end would change among a source's listings.
type Tally struct {
	Listed     int  // now, those included whom the run has listed
	Gone       int  // of them, whom the run did not see
	Before     int  // of Listed, who were listed when the last complete run ended; without one, when this run began
	BeforeGone int  // of Before, whom the run did not see
	Compared   bool // there was a complete run before, so growth means something
}

// Add counts a listing. seen says whether the run saw the registrant; since is when the last complete run ended, or
// when this run began if there was none.
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

// Doubt says why a run that reached its end is not believed; "" if the guards hold. The share that vanished is
// measured against those who were listed before the run, so registrants whom the run added do not dilute it.
func (s RunSummary) Doubt(t Tally) string {
	most := s.MaxDrop
	if most == 0 {
		most = DefaultMaxDrop
	}
	left, added := t.Listed-t.Gone, t.Listed-t.Before
	drop, whole := max(share(t.Gone, t.Listed), share(t.BeforeGone, t.Before)), t.Before
	const look = "nobody was delisted; look at the site or the files, then crawl or import with --accept-drop REASON"
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

// Alarms lists what an operator should look at, even if the run is complete: shares that moved, and values that no
// rule of the definition reads. It names labels and columns, never content.
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

// Brings is the outcome of accepting a record with this digest. The listing must not be of a removed registrant.
func (l Listing) Brings(record Digest) Outcome {
	switch {
	case l.Revision == 0:
		return OutcomeNew
	case !l.Listed:
		return OutcomeReturned
	case l.Record != record:
		return OutcomeChanged
	}
	return OutcomeUnchanged
}
