package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"lineup/config"
	"lineup/internal/commands"
	"lineup/internal/node"
	"lineup/scraper/samplesite"
)

// Demo crawls and searches a made-up registry.
type Demo struct {
	Listen commands.Address `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
	Sample commands.Address `default:"127.0.0.1:8099" placeholder:"ADDR" help:"Address of the made-up registry's site."`
	Exit   bool             `help:"Stop when everything is crawled and indexed."`
}

// demoSource is the definition that reads the made-up registry.
const demoSource = "us-ny"

// Run crawls the made-up registry, says where its page is, and serves until it is told to stop.
func (c *Demo) Run(ctx context.Context, app *App) (err error) {
	app.listen(c.Listen)
	app.Config.Query.Demo, app.DemoRecords, app.Make, app.Reload = true, true, true, nil
	if app.Config.Log.Level == "info" {
		app.Config.Log.Level = "warn" // the bars say it
		app.Log = node.NewLog(app.Config.Log, app.Stderr)
	}
	site, err := samplesite.New(samplesite.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	server, err := samplesite.Start(ctx, site, string(c.Sample), "") // at another address every record would be a changed one
	if err != nil {
		return fmt.Errorf("the made-up registry: %w (with --sample)", err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if app.Config.Sources == nil {
		app.Config.Sources = make(map[string]config.Source)
	}
	app.Config.Sources[demoSource] = config.Source{BaseURL: server.URL}
	fmt.Fprintf(app.Stderr, "A made-up registry of %d people is at %s: nobody in it is real.\n", site.Size(), server.URL)
	done := errors.New("done")
	err = node.Serve(ctx, app.Options, node.Roles{Index: true, Query: true}, func(ctx context.Context, n *node.Node, address string) error {
		if err := n.CrawlAndDrain(ctx, demoSource); err != nil {
			return err
		}
		if err := app.welcome(ctx, n, address); err != nil {
			return err
		}
		if c.Exit {
			return done
		}
		return n.Sing(ctx, address)
	})
	if errors.Is(err, done) || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// welcome says where the page is and with which key it opens.
func (a *App) welcome(ctx context.Context, n *node.Node, address string) error {
	key, err := n.DemoKey(ctx)
	if err != nil {
		return err
	}
	counts := ""
	if report, err := n.Status(ctx); err == nil && len(report.Sources) > 0 {
		s := report.Sources[0]
		counts = fmt.Sprintf("%d registrants listed, %d with a photo, %d with a face.\n", s.Listed, s.WithPhoto, s.WithFace)
	}
	_, err = fmt.Fprintf(a.Stdout, "\n%sOpen  http://%s/\nKey   %s   (any photo; DEMO works for the demo photo and for records)\n\n"+
		"Stop with Ctrl-C.\n", counts, address, key)
	return err
}
