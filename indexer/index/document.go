package index

import (
	"time"

	"lineup/schemas"
)

// Document is a registrant as the index holds it: enough to answer without another store.
type Document struct {
	ID        schemas.UUID
	Revision  uint64
	Record    schemas.Record
	Person    schemas.UUID // schemas.PersonID of the record, "" when it may not be linked
	FirstSeen time.Time
	Changed   time.Time
	Keys      []string // name keys, looked up by Query.AnyKey and AllKeys
	Photos    []PhotoOutcome
}

// PhotoOutcome says what became of one photo of the record under the generation's model.
type PhotoOutcome struct {
	Photo   schemas.Digest `json:"photo"`
	Face    schemas.UUID   `json:"face,omitempty"`    // set when it was enrolled
	Problem string         `json:"problem,omitempty"` // face.Code, or Placeholder, when not
	Hash    uint64         `json:"hash,omitempty"`    // perceptual hash of the photo
	Born    string         `json:"born,omitempty"`    // the record's date of birth, as far as known: tells sharers of a picture apart
}

// MostHeld bounds what Held gives of a photo that very many share.
const MostHeld = 64

// Excluded is the Problem of a photo whose source the operator keeps out of face search: no template is made of it.
const Excluded = "excluded"

// Placeholder is the Problem of a photo that shows nobody: too many people share it.
const Placeholder = "placeholder"

// Filter narrows a read. Each list is "one of", an empty one is "any"; all parts must hold.
// A fact about the person that is not known (sex, birth) passes: narrowing must not hide people by
// lack of data. A place that is not known does not: nobody can be said to live there.
type Filter struct {
	Sources []string
	States  []string // two-letter codes; home state, else the jurisdiction
	Sexes   []string // "male", "female"
	BornMin int      // year, 0 for any
	BornMax int      // year, 0 for any
}

// Circle is a place and a distance around it.
type Circle struct {
	Lat, Lon float64 // degrees, WGS 84
	Miles    float64
}
