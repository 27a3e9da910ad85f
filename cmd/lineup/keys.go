package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"lineup/queryd/keys"
)

// Keys is about API keys.
type Keys struct {
	Add    KeysAdd    `cmd:"" help:"Make a key and print it, this once."`
	List   KeysList   `cmd:"" help:"List keys, never their secrets."`
	Revoke KeysRevoke `cmd:"" help:"Revoke a key by name or id."`
	Usage  KeysUsage  `cmd:"" help:"Show what was used of the keys, by day."`
	Terms  KeysTerms  `cmd:"" help:"Print the terms a key's holder accepts."`
}

// withHouse opens the house for do.
func (a *App) withHouse(ctx context.Context, do func(h *House) error) (err error) {
	h, err := a.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return do(h)
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

// Run does it.
func (c *KeysAdd) Run(ctx context.Context, app *App) error {
	return app.withHouse(ctx, func(h *House) error {
		secret, key, err := h.Keys.Add(ctx, c.Name, keys.Limits{PerMinute: c.PerMinute, PerDay: c.PerDay})
		if err != nil {
			return err
		}
		fmt.Fprintf(app.Stderr, "Key %q (%s) was made under the terms of %s; give them to its holder (lineup keys terms). It cannot be shown again.\n", key.Name, key.ID, key.Terms)
		_, err = fmt.Fprintln(app.Stdout, secret)
		return err
	})
}

// KeysList lists keys.
type KeysList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run does it.
func (c *KeysList) Run(ctx context.Context, app *App) error {
	return app.withHouse(ctx, func(h *House) error {
		all, err := h.Keys.List(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return app.printJSON(all)
		}
		w := tabwriter.NewWriter(app.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tCREATED\tREVOKED\tTERMS")
		for _, k := range all {
			revoked := ""
			if !k.Revoked.IsZero() {
				revoked = k.Revoked.Format(time.DateOnly)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, k.Created.Format(time.DateOnly), revoked, k.Terms)
		}
		return w.Flush()
	})
}

// KeysRevoke revokes a key.
type KeysRevoke struct {
	Key string `arg:"" help:"Name or id of the key."`
}

// Run does it.
func (c *KeysRevoke) Run(ctx context.Context, app *App) error {
	return app.withHouse(ctx, func(h *House) error {
		key, err := h.Keys.Revoke(ctx, c.Key)
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

// Run does it.
func (c *KeysUsage) Run(ctx context.Context, app *App) error {
	return app.withHouse(ctx, func(h *House) error {
		all, err := h.Keys.List(ctx)
		if err != nil {
			return err
		}
		used := make(map[string][]keys.Use)
		w := tabwriter.NewWriter(app.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tDAY\tREQUESTS")
		for _, k := range all {
			if c.Key != "" && c.Key != k.Name && c.Key != k.ID {
				continue
			}
			if used[k.Name], err = h.Keys.Usage(ctx, k.ID); err != nil {
				return err
			}
			for _, u := range used[k.Name] {
				fmt.Fprintf(w, "%s\t%s\t%d\n", k.Name, u.Day, u.Total())
			}
		}
		if c.JSON {
			return app.printJSON(used)
		}
		return w.Flush()
	})
}

// KeysTerms prints the terms.
type KeysTerms struct{}

// Run does it.
func (c *KeysTerms) Run(app *App) error {
	_, err := fmt.Fprint(app.Stdout, keys.Terms)
	return err
}
