package schemas

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// ListingSchema is the version of Listing's stored form. History: 1, the first.
const ListingSchema = 1

// Listing is what the ledger knows of one registrant: whether it is listed, what its content
// is, and which index generations agree. Revision counts changes of content or listing; a
// sighting or a mark alone leaves it.
type Listing struct {
	Schema   int       `json:"schema"`
	ID       UUID      `json:"id"`
	Source   string    `json:"source"`
	Revision uint64    `json:"revision"`
	Listed   bool      `json:"listed"`
	Changed  time.Time `json:"changed"` // when Revision was made
	// Fence is the highest fencing token of a holder of the source's lease that has written here. A holder who lost
	// the lease without noticing has a lower one and may not write.
	Fence uint64 `json:"fence,omitempty"`

	// Untidy says that blobs may be left that the listing no longer refers to. The next holder of the source's lease
	// deletes them.
	Untidy bool `json:"untidy,omitempty"`

	// Untold says that Revision may be missing from the stream of changes. The next writer of the listing adds it.
	Untold bool `json:"untold,omitempty"`

	// Only while listed:
	Key       string       `json:"key,omitempty"`
	FirstSeen time.Time    `json:"firstSeen,omitzero"`
	Record    Digest       `json:"record,omitempty"`
	Photos    []PhotoState `json:"photos,omitempty"`
	Pages     []PageState  `json:"pages,omitempty"`
	Sighted   time.Time    `json:"sighted,omitzero"` // when a crawl last read the registrant
	Run       string       `json:"run,omitempty"`    // the run that did

	// Failed counts the failed jobs of Revision. It stands here because a new job counts its deliveries from one.
	Failed *Failure `json:"failed,omitempty"`

	Removal *Removal        `json:"removal,omitempty"` // never again
	Marks   map[string]Mark `json:"marks,omitempty"`   // by index generation
}

// PhotoState is a photo as last fetched, with what a conditional request needs.
type PhotoState struct {
	URL          string `json:"url"`
	Digest       Digest `json:"digest,omitempty"`
	Problem      string `json:"problem,omitempty"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	Taken        Date   `json:"taken,omitzero"`
}

// Kept returns the photo as part of a capture that says the photo has not changed.
func (p PhotoState) Kept() CapturedPhoto {
	return CapturedPhoto{Unchanged: p.Digest, Problem: p.Problem, ETag: p.ETag, LastModified: p.LastModified}
}

// PageState is a stored page the record was read from.
type PageState struct {
	URL    string    `json:"url"`
	Digest Digest    `json:"digest"`
	Read   time.Time `json:"read"`
}

// Failure counts the attempts to index a revision that failed.
type Failure struct {
	Revision uint64    `json:"revision"`
	Attempts int       `json:"attempts"`
	Class    string    `json:"class"` // of the last one
	At       time.Time `json:"at"`    // of the last one
}

// Removal says that this source id must never be listed again, and why.
type Removal struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`         // a code; as typed by versions before
	Note   string    `json:"note,omitempty"` // the operator's, without names
}

// Mark says that an index generation holds Revision, or holds nothing if the registrant is not listed.
type Mark struct {
	Revision uint64 `json:"revision"`
	Model    string `json:"model"`
	// Features is the version of the features that its entry was made with. 0 stands in marks of older versions of
	// Lineup and means the first version.
	Features int `json:"features,omitempty"`
	Faces    int `json:"faces"` // enrolled faces
	// Unread is the number of photos that the entry lacks because their stored bytes were damaged or missing.
	Unread int       `json:"unread,omitempty"`
	At     time.Time `json:"at"`
	// Built is when the generation was made. An index that lost its disk makes a new generation of the same name, and
	// marks of the former one say nothing about it.
	Built time.Time `json:"built,omitzero"`
}

// Target is an index generation that must agree with the ledger.
type Target struct {
	Generation string
	Model      string
	Features   int       // the version of its features
	Built      time.Time // when it was made
}

// Due says in one word why a generation does not agree with a listing.
type Due string

// Why a generation does not agree with a listing.
const (
	DueNot      Due = ""         // it agrees
	DueMissing  Due = "missing"  // it never held the registrant, or lost it
	DueRevision Due = "revision" // it holds an older one
	DueModel    Due = "model"    // only generations of another model hold it
	DueFeatures Due = "features" // what it holds, or the generation before it, was made with older features
)

