package source_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

// TestGates: a registry whose terms nobody has read is not asked anything, nor is one whose
// definition nobody has held against the real site, until the operator records who did.
func TestGates(t *testing.T) {
	word := &scraper.Word{Who: "A. Operator", When: schemas.Date{Year: 2026, Month: 11, Day: 27}}
	for _, test := range []struct {
		name, id       string
		terms, checked *scraper.Word
		hint           string // what the refusal names; "" for a crawl that runs
	}{
		{"nobody read the terms", "us-or", nil, nil, "sources.us-or.terms_read"},
		{"somebody did", "us-or", word, nil, ""},
		{"without a day", "us-or", &scraper.Word{Who: "A. Operator"}, nil, "sources.us-or.terms_read"},
		{"an unverified definition", "us-dc", word, nil, "sources.us-dc.checked"},
		{"held against the site", "us-dc", word, word, ""},
		{"held against the site, terms unread", "us-dc", nil, word, "sources.us-dc.terms_read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			site, err := samplesite.New(samplesite.Options{People: 600})
			if err != nil {
				t.Fatal(err)
			}
			src, err := source.Get(test.id)
			if err != nil {
				t.Fatal(err)
			}
			asked := &counting{inside: inside{site}}
			c := scraper.Crawl{Source: src, Sink: scrapertest.NewSink(), TermsRead: test.terms, Checked: test.checked,
				Fetcher: fetch.Config{Version: "test", Contact: "test", Tries: 1, Transport: asked}}
			sum, err := c.Run(t.Context())
			if test.hint == "" {
				if err != nil || asked.n == 0 {
					t.Errorf("%+v, %v after %d requests", sum, err, asked.n)
				}
				return
			}
			if !errors.Is(err, scraper.ErrPermission) || !strings.Contains(err.Error(), test.hint) || asked.n > 0 {
				t.Errorf("%v after %d requests", err, asked.n)
			}
		})
	}
}

// TestEveryDefinitionSaysWhatItWasHeldAgainst: what nobody has held against anything is not called enabled.
func TestEveryDefinitionSaysWhatItWasHeldAgainst(t *testing.T) {
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range all {
		info := src.Info()
		if info.Mode == scraper.LinkOnly || info.Mode == scraper.Import {
			continue
		}
		if v := info.Verified; v.By == "" || info.Mode == scraper.Enabled && v.By == scraper.Nothing {
			t.Errorf("%s is %s and verified by %q", info.ID, info.Mode, v.By)
		}
		if !info.TermsUnread {
			t.Errorf("%s: its terms were read, by whom?", info.ID)
		}
	}
}

type counting struct {
	inside
	n int
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n++
	return c.inside.RoundTrip(r)
}
