package e2e_test

import (
	"encoding/json"
	"html"
	"strings"
	"testing"

	"lineup/queryd"
	"lineup/queryd/retention"
)

// TestRetentionPage holds that the page says in both languages all that the API lists, and English in the API's words.
func TestRetentionPage(t *testing.T) {
	h := newNode(t, func(c *queryd.Config, _ *queryd.Deps) {
		c.Retention = retention.Terms{PageDays: 90, Sources: []retention.Source{{ID: "us-yy", Name: "Thirty Days", RecordDays: 30}}}
	})
	_, answer := h.do("GET", "/v1/retention", "")
	var kept struct {
		Kept []struct{ ID, What, For string }
	}
	must(t, json.Unmarshal([]byte(answer), &kept))
	if len(kept.Kept) < 10 {
		t.Fatalf("the API lists %d kinds: %s", len(kept.Kept), answer)
	}
	_, english := h.do("GET", "/retention", "")
	_, spanish := h.do("GET", "/retention?lang=es", "")
	said := html.UnescapeString(english)
	for _, k := range kept.Kept {
		if !strings.Contains(said, ">"+k.What+"<") || !strings.Contains(said, ">"+k.For+"<") {
			t.Errorf("the page does not say of %s: %q, %q", k.ID, k.What, k.For)
		}
		if !strings.Contains(spanish, `id="`+k.ID+`"`) || strings.Contains(html.UnescapeString(spanish), k.What) {
			t.Errorf("the Spanish page has %s not, or in English", k.ID)
		}
	}
	for _, page := range []string{english, spanish} {
		if !strings.Contains(page, "Thirty Days") || !strings.Contains(page, "90 d") || strings.Count(page, "operator@lineup.test") < 2 {
			t.Errorf("the page lacks a registry's terms, the days of pages or whom to ask:\n%s", page)
		}
	}
	_, terms := h.do("GET", "/terms", "")
	if strings.Count(terms, "operator@lineup.test") < 2 || !strings.Contains(terms, `href="/retention"`) {
		t.Error("the terms do not say whom to ask, or where it stands what is kept")
	}
}
