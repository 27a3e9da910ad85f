package main

import (
	"fmt"

	"lineup/scraper/source"
)

// Sources shows and makes source definitions.
type Sources struct {
	List SourcesList `cmd:"" help:"List every source: id, jurisdiction, mode and what it reads."`
	Show SourcesShow `cmd:"" help:"Print a source's definition."`
	Lint SourcesLint `cmd:"" help:"Check definitions. Faults are shown as file:line:column with a hint."`
	Try  SourcesTry  `cmd:"" help:"Read a saved page. Print the record, and beside it what no rule reads."`
	Test SourcesTest `cmd:"" help:"Test a definition against its saved pages, breaking each of its selectors in turn."`
	New  SourcesNew  `cmd:"" help:"Create the folder of a new source, to be filled in."`
}

// SourcesList lists.
type SourcesList struct {
	JSON bool `name:"json" help:"Print as JSON."`
}

// Run lists.
func (c *SourcesList) Run(app *App) error {
	all, err := app.Definitions().All()
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
	ID   string `arg:"" complete:"source" help:"Id of the source."`
	JSON bool   `name:"json" help:"Print details of the source as JSON instead of its definition."`
}

// Run shows.
func (c *SourcesShow) Run(app *App) error {
	s, err := app.Definitions().Get(c.ID)
	if err != nil {
		return err
	}
	text, err := app.Definitions().YAML(c.ID)
	if c.JSON || err != nil { // a source that is only linked to has no file of its own
		return app.printJSON(s.Info())
	}
	if info := s.Info(); info.File != "" {
		fmt.Fprintf(app.Stdout, "# %s\n", source.Origin(info.File, info.Shadows))
	}
	_, err = app.Stdout.Write(text)
	return err
}

// SourcesLint lints.
type SourcesLint struct {
	Sources []string `arg:"" optional:"" complete:"source,file" help:"Definition files, or ids of sources (default: all)."`
	JSON    bool     `name:"json" help:"Print as JSON."`
}

// Run lints.
func (c *SourcesLint) Run(app *App) error {
	report, err := source.Lint(app.Definitions(), app.loaded.SourcesDir, c.Sources)
	return app.faults(c.JSON, report, err)
}

// faults prints what was found. A fault makes the program exit with 1.
func (a *App) faults(asJSON bool, r source.Report, err error) error {
	if err == nil {
		err = show(a, asJSON, r, source.WriteReport)
	}
	if err == nil && len(r.Faults) > 0 {
		err = exitError{exitFailed, fmt.Errorf("faults found: %d", len(r.Faults))}
	}
	return err
}

// SourcesTry tries.
type SourcesTry struct {
	ID   string `arg:"" complete:"source,file" help:"Id of the source, or a definition file."`
	Page string `required:"" type:"existingfile" placeholder:"FILE" help:"The saved page. No site is contacted."`
	Step string `placeholder:"NAME" help:"The step that reads the page (default: the one that the file's name begins with)."`
	JSON bool   `name:"json" help:"Print as JSON."`
}

// Run tries.
func (c *SourcesTry) Run(app *App) error {
	s, err := source.Find(app.loaded.SourcesDir, c.ID)
	if err != nil {
		return err
	}
	tried, err := source.Try(s, c.Step, c.Page)
	if err != nil {
		return err
	}
	return show(app, c.JSON, tried, source.WriteTried)
}

// SourcesTest tests.
type SourcesTest struct {
	ID     string `arg:"" complete:"source,file" help:"Id of a source in sources_dir or in a checkout, or its definition file."`
	Update bool   `help:"Write what each page gives to its golden file first. Read the changes before you keep them."`
	JSON   bool   `name:"json" help:"Print as JSON."`
}

// Run tests.
func (c *SourcesTest) Run(app *App) error {
	report, err := source.Test(app.loaded.SourcesDir, c.ID, c.Update)
	return app.faults(c.JSON, report, err)
}

// SourcesNew makes.
type SourcesNew struct {
	ID   string `arg:"" help:"Id of the new source, for example us-xx."`
	Dir  string `type:"existingdir" placeholder:"DIR" help:"Folder to create it in (default: sources_dir, else scraper/source of a checkout)."`
	JSON bool   `name:"json" help:"Print as JSON."`
}

// Run makes.
func (c *SourcesNew) Run(app *App) error {
	made, err := source.New(c.Dir, app.loaded.SourcesDir, c.ID)
	if err != nil {
		return err
	}
	return show(app, c.JSON, made, source.WriteMade)
}
