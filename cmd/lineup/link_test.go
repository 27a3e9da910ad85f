package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/schemas"
)

// list gives the house one registrant of a source, listed or no longer, and indexes what changed.
func list(t *testing.T, h *node.Node, source string, born schemas.Date, listed bool, middle ...string) schemas.UUID {
	t.Helper()
	ctx := t.Context()
	rec := schemas.Record{Source: source, Key: "1", Jurisdiction: "XX", Birth: born, Sex: schemas.Coded{Value: "female"},
		Name: schemas.Name{Full: "MADEUP, ODETTE JR", First: "Odette", Last: "MADEUP JR"}}
	rec.Name.Middle = strings.Join(middle, " ")
	run, _, err := h.Ingest.Begin(ctx, source, false)
	must(t, err)
	if listed {
		_, err = h.Ingest.Accept(ctx, run, schemas.Capture{Record: rec})
		must(t, err, h.Ingest.Abandon(ctx, source, run, schemas.RunSummary{}))
	} else {
		_, err = h.Ingest.Finish(ctx, source, run, schemas.RunSummary{Run: run, Source: source, State: schemas.RunComplete, AcceptDrop: "test"})
		must(t, err)
	}
	h.Metrics = prometheus.NewRegistry()
	must(t, h.WithWorker(ctx, func(ctx context.Context) error { return h.Drain(ctx, nil) }))
	return schemas.RegistrantID(source, "1")
}

// Who is one person follows from what the records say now: it is found anew when a record changes
// and when a registrant leaves, and it says which fields agree.
func TestLinksAreExplainedAndFollowTheRecords(t *testing.T) {
	app := testApp(t, t.TempDir(), "http://127.0.0.1")
	h, err := node.Open(t.Context(), app.Options)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	born := schemas.Date{Year: 1970, Month: 1, Day: 2}
	show := func(id schemas.UUID) (operate.Linked, string) {
		t.Helper()
		found, err := h.Link(t.Context(), id)
		must(t, err)
		var out bytes.Buffer
		must(t, text.Link(&out, found))
		return found, out.String()
	}
	a := list(t, h, "us-aa", born, true)
	if l, text := show(a); l.Shown || !strings.Contains(text, "fewer than two") {
		t.Errorf("alone: %s", text)
	}
	b := list(t, h, "us-bb", born, true)
	l, text := show(b)
	if !l.Shown || len(l.Members) != 2 || !strings.Contains(text, "birth date  1970-01-02") || !strings.Contains(text, "last name   madeup") ||
		!strings.Contains(text, string(a)) {
		t.Errorf("two that agree: %+v\n%s", l, text)
	}
	if again, _ := show(l.Person); len(again.Members) != 2 {
		t.Errorf("by personUuid: %+v", again)
	}
	list(t, h, "us-aa", born, true, "Ann")
	list(t, h, "us-bb", born, true, "Zelda")
	if l, text := show(a); l.Shown || !strings.Contains(text, "not shown as one person, because middle names or suffixes disagree") {
		t.Errorf("other middle names: %s", text)
	}
	list(t, h, "us-bb", schemas.Date{Year: 1970, Month: 1, Day: 3}, true)
	if l, text := show(a); l.Shown || len(l.Members) != 1 {
		t.Errorf("after a record changed: %s", text)
	}
	list(t, h, "us-bb", schemas.Date{Year: 1970}, true)
	if l, text := show(b); l.Person != "" || !strings.Contains(text, "no birth date") {
		t.Errorf("a year alone: %s", text)
	}
	list(t, h, "us-bb", born, true)
	list(t, h, "us-bb", born, false)
	if l, text := show(a); l.Shown || len(l.Members) != 1 {
		t.Errorf("after one left: %s", text)
	}
	if _, err := h.Link(t.Context(), b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who left: %v", err)
	}
}
