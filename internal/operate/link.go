package operate

import (
	"context"

	"lineup/queryd/search"
	"lineup/schemas"
	"lineup/schemas/person"
)

// Linked is a group of registrants who are taken for one person, and why.
type Linked struct {
	Person  schemas.UUID   `json:"personUuid,omitempty"`
	Shown   bool           `json:"shown"` // answers carry the personUuid
	Agree   []person.Field `json:"agree"` // first and last name folded, the whole birth date, sex
	Lacking []string       `json:"lacking,omitempty"`
	Members []LinkMember   `json:"registrants"`
}

// LinkMember is one registrant of a group.
type LinkMember struct {
	UUID   schemas.UUID `json:"uuid"`
	Source string       `json:"source"`
	Key    string       `json:"key"`
	Name   string       `json:"name"`
	Listed bool         `json:"listed"`
}

// Listed returns how many of the members are listed now.
func (l Linked) Listed() int {
	n := 0
	for _, m := range l.Members {
		if m.Listed {
			n++
		}
	}
	return n
}

// Link finds the group of a personUuid, or of one registrant's uuid, by the same look-up as answers do. Errors:
// fs.ErrNotExist if there is none.
func (s *Stores) Link(ctx context.Context, id schemas.UUID) (Linked, error) {
	found, err := search.FindPerson(ctx, s.Index, s.Ledger, id)
	if err != nil {
		return Linked{}, err
	}
	out := Linked{Person: found.ID, Shown: found.Shown}
	for _, f := range person.Fields(found.Members[0].Record) {
		if f.Value == "" {
			out.Lacking = append(out.Lacking, f.Name)
		} else {
			out.Agree = append(out.Agree, f)
		}
	}
	for _, d := range found.Members {
		out.Members = append(out.Members, LinkMember{UUID: d.ID, Source: d.Record.Source, Key: d.Record.Key, Name: d.Record.Name.Full,
			Listed: found.Listed[d.ID]})
	}
	return out, nil
}
