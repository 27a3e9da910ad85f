package main

import (
	"context"
	"time"

	"lineup/internal/notify"
	"lineup/internal/operate/text"
	"lineup/schemas"
)

// Notify is about who is told when something needs a human.
type Notify struct {
	Test NotifyTest `cmd:"" help:"Send a test notice to everybody who is configured."`
}

// NotifyTest tries it.
type NotifyTest struct {
	JSON bool `name:"json" help:"Print what was sent as JSON."`
}

// Help says what is told otherwise.
func (*NotifyTest) Help() string {
	return "If notify.webhook or notify.smtp is set, the process that crawls sends a notice about everything that needs a human (see\n" +
		"lineup status): once when it begins and once when it ends, over restarts too."
}

// Run sends one notice.
func (c *NotifyTest) Run(ctx context.Context, app *App) error {
	sender := app.Sender()
	if !sender.Configured() {
		return schemas.Misuse("nobody is to be told: set notify.webhook or notify.smtp (docs/configuration.md)")
	}
	n := notify.Notice{Event: notify.Test, Kind: "test", Say: "This is a test: nothing needs you.", At: time.Now(), From: app.Installation()}
	if err := sender.Send(ctx, n); err != nil {
		return err
	}
	return show(app, c.JSON, n, text.Told)
}
