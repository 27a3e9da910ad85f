package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	changes "lineup/ingest/ledger"
	"lineup/queryd"
	"lineup/queryd/api"
	"lineup/schemas"
)

// told answers GET /v1/changes in place of the ledger: one page, then nothing; any other cursor has expired.
func told(_ *queryd.Config, d *queryd.Deps) {
	d.Changes = func(_ context.Context, cursor string, limit int, _ changes.AllListed) (changes.ChangesPage, error) {
		switch cursor {
		case "":
			page := changes.ChangesPage{Cursor: "a-1-b", More: true}
			for i, kind := range []changes.ChangeKind{changes.Listed, changes.Changed, changes.Delisted} {
				page.Changes = append(page.Changes, changes.Change{Seq: uint64(i + 1), At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Kind: kind,
					ID: schemas.RegistrantID("us-zz", string(kind)), Source: "us-zz"})
			}
			page.Changes = page.Changes[:min(limit, 3)]
			return page, nil
		case "a-1-b":
			return changes.ChangesPage{Cursor: cursor}, nil
		case "down":
			return changes.ChangesPage{}, context.DeadlineExceeded
		}
		return changes.ChangesPage{}, changes.ErrCursor
	}
}

func TestChanges(t *testing.T) {
	h := newNode(t, told)
	for _, c := range []struct {
		name, query string
		status      int
		hold        string
	}{
		{"everything", "", 200, `{"seq":3,"at":"2026-01-02T03:04:05.000Z","kind":"delisted","uuid":"` +
			string(schemas.RegistrantID("us-zz", "delisted")) +
			`","source":"us-zz"}],"cursor":"a-1-b","more":true}`},
		{"one at a time", "?limit=1", 200, `"kind":"listed"`},
		{"nothing more", "?cursor=a-1-b", 200, `{"changes":[],"cursor":"a-1-b","more":false}`},
		{"an old cursor", "?cursor=z-1-b", 410, `"reason":"cursor_expired"`},
		{"a long cursor", "?cursor=" + strings.Repeat("a", 200), 400, `"reason":"bad_cursor"`},
		{"no number", "?limit=many", 400, `"reason":"bad_limit"`},
		{"too many", "?limit=1001", 400, `"reason":"bad_limit"`},
		{"a misspelt name", "?curser=x", 400, `"reason":"unknown_param"`},
		{"no ledger", "?cursor=down", 503, `"code":503`},
	} {
		response, body := h.keyed("GET", "/v1/changes"+c.query, "")
		if response.StatusCode != c.status || !strings.Contains(body, c.hold) {
			t.Errorf("%s: %d %s, want %d with %s", c.name, response.StatusCode, body, c.status, c.hold)
		}
	}
	if response, _ := h.do("GET", "/v1/changes", ""); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d", response.StatusCode)
	}
	if response, _ := h.do("GET", "/v1/changes", "", "X-API-Key", "DEMO"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("with DEMO: %d", response.StatusCode)
	}
	if response, _ := h.keyed("GET", "/v1/changes", ""); response.Header.Get("RateLimit-Limit") == "" {
		t.Error("no limit is told")
	}
}

func TestChangesBeforeModels(t *testing.T) {
	h := newNode(t, told)
	var first string
	for name, s := range backends(t, h, h.key) {
		got := call(t, s, "changes", map[string]any{"limit": 3})
		if got.Failed || !strings.Contains(got.Text, "3 changes; go on with cursor a-1-b, there are more now") ||
			!strings.Contains(got.Text, "delisted "+string(schemas.RegistrantID("us-zz", "delisted"))) {
			t.Errorf("%s: %+v", name, got)
		}
		if answer := decode[api.Changes](t, got.Content); len(answer.Changes) != 3 || !answer.More {
			t.Errorf("%s: %s", name, got.Content)
		}
		expired := call(t, s, "changes", map[string]any{"cursor": "x"})
		if !expired.Failed || !strings.HasPrefix(expired.Text, "cursor_expired: ") {
			t.Errorf("%s: %+v", name, expired)
		}
		if first == "" {
			first = got.Text
		} else if first != got.Text {
			t.Errorf("%s differs: %s", name, got.Text)
		}
	}
}
