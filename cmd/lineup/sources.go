package main

import (
	"fmt"
	"path/filepath"

	"lineup/scraper/source"
)

// Sources shows and makes source definitions.
type Sources struct {
	List SourcesList `cmd:"" help:"List every source: id, jurisdiction, mode and what it reads."`
	Show SourcesShow `cmd:"" help:"Print a source's definition."`
	Lint SourcesLint `cmd:"" help:"Explain the faults of definitions, as file:line:column with a hint."`
	Try  SourcesTry  `cmd:"" help:"Read a saved page; print the record and what no rule read side by side."`
	Test SourcesTest `cmd:"" help:"Hold a definition to its saved pages, and break each of its selectors in turn."`
	New  SourcesNew  `cmd:"" help:"Make the folder of a new source, to be filled in."`
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
	ID   string `arg:"" help:"Id of the source."`
	JSON bool   `name:"json" help:"Print what is known of it as JSON, rather than its definition."`
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
	Sources []string `arg:"" optional:"" help:"Definition files, or ids of sources (default: all there are)."`
}

// Run lints.
func (c *SourcesLint) Run(app *App) error {
	if len(c.Sources) == 0 {
		all, err := app.Definitions().All()
		if err == nil {
			fmt.Fprintf(app.Stdout, "%d definitions, no fault\n", len(all))
		}
		return err
	}
	faults, err := source.Lint(app.Stdout, app.loaded.SourcesDir, c.Sources)
	if err != nil {
		return err
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
	s, err := source.Find(app.loaded.SourcesDir, c.ID)
	if err != nil {
		return err
	}
	return source.Try(app.Stdout, s, c.Step, c.Page)
}

// SourcesTest tests.
type SourcesTest struct {
	ID     string `arg:"" help:"Id of a source in sources_dir or in a checkout, or its definition file."`
	Update bool   `help:"Write what each page gives into its golden file first; then read those."`
}

// Run tests.
func (c *SourcesTest) Run(app *App) error {
	file := source.File(app.loaded.SourcesDir, c.ID)
	if file == "" {
		return fmt.Errorf("test %s: no %s in sources_dir or in a checkout; pages of the program's own definitions are not kept in it",
			c.ID, filepath.Join(c.ID, "source.yml"))
	}
	faults, err := source.Test(app.Stdout, filepath.Dir(file), c.Update)
	if err != nil {
		return err
	}
	if faults > 0 {
		return exitError{exitFailed, fmt.Errorf("faults found: %d", faults)}
	}
	fmt.Fprintln(app.Stdout, "no fault")
	return nil
}

// SourcesNew makes.
type SourcesNew struct {
	ID  string `arg:"" help:"Id of the new source: us-xx."`
	Dir string `type:"existingdir" placeholder:"DIR" help:"Folder to make it in (default: sources_dir, else scraper/source of a checkout)."`
}

// Run makes.
func (c *SourcesNew) Run(app *App) error {
	folder, name, err := source.New(c.Dir, app.loaded.SourcesDir, c.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(app.Stdout, "%s: edit source.yml, put pages into testdata, then: lineup sources try %s --page %s\n(docs/add-a-registry.md is the guide)\n",
		folder, name, filepath.Join(folder, "testdata", "detail.html"))
	return nil
}
