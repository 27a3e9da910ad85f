package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"

	"lineup/internal/commands"
)

// Completion prints what makes a shell complete.
type Completion struct {
	Shell string `arg:"" optional:"" enum:"bash,zsh,fish," default:"" help:"bash, zsh or fish; default: that of $SHELL."`
}

// Help says where it goes.
func (c *Completion) Help() string {
	return "bash: add to ~/.bashrc: source <(lineup completion bash)\nzsh: add to ~/.zshrc: source <(lineup completion zsh)\n" +
		"fish: lineup completion fish > ~/.config/fish/completions/lineup.fish"
}

// Run prints the script.
func (c *Completion) Run(app *App, table *kong.Kong) error {
	shell := cmp.Or(c.Shell, filepath.Base(os.Getenv("SHELL")))
	if err := commands.WriteCompletion(app.Stdout, commands.Tree(table.Model, completed), shell); err != nil {
		return exitError{exitMisuse, err}
	}
	return nil
}

// Manual writes the manual pages.
type Manual struct {
	Dir string `arg:"" type:"path" help:"Directory to write them into, like /usr/local/share/man/man1."`
}

// Run writes a page for each command.
func (c *Manual) Run(app *App, table *kong.Kong) error {
	made, err := time.Parse(time.RFC3339, date)
	if err != nil {
		made = time.Now() // not made by make build
	}
	return commands.WriteManual(c.Dir, commands.Tree(table.Model, nil), "lineup "+version, made)
}

// completed are what a shell is told of the values that the tag complete names.
var completed = map[string]commands.Values{
	"source": func(ctx context.Context, given commands.Given) []string { return appGiven(given).SourceNames(ctx) },
	"key":    func(ctx context.Context, given commands.Given) []string { return appGiven(given).KeyNames(ctx) },
}

// appGiven is the App of a line that is being typed.
func appGiven(given commands.Given) *App {
	return newApp(&CLI{ConfigFile: cmp.Or(given("config"), os.Getenv("LINEUP_CONFIG")), Data: given("data")}, io.Discard, io.Discard)
}
