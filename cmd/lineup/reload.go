package main

import (
	"fmt"

	"lineup/internal/node"
)

// Reload asks a running lineup to read its configuration anew.
type Reload struct{}

// Help says what is taken over.
func (*Reload) Help() string {
	return "Takes over sources, their schedules and permissions without closing a connection: a crawl whose source was changed goes on " +
		"where it\n" +
		"was. Limits of keys hold at once without it. The log names changed settings that need a restart; docs/configuration.md says\n" +
		"which do. A wrong configuration is refused here and there, and the one before stays in force. Roles of their own are sent\n" +
		"SIGHUP instead (systemctl reload)."
}

// Run sends the process that runs over the data directory SIGHUP.
func (*Reload) Run(app *App) error {
	if err := node.AskReload(app.Config); err != nil {
		return err
	}
	_, err := fmt.Fprintln(app.Stdout, "asked; the log says what was taken over")
	return err
}
