package main

import (
	"context"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
)

// Doctor checks the configuration and every engine, from here.
type Doctor struct {
	JSON     bool `name:"json" help:"Print JSON."`
	Upgraded bool `help:"Record that you have done everything that upgrades asked for (CHANGELOG.md), so that it is not listed again."`
}

// Help says what the exit codes mean.
func (c *Doctor) Help() string {
	return "Runs every check, even if one fails, and removes what it wrote to test. Also lists what upgrades still ask you to do here.\n" +
		"Exit codes: 0 all is well (advice apart), 1 something is wrong. If the configuration is wrong, the engines are not checked."
}

// Run prints a line for each check; one that is wrong makes it exit with 1.
func (c *Doctor) Run(ctx context.Context, app *App) error {
	found := node.Examine(ctx, app.Options, app.loaded, app.invalid, c.Upgraded)
	if err := show(app, c.JSON, found, text.Checkup); err != nil {
		return err
	}
	return wrong(found)
}

// wrong makes the program exit with 1 where something is wrong.
func wrong(found operate.Checkup) error {
	if found.Wrongs() {
		return exitError{code: exitFailed}
	}
	return nil
}
