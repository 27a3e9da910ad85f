package main

import (
	"context"

	"lineup/ingest/signing"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
)

// Signing is about the keys that sign evidence and removals.
type Signing struct {
	Rotate SigningRotate `cmd:"" help:"Make a new key. What the old one signed can still be verified."`
	Verify SigningVerify `cmd:"" help:"Verify evidence or a receipt offline, with the public keys alone."`
}

// SigningRotate makes a new key.
type SigningRotate struct {
	Purpose string `arg:"" enum:"evidence,removals" help:"What the key signs: evidence, or removals."`
	JSON    bool   `name:"json" help:"Print JSON, which is also the default."`
}

// Run prints the public keys there are then, as /.well-known/lineup-keys.json has them.
func (c *SigningRotate) Run(ctx context.Context, app *App) error {
	return tell(ctx, app, true, nil, func(n *node.Node) (signing.KeySet, error) { return n.RotateSigning(ctx, c.Purpose) })
}

// SigningVerify checks a signature.
type SigningVerify struct {
	File []byte `arg:"" type:"filecontent" help:"The receipt that lineup remove printed, or the answer of /v1/matches/{id}/evidence."`
	Keys []byte `required:"" type:"filecontent" placeholder:"FILE" help:"The installation's public keys, from /.well-known/lineup-keys.json."`
	JSON bool   `name:"json" help:"Print the result as JSON."`
}

// Run says what the document is; anything that is not genuine is an error.
func (c *SigningVerify) Run(app *App) error {
	found, err := operate.VerifyOffline(c.File, c.Keys)
	if err != nil {
		return err
	}
	return show(app, c.JSON, found, text.Signed)
}

func (*SigningVerify) needsNoConfig() {}
