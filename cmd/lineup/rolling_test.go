//go:build release

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"lineup/scraper/samplesite"
)

// older is the environment variable that names the program of the release before.
const older = "LINEUP_TEST_OLDER"

// TestRollingUpgrade has what deploy/ describes run by the release before, lets this version take one role after the other over
// beside it, in the order of deploy/README.md, and goes back: both answer alike, and neither harms what the other wrote.
// make release-test builds the release before.
func TestRollingUpgrade(t *testing.T) {
	before := os.Getenv(older)
	if before == "" {
		t.Fatalf("%s names no program: make release-test builds the release before", older)
	}
	d, site := newDeploymentOverSite(t)
	d.startNATS()
	d.startS3()
	d.standInQdrant()
	as := func(program string, do func()) {
		d.before = program
		do()
		d.before = ""
	}
	prepare := func() {
		d.eventually("streams and buckets", func() error {
			if out, code := d.command("prepare", d.services["prepare"].Command[0]); code != 0 {
				return fmt.Errorf("exit code %d: %s", code, out)
			}
			return nil
		})
	}
	crawl := func() {
		d.eventually("a crawl by hand", func() error {
			if out, code := d.command("scrape", "scrape", demoSource, "--once"); code != 0 {
				return fmt.Errorf("exit code %d: %s", code, out)
			}
			return nil
		})
	}

	var oldQuery, oldIndex *process
	var key string
	as(before, func() {
		prepare()
		oldIndex, oldQuery = d.role("index", 1), d.role("query", 1)
		d.ready("index", oldIndex)
		crawl()
		d.ready("query", oldQuery)
		said, code := d.command("admin", "keys", "add", "a client")
		if code != 0 {
			t.Fatalf("keys add: exit code %d", code)
		}
		key = strings.TrimSpace(said)
	})
	d.settled(site.Size())

	prepare()
	newQuery := d.role("query", 2)
	d.ready("query", newQuery)
	queries := []*process{oldQuery, newQuery}
	d.sameAnswers(queries, key, "p005c.jpg", 5)

	newIndex := d.role("index", 2) // both take jobs
	d.ready("index", newIndex)
	must(t, site.Rephotograph("b", samplesite.FirstID+4), site.Delist(samplesite.FirstID+6))
	as(before, crawl)
	d.settled(site.Size() - 1)
	d.samePerson(queries, key, "p005b.jpg", 5)

	must(t, site.Delist(samplesite.FirstID+7))
	crawl()
	d.settled(site.Size() - 2)
	d.samePerson(queries, key, "p005b.jpg", 5)

	// Back by one: the older goes on with what both wrote.
	for _, p := range []*process{newQuery, newIndex} {
		if err := p.terminate(t); err != nil {
			t.Errorf("%s asked to end: %v", p.name, err)
		}
	}
	must(t, site.Rephotograph("c", samplesite.FirstID+4))
	as(before, func() {
		crawl()
		d.eventually("the older program finds the new photo", func() error {
			found, answer := d.search(oldQuery, key, "p005c.jpg")
			if len(found) == 0 || found[0].UUID != sampleID(samplesite.FirstID+4) || found[0].Similarity < 99.9 {
				return errors.New(answer)
			}
			return nil
		})
	})
	d.settled(site.Size() - 2)
	if out, code := d.command("admin", "audit", "--json"); code != 0 {
		t.Errorf("audit: exit code %d: %s", code, out)
	}
	for _, p := range []*process{oldQuery, oldIndex} {
		if err := p.terminate(t); err != nil {
			t.Errorf("%s asked to end: %v", p.name, err)
		}
	}
}

// samePerson has every query daemon find a person by a photo and be sure of it. A version may look at a photo at another size than the one
// before, so digits are not compared.
func (d *deployment) samePerson(queries []*process, key, photo string, person int) {
	d.t.Helper()
	for _, q := range queries {
		found, answer := d.search(q, key, photo)
		if len(found) == 0 || found[0].UUID != sampleID(samplesite.FirstID+person-1) || found[0].Similarity < 99.9 {
			d.t.Errorf("%s finds by %s\n%s", q.name, photo, answer)
		}
	}
}
