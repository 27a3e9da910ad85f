package main

import (
	"context"
	"fmt"
	"time"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/queryd/keys"
)

// Keys is about API keys.
type Keys struct {
	Add    KeysAdd    `cmd:"" help:"Make a key and print it. It is shown only once."`
	List   KeysList   `cmd:"" help:"List keys, never their secrets."`
	Rotate KeysRotate `cmd:"" help:"Replace a key. The old one keeps working for a while."`
	Revoke KeysRevoke `cmd:"" help:"Revoke a key by name or id, at once."`
	Usage  KeysUsage  `cmd:"" help:"Show how many requests each key made, by day."`
	Terms  KeysTerms  `cmd:"" help:"Print the terms a key's holder accepts."`
}

// KeysAdd makes a key.
type KeysAdd struct {
	Name      string `arg:"" help:"Name of the key: who holds it."`
	PerMinute int    `help:"Requests a minute, 0 for the server's default."`
	PerDay    int    `help:"Requests a day, 0 for the server's default."`
	Canary    bool   `help:"Make the canary's key: it sees the canary and no other record."`
	JSON      bool   `name:"json" help:"Print the key and its details as JSON."`
}

// Help says what making a key means.
func (c *KeysAdd) Help() string {
	return "Making a key records that its holder accepts the terms (lineup keys terms)."
}

// Run makes the key and prints its secret alone on standard output.
func (c *KeysAdd) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		secret, key, err := n.Keys.Add(ctx, c.Name, keys.Limits{PerMinute: c.PerMinute, PerDay: c.PerDay, Canary: c.Canary})
		if err != nil {
			return err
		}
		return app.printKey(secret, key, c.JSON)
	})
}

// printKey prints a new key alone, and what there is to know about it beside.
func (a *App) printKey(secret string, key keys.Key, asJSON bool) error {
	if asJSON {
		return a.printJSON(operate.NewKey{Key: key, Secret: secret})
	}
	fmt.Fprintf(a.Stderr, "Key %q (%s) was made under the terms of %s; give them to its holder (lineup keys terms). It cannot be "+
		"shown again.\n", key.Name, key.ID, key.Terms)
	_, err := fmt.Fprintln(a.Stdout, secret)
	return err
}

// KeysRotate replaces a key.
type KeysRotate struct {
	Key     string        `arg:"" optional:"" complete:"key" help:"Name or id of the key."`
	Links   bool          `name:"photo-links" help:"Replace the secret that signs links to photos, instead of a key. With --overlap 0s, links given out before stop working at once."`
	Overlap time.Duration `default:"24h" help:"How long the old key keeps working (0s: not at all)."`
	JSON    bool          `name:"json" help:"Print the new key and its details as JSON."`
}

// Run makes the new key, prints its secret alone on standard output, and sets when the old one ends.
func (c *KeysRotate) Run(ctx context.Context, app *App) error {
	return app.withNode(ctx, func(n *node.Node) error {
		if c.Links {
			return n.RotatePhotoLinks(ctx, n.Config.Query.PhotoLinkDays, c.Overlap == 0)
		}
		secret, key, err := n.RotateKey(ctx, c.Key, c.Overlap)
		if err != nil {
			return err
		}
		fmt.Fprintf(app.Stderr, "The old key works until %s.\n", time.Now().Add(c.Overlap).UTC().Format(time.RFC3339))
		return app.printKey(secret, key, c.JSON)
	})
}

// KeysList lists keys.
type KeysList struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints a line for each key.
func (c *KeysList) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Keys, func(n *node.Node) ([]keys.Key, error) { return n.Keys.List(ctx) })
}

// KeysRevoke revokes a key.
type KeysRevoke struct {
	Key  string `arg:"" complete:"key" help:"Name or id of the key."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run revokes the key; a key that is not known, or revoked already, is an error.
func (c *KeysRevoke) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.Revoked, func(n *node.Node) (keys.Key, error) { return n.RevokeKey(ctx, c.Key) })
}

// KeysUsage shows what was used.
type KeysUsage struct {
	Key  string `arg:"" optional:"" complete:"key" help:"Name or id of one key."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints a line for each key and day.
func (c *KeysUsage) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, c.JSON, text.KeyUsage, func(n *node.Node) ([]operate.KeyUse, error) { return n.KeyUsage(ctx, c.Key) })
}

// KeysTerms prints the terms.
type KeysTerms struct{}

// Run prints the terms that are in force.
func (c *KeysTerms) Run(app *App) error {
	_, err := fmt.Fprint(app.Stdout, keys.Terms)
	return err
}
