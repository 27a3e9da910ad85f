package main

import (
	"encoding/json"
	"io"

	"lineup/config"
)

// ShowConfig prints the configuration.
type ShowConfig struct {
	Example  bool `xor:"what" help:"Print a file with every key, its default and what it means, to start from."`
	Schema   bool `xor:"what" help:"Print a JSON Schema of the file, for editors."`
	Markdown bool `xor:"what" hidden:"" help:"Print docs/configuration.md."`
	JSON     bool `name:"json" xor:"what" help:"Print key, value and origin of each as JSON."`
}

// Help says what is shown.
func (*ShowConfig) Help() string {
	return "Prints every key in force as a file that can be read again, without secrets, and behind each where its value comes from: the\n" +
		"default, a line of the file, the environment, a flag. docs/configuration.md explains the keys.\n\n" +
		"Exit codes: 0 printed, 2 the configuration is wrong."
}

// Run prints what the flags ask for.
func (c *ShowConfig) Run(app *App) error {
	switch {
	case c.Example:
		return app.print(config.Example())
	case c.Markdown:
		return app.print(config.Markdown())
	case c.Schema:
		schema, err := config.Schema()
		if err != nil {
			return err
		}
		return app.printJSON(json.RawMessage(schema))
	case app.invalid != nil:
		return exitError{exitMisuse, app.invalid}
	case c.JSON:
		return app.printJSON(app.loaded.Values())
	}
	return app.print(app.loaded.YAML())
}

func (a *App) print(text string) error {
	_, err := io.WriteString(a.Stdout, text)
	return err
}
