package main

import (
	"context"
	"errors"
	"fmt"

	"lineup/internal/commands"
	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// SampleSite serves the made-up registry.
type SampleSite struct {
	Listen  commands.Address `default:"127.0.0.1:8099" placeholder:"ADDR" help:"Address of the site."`
	Control commands.Address `placeholder:"ADDR" help:"Address of the control interface, which takes changes and faults (POST /change, /fault, /heal). It has no password: use a loopback address."`
	People  int              `default:"${samplePeople}" help:"Number of people to invent, up to ${sampleMax}."`
	Seed    uint64           `help:"Random seed: the same seed gives the same people."`
	Shape   string           `placeholder:"ID" help:"Print where the site serves the format of one source, for example us-ga, and stop."`
	Export  string           `complete:"dir" placeholder:"DIR" help:"Write the registry to a folder as an agency would hand it over (records, with photos beside them), and stop."`
	Form    string           `default:"csv" enum:"csv,json" help:"Format of --export: csv (the national site's three tables) or json (its one array)."`
}

// Run serves the site until it is told to stop, or does what --shape or --export ask and ends.
func (c *SampleSite) Run(ctx context.Context, app *App) (err error) {
	if c.Shape != "" {
		path, ok := samplesite.Shapes[c.Shape]
		if !ok {
			return schemas.Misuse("no shape of %q (the site serves %v)", c.Shape, samplesite.ShapeIDs())
		}
		fmt.Fprintln(app.Stdout, path)
		return nil
	}
	site, err := samplesite.New(samplesite.Options{People: c.People, Seed: c.Seed, Logger: app.Log, Framed: true})
	if err != nil {
		return exitError{exitMisuse, err}
	}
	if c.Export != "" {
		if err := site.Export(c.Export, c.Form); err != nil {
			return err
		}
		fmt.Fprintf(app.Stdout, "%d people, none of them real, are in %s. To read them: lineup import %s --source import-nsopw\n", site.Size(),
			c.Export, c.Export)
		return nil
	}
	server, err := samplesite.Start(ctx, site, string(c.Listen), string(c.Control))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	fmt.Fprintf(app.Stderr, "A made-up registry of %d people is at %s, in the shapes of %v: nobody in it is real.\n", site.Size(), server.URL,
		samplesite.ShapeIDs())
	if server.Control != "" {
		fmt.Fprintf(app.Stderr, "Its control is at %s.\n", server.Control)
	}
	fmt.Fprintf(app.Stderr, "To crawl it, put sources: {us-ny: {base_url: %q}} into a configuration and run lineup --config FILE scrape "+
		"us-ny --once.\n", server.URL)
	<-ctx.Done()
	return nil
}
