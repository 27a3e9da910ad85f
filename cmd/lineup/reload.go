package main

import (
	"fmt"

	"lineup/internal/node"
)

// Reload asks a running lineup to read its configuration anew.
type Reload struct {
	Restart bool `help:"Replace the running process. The new one loads its models while the old one answers; no request is refused."`
}

// Help says what is taken over.
func (*Reload) Help() string {
	return "Takes over sources, their schedules and permissions, and the limits query.per_minute and query.per_day without closing\n" +
		"a connection. A crawl whose source has changed continues where it was. Certificate files are read again; those that cannot be\n" +
		"used are refused. The limits of a single key apply at once, without a reload. The log names changed settings that need a\n" +
		"restart; docs/configuration.md says which do. A wrong configuration is refused and the old one stays in force. Send\n" +
		"SIGHUP (systemctl reload) to roles that run as services of their own."
}

// Run sends the process that runs over the data directory SIGHUP.
func (c *Reload) Run(app *App) error {
	if err := node.AskReload(app.Config, c.Restart); err != nil {
		return err
	}
	_, err := fmt.Fprintln(app.Stdout, "asked; the log says what was taken over")
	return err
}
