package main

import (
	"encoding/json"
	"io"

	"lineup/config"
)

// ShowConfig prints the configuration.
type ShowConfig struct {
	Example  bool `xor:"what" help:"Print an example file: every key with its default and its meaning."`
	Schema   bool `xor:"what" help:"Print a JSON Schema of the file, for editors."`
	Markdown bool `xor:"what" hidden:"" help:"Print the documentation of all keys in Markdown."`
	JSON     bool `name:"json" xor:"what" help:"Print each key with its value and where the value comes from, as JSON."`
}

// Help says what is shown.
func (*ShowConfig) Help() string {
	return "Prints the configuration in force, without secrets, as a file that lineup can read. A comment on each line says where the\n" +
		"value comes from: the default, a line of the file, the environment or a flag. docs/configuration.md explains the keys.\n\n" +
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
