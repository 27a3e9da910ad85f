package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/schemas"
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

// Run shows.
func (c *LinkShow) Run(ctx context.Context, app *App) error {
	id, err := schemas.ParseUUID(c.UUID)
	if err != nil {
		return fmt.Errorf("%w (it is the personUuid or uuid of an answer, not a face id)", err)
	}
	return app.withNode(ctx, func(n *node.Node) error {
		found, err := n.Link(ctx, id)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(found)
		}
		return app.printLink(found)
	})
}

func (a *App) printLink(l operate.Linked) error {
	switch {
	case len(l.Lacking) > 0:
		fmt.Fprintf(a.Stdout, "not linked with anybody: the record has no %s, and all of first and last name, whole birth date and sex must "+
			"agree\n", strings.Join(l.Lacking, ", no "))
	case !l.Shown && l.Listed() > 1:
		fmt.Fprintf(a.Stdout, "person %s: not shown as one person, because middle names or suffixes disagree\n", l.Person)
	case !l.Shown:
		fmt.Fprintf(a.Stdout, "person %s: fewer than two listed registrants agree, so answers show no personUuid\n", l.Person)
	default:
		fmt.Fprintf(a.Stdout, "person %s: %d registrants that agree\n", l.Person, l.Listed())
	}
	w := tabwriter.NewWriter(a.Stdout, 0, 4, 2, ' ', 0)
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
