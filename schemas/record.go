package schemas

import (
	"encoding/json"
	"fmt"
)

// RecordSchema is the version of Record's stored form. History: 1, the first.
const RecordSchema = 1

// Record is what one source publishes of one registrant, in one form for all sources. It holds
// content only, never when it was read, so the same page always gives the same digest.
// Where a source prints a code or a word of its own, Raw keeps it beside the mapped value.
type Record struct {
	Schema       int    `json:"schema"`
	Source       string `json:"source"`            // id of the source definition, "us-ny"
	Key          string `json:"key"`               // the source's own id, with its letter case
	WeakKey      bool   `json:"weakKey,omitempty"` // Key was made from other fields: the source has no id
	Jurisdiction string `json:"jurisdiction"`      // "NY"; not always two letters (registries use "MN1", "CNMI")
	URL          string `json:"url,omitempty"`     // the source's own page of this registrant

	Name         Name      `json:"name"`
	Aliases      []Alias   `json:"aliases,omitempty"`
	Birth        Date      `json:"birth,omitzero"`
	Age          AgeAsOf   `json:"age,omitzero"`
	Sex          Coded     `json:"sex,omitzero"` // Value: "male", "female" or ""
	Race         Coded     `json:"race,omitzero"`
	Ethnicity    Coded     `json:"ethnicity,omitzero"`
	Height       Measure   `json:"height,omitzero"` // inches
	Weight       Measure   `json:"weight,omitzero"` // pounds
	Eyes         Coded     `json:"eyes,omitzero"`
	Hair         Coded     `json:"hair,omitzero"`
	Marks        []string  `json:"marks,omitempty"` // scars, marks, tattoos
	Addresses    []Address `json:"addresses,omitempty"`
	Offenses     []Offense `json:"offenses,omitempty"`
	Vehicles     []Vehicle `json:"vehicles,omitempty"` // empty unless the operator asked for them
	Level        Level     `json:"level,omitzero"`
	Designation  string    `json:"designation,omitempty"` // legal label: "Sexually Violent Offender"
	Status       Coded     `json:"status,omitzero"`       // Value: one of the Status constants
	Predator     *bool     `json:"predator,omitempty"`
	Absconder    *bool     `json:"absconder,omitempty"`
	Registered   Date      `json:"registered,omitzero"`
	Updated      Date      `json:"updated,omitzero"` // as the source states it
	Verified     Date      `json:"verified,omitzero"`
	RegistersTo  Date      `json:"registersTo,omitzero"`
	Lifetime     *bool     `json:"lifetime,omitempty"`
	Photos       []Photo   `json:"photos,omitempty"`
	SourceFields []Field   `json:"sourceFields,omitempty"` // what the source prints beyond these, allowed by its definition
}

// Status values.
const (
	StatusRegistered   = "registered"
	StatusIncarcerated = "incarcerated"
	StatusSupervised   = "supervised"
	StatusCommitted    = "civil_commitment"
	StatusAbsconded    = "absconded"
	StatusNonCompliant = "non_compliant"
	StatusNonResident  = "non_resident"
	StatusPending      = "pending"
	StatusMoved        = "moved"
	StatusDeported     = "deported"
	StatusDeceased     = "deceased"
)

