package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"lineup/config"
	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/scraper/source"
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
	var catalog *source.Catalog // parsed once a process: a reload keeps it
	input := config.Input{File: cli.ConfigFile, Environ: os.Environ(), Sets: sets, Schedule: operate.CheckSchedule,
		Sources: func(dir string) (map[string]config.Registry, error) {
			if catalog == nil {
				catalog = source.In(dir)
			}
			return node.Registries(catalog)
		}}
	loaded, invalid := config.Load(input)
	if catalog == nil {
		catalog = source.In(loaded.SourcesDir)
	}
	if invalid != nil {
		dir := loaded.SourcesDir // where definitions are mended
		loaded.Config = config.Default()
		loaded.SourcesDir = dir
	}
	c := loaded.Config
	reload := func() (config.Config, error) {
		again, err := config.Load(input)
		return again.Config, err
	}
	return &App{Options: node.Options{Config: c, Catalog: catalog, Version: version, Log: node.NewLog(c.Log, stderr),
		Metrics: node.NewMetrics(), Stderr: stderr, Reload: reload},
		Stdout: stdout, loaded: loaded, invalid: invalid}
}

// printJSON writes v for a program to read. A list that is empty is [], never null.
func (a *App) printJSON(v any) error {
	if of := reflect.ValueOf(v); of.Kind() == reflect.Slice && of.IsNil() {
		v = []any{}
	}
	e := json.NewEncoder(a.Stdout)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
