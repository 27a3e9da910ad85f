package main

import (
	"fmt"

	"lineup/internal/node/host"

	root "lineup"
)

// version, commit and date are the program's, set when it is built by make build.
var version, commit, date = "dev", "", ""

// Version prints the version.
type Version struct {
	JSON     bool `name:"json" xor:"what" help:"Print JSON."`
	Licenses bool `xor:"what" help:"Print the licence of this program and those of everything it is made of."`
}

// Run prints version, commit and date of the program, and the versions of what it is built with.
func (c *Version) Run(app *App) error {
	if c.Licenses {
		return app.print(root.Licenses())
	}
	build := host.ReadBuild(version, commit, date)
	if c.JSON {
		return app.printJSON(build)
	}
	_, err := fmt.Fprintln(app.Stdout, build)
	return err
}
