package main

import (
	"context"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"lineup/internal/node"
	"lineup/queryd/keys"
)

// Keys is about API keys.
type Keys struct {
	Add    KeysAdd    `cmd:"" help:"Make a key and print it, this once."`
	List   KeysList   `cmd:"" help:"List keys, never their secrets."`
	Rotate KeysRotate `cmd:"" help:"Make a new key in place of one, which works a while longer."`
	Revoke KeysRevoke `cmd:"" help:"Revoke a key by name or id, at once."`
	Usage  KeysUsage  `cmd:"" help:"Show what was used of the keys, by day."`
	Terms  KeysTerms  `cmd:"" help:"Print the terms a key's holder accepts."`
}

// KeysAdd makes a key.
type KeysAdd struct {
	Name      string `arg:"" help:"Name to tell keys apart: who holds it."`
	PerMinute int    `help:"Requests a minute, 0 for the server's default."`
	PerDay    int    `help:"Requests a day, 0 for the server's default."`
}

// Help says what making a key means.
func (c *KeysAdd) Help() string {
	return "Making a key records that its holder accepts the terms (lineup keys terms)."
}

// Run makes the key and prints its secret alone on standard output.
func (c *KeysAdd) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		secret, key, err := n.Keys.Add(ctx, c.Name, keys.Limits{PerMinute: c.PerMinute, PerDay: c.PerDay})
		if err != nil {
			return err
		}
		return app.printKey(secret, key)
	})
}

// printKey prints a new key alone, and what there is to know about it beside.
func (a *App) printKey(secret string, key keys.Key) error {
	fmt.Fprintf(a.Stderr, "Key %q (%s) was made under the terms of %s; give them to its holder (lineup keys terms). It cannot be shown again.\n", key.Name, key.ID, key.Terms)
	_, err := fmt.Fprintln(a.Stdout, secret)
	return err
}

// KeysRotate replaces a key.
type KeysRotate struct {
	Key     string        `arg:"" help:"Name or id of the key."`
	Overlap time.Duration `default:"24h" help:"How long the old key goes on working (0s: not at all)."`
}

// Run makes the new key, prints its secret alone on standard output, and sets when the old one ends.
func (c *KeysRotate) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		secret, key, err := n.Keys.Rotate(ctx, c.Key, c.Overlap)
		if err != nil {
			return err
		}
		fmt.Fprintf(app.Stderr, "The old key works until %s.\n", time.Now().Add(c.Overlap).UTC().Format(time.RFC3339))
		return app.printKey(secret, key)
	})
}

// KeysList lists keys.
type KeysList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints a line for each key.
func (c *KeysList) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		all, err := n.Keys.List(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(all)
		}
		w := tabwriter.NewWriter(app.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tCREATED\tREVOKED\tA MINUTE\tA DAY\tTERMS")
		for _, k := range all {
			revoked := ""
			if !k.Revoked.IsZero() {
				revoked = k.Revoked.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Created.Format(time.DateOnly), revoked, limit(k.PerMinute), limit(k.PerDay), k.Terms)
		}
		return w.Flush()
	})
}

// KeysRevoke revokes a key.
type KeysRevoke struct {
	Key string `arg:"" help:"Name or id of the key."`
}

// Run revokes the key; a key that is not known, or revoked already, is an error.
func (c *KeysRevoke) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		key, err := n.Keys.Revoke(ctx, c.Key)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(app.Stdout, "revoked %s (%s)\n", key.Name, key.ID)
		return err
	})
}

// KeysUsage shows what was used.
type KeysUsage struct {
	Key  string `arg:"" optional:"" help:"Name or id of one key."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints a line for each key and day.
func (c *KeysUsage) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		lines, err := n.KeyUsage(ctx, c.Key)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(lines)
		}
		w := tabwriter.NewWriter(app.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tDAY\tREQUESTS\tFACES\tRECORDS\tREFUSED")
		for _, u := range lines {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", u.Key, u.Name, u.Day, u.Total(), u.Kinds["faces"], u.Kinds["sexoffender"], u.Kinds["refused"])
		}
		return w.Flush()
	})
}

// limit shows a key's own limit, or that it has the server's.
func limit(n int) string {
	if n == 0 {
		return "default"
	}
	return strconv.Itoa(n)
}

// KeysTerms prints the terms.
type KeysTerms struct{}

// Run prints the terms that are in force.
func (c *KeysTerms) Run(app *App) error {
	_, err := fmt.Fprint(app.Stdout, keys.Terms)
	return err
}
