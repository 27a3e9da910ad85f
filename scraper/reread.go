package scraper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"lineup/schemas"
)

// Reread reads the stored pages of a source again, with a newer definition and without asking
// the site. It delists nobody; photos stay as they are.
type Reread struct {
	Source Source
	Sink   Sink
	DryRun bool // the summary says so; give a DryRun as Sink
	Logger *slog.Logger
}

// Run processes every listed registrant. Errors: schemas.ErrLeased, errors of the sink. If a page cannot be read
// again, the registrant stays unchanged and is counted.
func (a *Reread) Run(ctx context.Context) (schemas.RunSummary, error) {
	if a.Logger == nil {
		a.Logger = slog.New(slog.DiscardHandler)
	}
	id := a.Source.Info().ID
	run, _, err := a.Sink.Begin(ctx, id, false)
	if err != nil {
		return schemas.RunSummary{}, fmt.Errorf("begin a run over %s: %w", id, err)
	}
	sum := schemas.RunSummary{Schema: 1, Run: run, Source: id, Started: time.Now().UTC(), State: schemas.RunSame, DryRun: a.DryRun,
		Reason: "stored pages read again, the site was not asked", Dropped: map[string]int{}, Errors: map[string]int{},
		Leftovers: map[string]int{}}
	for listing, serr := range a.Sink.Listings(ctx, id) {
		if err = serr; err != nil {
			break
		}
		if listing.Listed && len(listing.Pages) > 0 {
			if err = a.one(ctx, run, listing, &sum); err != nil {
				break
			}
		}
	}
	if err != nil {
		sum.State, sum.Reason = schemas.RunFailed, err.Error()
	}
	sum.Ended = time.Now().UTC()
	return sum, errors.Join(err, a.Sink.Abandon(context.WithoutCancel(ctx), id, run, sum))
}

func (a *Reread) one(ctx context.Context, run string, listing schemas.Listing, sum *schemas.RunSummary) error {
	capture := schemas.Capture{Read: listing.Sighted}
	var drafts []Draft
	for _, at := range listing.Pages {
		data, err := a.Sink.Page(ctx, listing.ID, at)
		if errors.Is(err, fs.ErrNotExist) {
			sum.Errors["page_gone"]++
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a stored page: %w", err)
		}
		page, err := StoredPage(at.URL, data)
		if err != nil {
			return err
		}
		page.Read = at.Read
		parsed, err := a.Source.Parse(page)
		sum.Pages++
		if err != nil {
			sum.Errors["layout"]++
			a.Logger.Warn("stored page not understood", "source", sum.Source, "registrant", listing.ID, "error", err)
			return nil
		}
		kept := []schemas.CapturedPage{{URL: at.URL, Data: data, Read: at.Read}}
		for i, d := range ofKey(parsed.Drafts, listing.Key) {
			drafts = append(drafts, d)
			kept = append(kept[:min(i, len(kept))], evidence(page, d)) // less what a newer version no longer keeps
		}
		capture.Pages = append(capture.Pages, kept...)
		for name, n := range parsed.Dropped {
			sum.Dropped[name] += n
		}
		for _, l := range parsed.Leftover {
			sum.Leftovers[l.Where+" "+l.Name]++
		}
	}
	if len(drafts) == 0 {
		return nil // the newer definition leaves the registrant out: the next crawl delists
	}
	capture.Record = join(drafts).Record
	for _, p := range capture.Record.Photos {
		capture.Photos = append(capture.Photos, storedPhoto(p, listing))
	}
	outcome, err := a.Sink.Accept(ctx, run, capture)
	if err != nil {
		return fmt.Errorf("accept what was read again: %w", err)
	}
	sum.Registrants++
	switch outcome {
	case schemas.OutcomeChanged:
		sum.Changed++
	case schemas.OutcomeUnchanged:
		sum.Unchanged++
	case schemas.OutcomeRefused:
		sum.Refused++
	}
	return nil
}

// ofKey are the drafts of one registrant.
func ofKey(drafts []Draft, key string) []Draft {
	var out []Draft
	for _, d := range drafts {
		if d.Record.Key == key {
			out = append(out, d)
		}
	}
	return out
}

func storedPhoto(p schemas.Photo, listing schemas.Listing) schemas.CapturedPhoto {
	for _, was := range listing.Photos {
		if was.URL == p.URL {
			return was.Kept()
		}
	}
	return schemas.CapturedPhoto{Problem: PhotoUnread}
}
