package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"lineup/config"
	"lineup/queryd/keys"
	"lineup/scraper/samplesite"
)

// Demo crawls and searches a made-up registry.
type Demo struct {
	Listen string `placeholder:"ADDR" help:"Address of the API and the page (default: 127.0.0.1:8080)."`
	Sample string `default:"127.0.0.1:8099" placeholder:"ADDR" help:"Address of the made-up registry's site."`
	Exit   bool   `help:"Stop when everything is crawled and indexed."`
}

// demoSource is the definition that reads the made-up registry.
const demoSource = "us-ny"

// Run does it.
func (c *Demo) Run(ctx context.Context, app *App) (err error) {
	app.listen(c.Listen)
	app.Config.Query.Demo = true
	if app.Config.Log.Level == "info" {
		app.Config.Log.Level = "warn" // the bars say it
		app.Log = newLog(app.Config.Log, app.Stderr)
	}
	site, err := samplesite.New(samplesite.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	server, err := samplesite.Start(ctx, site, c.Sample, "")
	if err != nil {
		// The pages name the site's address, so another port makes every record a changed one.
		if server, err = samplesite.Start(ctx, site, "127.0.0.1:0", ""); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if app.Config.Sources == nil {
		app.Config.Sources = make(map[string]config.Source)
	}
	app.Config.Sources[demoSource] = config.Source{BaseURL: server.URL}
	fmt.Fprintf(app.Stderr, "A made-up registry of %d people is at %s: nobody in it is real.\n", site.Size(), server.URL)
	done := errors.New("done")
	err = app.serve(ctx, roles{index: true, query: true}, func(ctx context.Context, h *Node, address string) error {
		if err := app.fill(ctx, h); err != nil {
			return err
		}
		if err := app.welcome(ctx, h, address); err != nil {
			return err
		}
		if c.Exit {
			return done
		}
		return nil
	})
	if errors.Is(err, done) || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// fill crawls the sample and waits until it is indexed.
func (a *App) fill(ctx context.Context, h *Node) error {
	summary, err := a.crawl(ctx, h, demoSource, true, "the sample may change as it likes")
	if err != nil {
		return err
	}
	shown := a.progress("indexing", int64(summary.Registrants))
	defer shown.end()
	return h.drained(ctx, shown)
}

// welcome says where the page is and with which key it opens.
func (a *App) welcome(ctx context.Context, h *Node, address string) error {
	key, err := a.demoKey(ctx, h)
	if err != nil {
		return err
	}
	counts := ""
	if report, err := h.status(ctx); err == nil && len(report.Sources) > 0 {
		s := report.Sources[0]
		counts = fmt.Sprintf("%d registrants listed, %d with a photo, %d with a face.\n", s.Listed, s.WithPhoto, s.WithFace)
	}
	_, err = fmt.Fprintf(a.Stdout, "\n%sOpen  http://%s/\nKey   %s   (any photo; DEMO works for the demo photo)\n\nStop with Ctrl-C.\n", counts, address, key)
	return err
}

// demoKey is the key of this data directory's demo, made at the first time.
func (a *App) demoKey(ctx context.Context, h *Node) (string, error) {
	path := a.Config.Dir("demo.key")
	if kept, err := os.ReadFile(path); err == nil {
		key := strings.TrimSpace(string(kept))
		if _, err := h.Keys.Check(ctx, key); err == nil {
			return key, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the demo's key: %w", err)
	}
	if _, err := h.Keys.Revoke(ctx, "demo"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.Log.Debug("no older demo key revoked", "error", err)
	}
	secret, _, err := h.Keys.Add(ctx, "demo", keys.Limits{})
	if err != nil {
		return "", err
	}
	return secret, writeSecret(path, secret)
}
