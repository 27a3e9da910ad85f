package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// Linked is a group of registrants who are taken for one person, and why.
type Linked struct {
	Person  schemas.UUID        `json:"personUuid,omitempty"`
	Shown   bool                `json:"shown"` // answers bear the personUuid: at least two of the members are listed
	Agree   []namekey.LinkField `json:"agree"` // first and last name folded, the whole birth date, sex
	Lacking []string            `json:"lacking,omitempty"`
	Members []LinkMember        `json:"registrants"`
}

// LinkMember is one registrant of a group.
type LinkMember struct {
	UUID   schemas.UUID `json:"uuid"`
	Source string       `json:"source"`
	Key    string       `json:"key"`
	Name   string       `json:"name"`
	Listed bool         `json:"listed"`
}

// Link finds the group that a personUuid names, or that the registrant of a uuid is in.
// Errors: fs.ErrNotExist for nobody.
func (s *Stores) Link(ctx context.Context, id schemas.UUID) (Linked, error) {
	var out Linked
	docs, _, err := s.Index.Find(ctx, index.Query{Persons: []schemas.UUID{id}})
	if err == nil && len(docs) == 0 {
		docs, _, err = s.Index.Find(ctx, index.Query{IDs: []schemas.UUID{id}})
		if err == nil && len(docs) == 1 && docs[0].Person != "" {
			docs, _, err = s.Index.Find(ctx, index.Query{Persons: []schemas.UUID{docs[0].Person}})
		}
	}
	if err != nil {
		return out, fmt.Errorf("look for %s: %w", id, err)
	}
	if len(docs) == 0 {
		return out, fmt.Errorf("%s: %w: no listed registrant has that uuid or personUuid", id, fs.ErrNotExist)
	}
	out.Person = docs[0].Person
	for _, f := range namekey.LinkFields(docs[0].Record) {
		if f.Value == "" {
			out.Lacking = append(out.Lacking, f.Name)
		} else {
			out.Agree = append(out.Agree, f)
		}
	}
	listed := 0
	for _, d := range docs {
		listing, err := s.Ledger.Listing(ctx, d.Record.Source, d.ID)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return out, fmt.Errorf("look whether %s is listed: %w", d.ID, err)
		}
		if listing.Listed {
			listed++
		}
		out.Members = append(out.Members, LinkMember{UUID: d.ID, Source: d.Record.Source, Key: d.Record.Key, Name: d.Record.Name.Full, Listed: listing.Listed})
	}
	out.Shown = out.Person != "" && listed > 1
	return out, nil
}
