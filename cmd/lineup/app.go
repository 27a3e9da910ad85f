package main

import (
	"context"
	"errors"
	"io"
	"os"

	"lineup/config"
	"lineup/internal/node"
	"lineup/internal/operate/text"
)

// App is what every command works with.
type App struct {
	node.Options
	Stdout io.Writer

	loaded  config.Loaded
	invalid error // why the configuration cannot be used
}

// withNode opens a node for do.
func (a *App) withNode(ctx context.Context, do func(n *node.Node) error) (err error) {
	n, err := node.Open(ctx, a.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	return do(n)
}

// needsNoConfig is implemented by the commands that also run where the configuration cannot be used.
type needsNoConfig interface{ needsNoConfig() }

func (*Doctor) needsNoConfig()     {}
func (*ShowConfig) needsNoConfig() {}
func (*Completion) needsNoConfig() {}
func (*Manual) needsNoConfig()     {}
func (*Version) needsNoConfig()    {}
func (*KeysTerms) needsNoConfig()  {}

// What makes and mends definitions runs while one in sources_dir is wrong.
func (*SourcesLint) needsNoConfig() {}
func (*SourcesTry) needsNoConfig()  {}
func (*SourcesTest) needsNoConfig() {}
func (*SourcesNew) needsNoConfig()  {}

// newApp reads the configuration; what is wrong with it is in the App.
func newApp(cli *CLI, stdout, stderr io.Writer) *App {
	sets := cli.Set
	if cli.Data != "" {
		sets = append(sets, "data="+cli.Data)
	}
	if cli.Verbose {
		sets = append(sets, "log.level=debug")
	}
	options, loaded, invalid := node.Configured(config.Input{File: cli.ConfigFile, Environ: os.Environ(), Sets: sets}, stderr)
	options.Version = version
	return &App{Options: options, Stdout: stdout, loaded: loaded, invalid: invalid}
}

// show prints an answer as text or as JSON.
func show[T any](a *App, asJSON bool, answer T, text func(io.Writer, T) error) error {
	if asJSON {
		return a.printJSON(answer)
	}
	return text(a.Stdout, answer)
}

// tell asks an opened node, and prints its answer as text or as JSON.
func tell[T any](ctx context.Context, a *App, asJSON bool, text func(io.Writer, T) error, ask func(n *node.Node) (T, error)) error {
	return a.withNode(ctx, func(n *node.Node) error {
		answer, err := ask(n)
		if err != nil {
			return err
		}
		return show(a, asJSON, answer, text)
	})
}

// printJSON writes v for a program to read.
func (a *App) printJSON(v any) error { return text.JSON(a.Stdout, v) }