// Due says why a generation does not agree with the listing as it is now. It is asked for registrants who are not
// listed too: a worker may have died after writing the index and before writing the mark.
func (s Listing) Due(t Target) Due {
	m, marked := s.Marks[t.Generation]
	if !marked || !m.Built.Equal(t.Built) {
		return s.dueElsewhere(t)
	}
	switch {
	case m.Model != t.Model:
		return DueModel
	case m.Revision != s.Revision:
		return DueRevision
	case m.features() < t.Features:
		return DueFeatures
	}
	return DueNot
}

// dueElsewhere answers Due where the generation itself does not hold the listing: it says in what the generation
// differs from those that do.
func (s Listing) dueElsewhere(t Target) Due {
	why := DueMissing
	for name, m := range s.Marks {
		switch {
		case name == t.Generation || m.Revision != s.Revision:
		case m.Model == t.Model && m.features() < t.Features:
			return DueFeatures
		case m.Model != t.Model:
			why = DueModel
		}
	}
	return why
}

// Failing is the class of the last failed job of the current revision, "" if none has failed.
func (s Listing) Failing() string {
	if s.Failed == nil || s.Failed.Revision != s.Revision {
		return ""
	}
	return s.Failed.Class
}

// Stuck reports whether a job of the listing failed, or a photo of it could not be read.
func (s Listing) Stuck() bool {
	if s.Failed != nil {
		return true
	}
	for _, m := range s.Marks {
		if m.Unread > 0 {
			return true
		}
	}
	return false
}

// Reread drops the marks of generations that lack photos with unreadable bytes, because a crawl has just stored the
// photos again.
func (s *Listing) Reread() {
	kept := make(map[string]Mark, len(s.Marks))
	for name, m := range s.Marks {
		if m.Unread == 0 {
			kept[name] = m
		}
	}
	s.Marks = kept
}

func (m Mark) features() int { return max(m.Features, 1) }

// DueIn returns the Due of the first target that does not agree with the listing, DueNot if all agree.
func (s Listing) DueIn(targets []Target) Due {
	for _, t := range targets {
		if why := s.Due(t); why != DueNot {
			return why
		}
	}
	return DueNot
}

// Encode gives the stored form.
func (s Listing) Encode() ([]byte, error) {
	s.Schema = ListingSchema
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode listing: %w", err)
	}
	return data, nil
}

// DecodeListing reads a stored listing. Errors: ErrNewerSchema.
func DecodeListing(data []byte) (Listing, error) {
	var s Listing
	if err := decode(data, ListingSchema, &s, &s.Schema); err != nil {
		return Listing{}, fmt.Errorf("decode listing: %w", err)
	}
	return s, nil
}

// Capture is one registrant as one crawl read it: the record and all its bytes, accepted whole
// or not at all.
type Capture struct {
	Record Record
	Photos []CapturedPhoto // one for each of Record.Photos, in order
	Pages  []CapturedPage
	Read   time.Time
}

// CapturedPhoto is a photo as read. Data nil with Unchanged set says the source answered that
// the photo is still the one of digest Unchanged; Data nil with Problem set says it could not
// be read or is a placeholder.
type CapturedPhoto struct {
	Data         []byte
	Unchanged    Digest
	Problem      string
	ETag         string
	LastModified string
}

// Settled gives the record and the listing's photos as they are once the capture's bytes are stored: a photo has the
// digest of its bytes, or of those that the source says have not changed. c stays as it is.
func (c Capture) Settled() (Record, []PhotoState) {
	record, states := c.Record, []PhotoState(nil)
	record.Photos = slices.Clone(record.Photos)
	for i, p := range c.Photos {
		photo := &record.Photos[i]
		photo.Digest, photo.Problem = p.Unchanged, p.Problem
		if p.Data != nil {
			photo.Digest = DigestOf(p.Data)
		}
		states = append(states, PhotoState{URL: photo.URL, Digest: photo.Digest, Problem: photo.Problem, Taken: photo.Taken,
			ETag: p.ETag, LastModified: p.LastModified})
	}
	return record, states
}

// CapturedPage is the part of a page that speaks of this registrant and of nobody else.
type CapturedPage struct {
	URL  string
	Data []byte
	Read time.Time
}
