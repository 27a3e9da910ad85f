package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"lineup/indexer/index"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

// Link explains how registrants are linked.
type Link struct {
	Show LinkShow `cmd:"" help:"Show the registrants of a personUuid, and which fields agree."`
}

// LinkShow shows.
type LinkShow struct {
	UUID string `arg:"" help:"A personUuid, or the uuid of one registrant."`
	JSON bool   `name:"json" help:"Print as JSON."`
}

// link is a group of registrants and why it is one.
type link struct {
	Person  schemas.UUID        `json:"personUuid,omitempty"`
	Shown   bool                `json:"shown"` // answers bear the personUuid: at least two of the members are listed
	Agree   []namekey.LinkField `json:"agree"` // first and last name folded, the whole birth date, sex
	Lacking []string            `json:"lacking,omitempty"`
	Members []linkMember        `json:"registrants"`
}

type linkMember struct {
	UUID   schemas.UUID `json:"uuid"`
	Source string       `json:"source"`
	Key    string       `json:"key"`
	Name   string       `json:"name"`
	Listed bool         `json:"listed"`
}

// Run shows.
func (c *LinkShow) Run(ctx context.Context, app *App) (err error) {
	id, err := schemas.ParseUUID(c.UUID)
	if err != nil {
		return fmt.Errorf("%w (it is the personUuid or uuid of an answer, not a face id)", err)
	}
	h, err := app.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	found, err := findLink(ctx, h, id)
	if err != nil {
		return err
	}
	if c.JSON {
		return app.printJSON(found)
	}
	return app.printLink(found)
}

// findLink finds the group that id names, or that registrant id is in. Nobody is fs.ErrNotExist.
func findLink(ctx context.Context, h *Node, id schemas.UUID) (link, error) {
	var out link
	docs, _, err := h.Index.Find(ctx, index.Query{Persons: []schemas.UUID{id}})
	if err == nil && len(docs) == 0 {
		docs, _, err = h.Index.Find(ctx, index.Query{IDs: []schemas.UUID{id}})
		if err == nil && len(docs) == 1 && docs[0].Person != "" {
			docs, _, err = h.Index.Find(ctx, index.Query{Persons: []schemas.UUID{docs[0].Person}})
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
		listing, err := h.Ledger.Listing(ctx, d.Record.Source, d.ID)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return out, fmt.Errorf("look whether %s is listed: %w", d.ID, err)
		}
		if listing.Listed {
			listed++
		}
		out.Members = append(out.Members, linkMember{UUID: d.ID, Source: d.Record.Source, Key: d.Record.Key, Name: d.Record.Name.Full, Listed: listing.Listed})
	}
	out.Shown = out.Person != "" && listed > 1
	return out, nil
}

func (a *App) printLink(l link) error {
	switch {
	case len(l.Lacking) > 0:
		fmt.Fprintf(a.Stdout, "not linked with anybody: the record has no %s, and all of first and last name, whole birth date and sex must agree\n", strings.Join(l.Lacking, ", no "))
	case !l.Shown:
		fmt.Fprintf(a.Stdout, "person %s: fewer than two listed registrants agree, so answers show no personUuid\n", l.Person)
	default:
		fmt.Fprintf(a.Stdout, "person %s: %d registrants that agree\n", l.Person, len(l.Members))
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
	for _, f := range l.Agree {
		fmt.Fprintf(w, "  %s\t%s\n", f.Name, f.Value)
	}
	fmt.Fprintln(w, "\nUUID\tSOURCE\tKEY\tLISTED\tNAME")
	for _, m := range l.Members {
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", m.UUID, m.Source, m.Key, m.Listed, m.Name)
	}
	fmt.Fprintln(w, "\nNames are compared without case, accents and suffixes. Faces play no part, and agreeing is no proof: read the official pages.")
	return w.Flush()
}