// Name is a person's name. Full is as the source prints it; the parts may be empty.
type Name struct {
	Full   string `json:"full,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	First  string `json:"first,omitempty"`
	Middle string `json:"middle,omitempty"`
	Last   string `json:"last,omitempty"`
	Suffix string `json:"suffix,omitempty"`
}

// Alias is another name of the registrant, as published. Where a source runs its aliases
// together, only Full is set.
type Alias struct {
	Name
	Birth Date `json:"birth,omitzero"`
}

// AgeAsOf is an age in years and the day it was printed or read: an age alone is soon untrue.
type AgeAsOf struct {
	Years int  `json:"years"`
	On    Date `json:"on,omitzero"`
}

// Coded is a value mapped to our words beside the source's own text.
type Coded struct {
	Value string `json:"value,omitempty"`
	Raw   string `json:"raw,omitempty"`
}

// Measure is a number in the unit its field names, 0 for unknown, beside the source's text.
type Measure struct {
	Value int    `json:"value,omitempty"`
	Raw   string `json:"raw,omitempty"`
}

// Address kinds.
const (
	AddressHome      = "home"
	AddressTemporary = "temporary"
	AddressTransient = "transient"
	AddressWork      = "work"
	AddressSchool    = "school"
	AddressInmate    = "inmate"
	AddressMailing   = "mailing"
	AddressEarlier   = "earlier" // reported before the current address; whether somebody is still there the source does not say
	AddressOther     = "other"
)

// Address is a place as published. Status is set, and Street empty, where the source prints
// a state of affairs in the street's place ("TRANSIENT", "INCARCERATED").
type Address struct {
	Kind   string   `json:"kind"`
	Street string   `json:"street,omitempty"`
	City   string   `json:"city,omitempty"`
	County string   `json:"county,omitempty"`
	State  string   `json:"state,omitempty"` // two-letter USPS code where known, else as printed
	Zip    string   `json:"zip,omitempty"`   // five digits where known
	Raw    string   `json:"raw,omitempty"`   // as printed, when it could not be taken apart
	Status string   `json:"status,omitempty"`
	Lat    *float64 `json:"lat,omitempty"` // degrees north, WGS 84
	Lon    *float64 `json:"lon,omitempty"` // degrees east
	From   Date     `json:"from,omitzero"`
	To     Date     `json:"to,omitzero"`
}

// Offense is one registrable offence or conviction; Charges are the counts under it where the
// source lists them.
type Offense struct {
	Description string   `json:"description,omitempty"`
	Statute     string   `json:"statute,omitempty"`
	Committed   Date     `json:"committed,omitzero"`
	Convicted   Date     `json:"convicted,omitzero"`
	Released    Date     `json:"released,omitzero"`
	Place       string   `json:"place,omitempty"` // court, county or state of conviction
	Disposition string   `json:"disposition,omitempty"`
	Sentence    string   `json:"sentence,omitempty"`
	Counts      int      `json:"counts,omitempty"`
	Victim      string   `json:"victim,omitempty"` // "minor", "adult" or "": nothing else of a victim is kept
	Charges     []Charge `json:"charges,omitempty"`
}

// Charge is one charge of a conviction.
type Charge struct {
	Title       string `json:"title,omitempty"`
	Section     string `json:"section,omitempty"`
	Subsection  string `json:"subsection,omitempty"`
	Class       string `json:"class,omitempty"`
	Category    string `json:"category,omitempty"`
	Counts      int    `json:"counts,omitempty"`
	Description string `json:"description,omitempty"`
}

// Vehicle is a vehicle as published.
type Vehicle struct {
	Make  string `json:"make,omitempty"`
	Model string `json:"model,omitempty"`
	Year  string `json:"year,omitempty"`
	Color string `json:"color,omitempty"`
	Plate string `json:"plate,omitempty"`
}

// Level is a risk level or tier in the source's own scheme; schemes are not comparable.
type Level struct {
	Scheme string `json:"scheme,omitempty"`
	Value  string `json:"value,omitempty"`
}

// Field is a named value beyond the common ones.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Photo is a photo the record refers to. Digest is "" while the photo could not be read or is
// known to be a placeholder; Problem then says which.
type Photo struct {
	URL     string `json:"url"`
	Digest  Digest `json:"digest,omitempty"`
	Taken   Date   `json:"taken,omitzero"`
	View    string `json:"view,omitempty"` // "front", "left", "right" or ""
	Problem string `json:"problem,omitempty"`
}

// Canonical is the stored form of r: JSON with the fields in this file's order. Its digest is
// the record's identity.
func (r Record) Canonical() ([]byte, error) {
	r.Schema = RecordSchema
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return data, nil
}

// DecodeRecord reads a stored record. A newer schema is ErrNewerSchema: leave it alone.
func DecodeRecord(data []byte) (Record, error) {
	var r Record
	if err := decode(data, RecordSchema, &r, &r.Schema); err != nil {
		return Record{}, fmt.Errorf("decode record: %w", err)
	}
	return r, nil
}

// Home is the address the registrant lives at as far as the record says: the first home
// address, else the first temporary or transient one, else the first of any kind but work and school.
func (r Record) Home() (Address, bool) {
	for _, kinds := range [][]string{{AddressHome}, {AddressTemporary, AddressTransient}, {AddressInmate, AddressMailing, AddressOther}} {
		for _, a := range r.Addresses {
			for _, kind := range kinds {
				if a.Kind == kind {
					return a, true
				}
			}
		}
	}
	return Address{}, false
}
