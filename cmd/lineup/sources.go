package main

import (
	"fmt"
	"os"
	"path/filepath"

	"lineup/scraper/definition"
	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

// Sources shows and makes source definitions.
type Sources struct {
	List SourcesList `cmd:"" help:"List every source: id, jurisdiction, mode and what it reads."`
	Show SourcesShow `cmd:"" help:"Print a source's definition."`
	Lint SourcesLint `cmd:"" help:"Explain the faults of definitions, as file:line:column with a hint."`
	Try  SourcesTry  `cmd:"" help:"Read a saved page; print the record and what no rule read side by side."`
	New  SourcesNew  `cmd:"" help:"Make the folder of a new source, to be filled in."`
}

// SourcesList lists.
type SourcesList struct {
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run lists.
func (c *SourcesList) Run(app *App) error {
	all, err := source.All()
	if err != nil {
		return err
	}
	if !c.JSON {
		return source.WriteList(app.Stdout, all)
	}
	infos := make([]any, len(all))
	for i, s := range all {
		infos[i] = s.Info()
	}
	return app.printJSON(infos)
}

// SourcesShow shows.
type SourcesShow struct {
	ID   string `arg:"" help:"Id of the source."`
	JSON bool   `name:"json" help:"Print what is known of it as JSON, rather than its definition."`
}

// Run shows.
func (c *SourcesShow) Run(app *App) error {
	s, err := source.Get(c.ID)
	if err != nil {
		return err
	}
	text, err := source.YAML(c.ID)
	if c.JSON || err != nil { // a source that is only linked to has no file of its own
		return app.printJSON(s.Info())
	}
	_, err = app.Stdout.Write(text)
	return err
}

// SourcesLint lints.
type SourcesLint struct {
	Files []string `arg:"" optional:"" type:"existingfile" help:"Definitions (default: those of the program)."`
}

// Run lints.
func (c *SourcesLint) Run(app *App) error {
	if len(c.Files) == 0 {
		all, err := source.All()
		if err == nil {
			fmt.Fprintf(app.Stdout, "%d definitions, no fault\n", len(all))
		}
		return err
	}
	faults := 0
	for _, file := range c.Files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("lint: %w", err)
		}
		_, problems := definition.Lint(file, data)
		for _, p := range problems {
			fmt.Fprintln(app.Stdout, p)
		}
		faults += len(problems)
	}
	if faults > 0 {
		return exitError{exitFailed, fmt.Errorf("faults found: %d", faults)}
	}
	fmt.Fprintln(app.Stdout, "no fault")
	return nil
}

// SourcesTry tries.
type SourcesTry struct {
	ID   string `arg:"" help:"Id of the source, or a definition file."`
	Page string `required:"" type:"existingfile" placeholder:"FILE" help:"The saved page; nothing is asked of any site."`
	Step string `placeholder:"NAME" help:"The step that reads it (default: what the file's name begins with)."`
}

// Run tries.
func (c *SourcesTry) Run(app *App) error {
	s, err := sourceOrFile(c.ID)
	if err != nil {
		return err
	}
	return source.Try(app.Stdout, s, c.Step, c.Page)
}

// sourceOrFile finds a source by id, by a definition file, or in the folder where new ones are made.
func sourceOrFile(id string) (*read.Source, error) {
	for _, file := range []string{id, filepath.Join(sourceFolder, id, "source.yml")} {
		if data, err := os.ReadFile(file); err == nil {
			return read.Load(file, data)
		}
	}
	return source.Get(id)
}

// sourceFolder is where definitions lie in a checkout.
var sourceFolder = filepath.Join("scraper", "source")

// SourcesNew makes.
type SourcesNew struct {
	ID  string `arg:"" help:"Id of the new source: us-xx."`
	Dir string `default:"${sourceFolder}" type:"existingdir" help:"Folder to make it in."`
}

// Run makes.
func (c *SourcesNew) Run(app *App) error {
	folder, err := source.Scaffold(c.Dir, c.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(app.Stdout, "%s: edit source.yml, put pages into testdata, then: lineup sources try %s --page %s\n(docs/add-a-registry.md is the guide)\n",
		folder, filepath.Join(folder, "source.yml"), filepath.Join(folder, "testdata", "detail.html"))
	return nil
}
