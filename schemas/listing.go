package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ListingSchema is the version of Listing's stored form. History: 1, the first.
const ListingSchema = 1

// ErrNewerSchema is returned for data written by a newer version of Lineup: it is reported and
// left alone, never rewritten.
var ErrNewerSchema = errors.New("written by a newer version of lineup")

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
	// Fence is the highest number of a holder of the source's lease that wrote here: a holder
	// who lost the lease without noticing has a lower one, and changes nothing.
	Fence uint64 `json:"fence,omitempty"`

	// Untidy says that blobs it no longer refers to may be left: the next holder of the source's
	// lease who gets that far deletes them.
	Untidy bool `json:"untidy,omitempty"`

	// Only while listed:
	Key       string       `json:"key,omitempty"`
	FirstSeen time.Time    `json:"firstSeen,omitzero"`
	Record    Digest       `json:"record,omitempty"`
	Photos    []PhotoState `json:"photos,omitempty"`
	Pages     []PageState  `json:"pages,omitempty"`
	Sighted   time.Time    `json:"sighted,omitzero"` // when a crawl last read the registrant
	Run       string       `json:"run,omitempty"`    // the run that did

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

// PageState is a stored page the record was read from.
type PageState struct {
	URL    string    `json:"url"`
	Digest Digest    `json:"digest"`
	Read   time.Time `json:"read"`
}

// Removal says that this source id must never be listed again, and why.
type Removal struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// Mark says that an index generation holds Revision, or nothing when it is not listed.
type Mark struct {
	Revision uint64 `json:"revision"`
	Model    string `json:"model"`
	// Features is the version of the features its entry was made with; 0, of a mark that an older
	// version of Lineup wrote, is the first version.
	Features int       `json:"features,omitempty"`
	Faces    int       `json:"faces"` // enrolled faces
	At       time.Time `json:"at"`
	// Built is when the generation was made: an index that lost its disk makes one of the same
	// name again, and what the former one held says nothing about it.
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

// Due says why a generation does not agree with the listing as it is. That goes for the not listed
// too: a worker may have died after it wrote and before it marked.
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

// dueElsewhere is Due where the generation itself does not hold the listing: it says what sets the
// generation apart from those that do.
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

func (m Mark) features() int { return max(m.Features, 1) }

// DueIn says why the first of several generations that does not agree with the listing does not.
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
	if err := decode(data, ListingSchema, &s); err != nil {
		return Listing{}, fmt.Errorf("decode listing: %w", err)
	}
	return s, nil
}

// decode reads JSON whose "schema" is at most known.
func decode(data []byte, known int, into any) error {
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Schema > known {
		return fmt.Errorf("schema %d, this version knows %d: %w", head.Schema, known, ErrNewerSchema)
	}
	return json.Unmarshal(data, into)
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

// CapturedPage is the part of a page that speaks of this registrant and of nobody else.
type CapturedPage struct {
	URL  string
	Data []byte
	Read time.Time
}
