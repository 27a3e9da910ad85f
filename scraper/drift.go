package scraper

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"lineup/schemas"
)

// defaultMaxDrift is how far a share may move between two complete runs.
const defaultMaxDrift = 0.10

// driftSample is how many of those who lack something an alarm names, by the source's own key.
const driftSample = 3

// manyWithout is a number of records of which some must have a photo, where the source publishes photos.
const manyWithout = 10

// drift compares the shares of records with a photo, a birth date and an offence with those of the last complete run.
// If a share fell, a page has probably changed unnoticed, so the run is not believed. If it rose, that is only
// reported.
func (c *Crawl) drift(ctx context.Context, sum *schemas.RunSummary) error {
	if sum.Registrants == 0 {
		return nil
	}
	last, err := c.lastComplete(ctx)
	if err != nil {
		return err
	}
	if last.Registrants == 0 {
		if c.info.Guards.HasPhotos && !c.info.Policy.NoPhotos && sum.Registrants >= manyWithout && sum.WithPhoto*20 < sum.Registrants {
			sum.Drift = append(sum.Drift, fmt.Sprintf("%d of %d records have a photo, and the source publishes photos", sum.WithPhoto,
				sum.Registrants))
		}
		return nil
	}
	most := c.info.Guards.MaxDrift
	if most == 0 {
		most = defaultMaxDrift
	}
	if c.captured*2 < sum.Registrants {
		// Most were only seen, not read: the old shares stand until they are.
		for _, share := range [][2]*int{{&last.WithPhoto, &sum.WithPhoto}, {&last.WithBirth, &sum.WithBirth},
			{&last.WithOffense, &sum.WithOffense},
			{&last.WithoutAddress, &sum.WithoutAddress}} {
			*share[1] = *share[0] * sum.Registrants / last.Registrants
		}
		return nil
	}
	for i, share := range []struct {
		of       string
		was, now int
	}{{"a photo", last.WithPhoto, sum.WithPhoto}, {"a birth date", last.WithBirth, sum.WithBirth},
		{"an offense", last.WithOffense, sum.WithOffense}} {
		was, now := float64(share.was)/float64(last.Registrants), float64(share.now)/float64(sum.Registrants)
		if math.Abs(now-was) <= most {
			continue
		}
		note := fmt.Sprintf("records with %s: %.0f %% now, %.0f %% in the last complete run", share.of, 100*now, 100*was)
		if now < was {
			note += fmt.Sprintf(" (without: %s)", strings.Join(c.without[i], ", "))
		}
		sum.Drift = append(sum.Drift, note)
		if now < was && c.AcceptDrop == "" {
			sum.State = schemas.RunRefused
			sum.Reason = note + ": the site's pages may have changed; nobody was delisted. Look at them with lineup sources try, then crawl with " +
				"--accept-drop REASON"
		}
	}
	return nil
}

// foremost adds key to the driftSample keys that come first of all given so far, short ones before long ones as numbers go:
// registrants are accepted side by side, and who is named must not depend on who was first.
func foremost(few []string, key string) []string {
	at, _ := slices.BinarySearchFunc(few, key, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	few = slices.Insert(few, at, key)
	return few[:min(len(few), driftSample)]
}
