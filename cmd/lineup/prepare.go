package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lineup/internal/node"
	"lineup/internal/operate/text"
)

// Prepare makes what the roles may not make.
type Prepare struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says when.
func (*Prepare) Help() string {
	return "Run it before the roles start for the first time and before they are upgraded: they may use streams and buckets, but not\n" +
		"create or change them. What is already right is left alone. The object store's bucket is created too if its key allows it.\n" +
		"At the end it checks everything as lineup doctor does. The all-in-one does this by itself.\n\n" +
		"Exit codes: 0 all is well, 1 something is wrong."
}

// Run makes and changes streams and buckets, and says what doctor says afterwards. What is wrong then makes it exit with 1.
func (c *Prepare) Run(ctx context.Context, app *App) error {
	done, err := node.PrepareAll(ctx, app.Options, app.loaded)
	if err != nil {
		return err
	}
	err = show(app, c.JSON, done, func(w io.Writer, done node.Prepared) error {
		fmt.Fprintln(w, "streams and buckets are as this version needs them")
		if done.Bucket != "" {
			fmt.Fprintf(w, "made the object store's bucket %s\n", done.Bucket)
		}
		return text.Checkup(w, done.Found)
	})
	return errors.Join(err, wrong(done.Found))
}
