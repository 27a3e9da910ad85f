package main

import (
	"context"
	"errors"
	"fmt"

	"lineup/scraper/samplesite"
)

// SampleSite serves the made-up registry.
type SampleSite struct {
	Listen  string `default:"127.0.0.1:8099" placeholder:"ADDR" help:"Address of the site."`
	Control string `placeholder:"ADDR" help:"Address of the control, which takes changes and faults (POST /change, /fault, /heal). It has no password: loopback only."`
	People  int    `default:"${samplePeople}" help:"How many people to invent, up to ${sampleMax}."`
	Seed    uint64 `help:"Of the invention: the same seed gives the same people."`
	Shape   string `placeholder:"ID" help:"Print where the site serves the shape of one source, like us-ga, and stop."`
	Export  string `placeholder:"DIR" help:"Write the registry into a folder as an agency would hand it over (records, and photos beside them), and stop."`
	Form    string `default:"csv" enum:"csv,json" help:"Of --export: csv is the national site's three tables, json its one array."`
}

// Run serves the site until it is told to stop, or does what --shape or --export ask and ends.
func (c *SampleSite) Run(ctx context.Context, app *App) (err error) {
	if c.Shape != "" {
		path, ok := samplesite.Shapes[c.Shape]
		if !ok {
			return exitError{exitMisuse, fmt.Errorf("no shape of %q (the site serves %v)", c.Shape, samplesite.ShapeIDs())}
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
		fmt.Fprintf(app.Stdout, "%d people, none of them real, are in %s. To read them: lineup import %s --source import-nsopw\n", site.Size(), c.Export, c.Export)
		return nil
	}
	server, err := samplesite.Start(ctx, site, c.Listen, c.Control)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	fmt.Fprintf(app.Stderr, "A made-up registry of %d people is at %s, in the shapes of %v: nobody in it is real.\n", site.Size(), server.URL, samplesite.ShapeIDs())
	if server.Control != "" {
		fmt.Fprintf(app.Stderr, "Its control is at %s.\n", server.Control)
	}
	fmt.Fprintf(app.Stderr, "To crawl it, put sources: {us-ny: {base_url: %q}} into a configuration and run lineup --config FILE scrape us-ny --once.\n", server.URL)
	<-ctx.Done()
	return nil
}
