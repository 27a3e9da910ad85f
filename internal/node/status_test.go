package node

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/internal/operate"
	"lineup/internal/operate/text"
	"lineup/schemas"
)

// list puts so many listed registrants of a source into the ledger, numbered from first.
func list(t *testing.T, n *Node, source string, first, many int) {
	t.Helper()
	for i := first; i < first+many; i++ {
		_, err := n.Ledger.Update(t.Context(), source, schemas.RegistrantID(source, strconv.Itoa(i)), func(s *schemas.Listing) error {
			s.Revision, s.Listed, s.Key, s.Changed = 1, true, strconv.Itoa(i), time.Now().Add(-time.Hour)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestStatusDoesNotReadALargeLedger: a small one is counted when it is asked for, a large one was counted by the reconciliation,
// and status says how old that is.
func TestStatusDoesNotReadALargeLedger(t *testing.T) {
	n := newNode(t)
	ctx, model := t.Context(), schemas.Model{ID: "m", Dimensions: 4, Metric: schemas.Euclidean, MaxDistance: 1}
	if err := indexer.Prepare(ctx, n.Index, model); err != nil {
		t.Fatal(err)
	}
	n.CountedAlways = 20
	status := func() (report operate.StatusReport, read uint64) {
		t.Helper()
		before := n.JS.Conn().Stats().InMsgs
		report, err := n.Stores.Status(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return report, n.JS.Conn().Stats().InMsgs - before
	}
	reconcile := func() {
		t.Helper()
		if done, err := n.Reconcile(ctx); err != nil || done.Unkept != nil {
			t.Fatal(err, done.Unkept)
		}
	}
	says := func(when string, r operate.StatusReport, listed, due int, written uint64) {
		t.Helper()
		if s := r.Sources[0]; len(r.Sources) != 1 || s.Listed != listed || s.Due != due || r.Counted.Written != written {
			t.Errorf("%s: %+v, counted %+v; want %d listed, %d due, %d written since", when, r.Sources, r.Counted, listed, due, written)
		}
		if time.Since(r.Counted.At) > time.Minute {
			t.Errorf("%s: counted at %s", when, r.Counted.At)
		}
	}
	list(t, n, "us-zz", 0, 15)
	report, _ := status()
	says("a small ledger", report, 15, 15, 0)
	reconcile()
	list(t, n, "us-zz", 15, 3)
	report, _ = status()
	says("a small ledger that grew", report, 18, 18, 0)

	list(t, n, "us-zz", 18, 100)
	reconcile()
	report, few := status()
	says("a large ledger", report, 118, 118, 0)
	list(t, n, "us-zz", 118, 100)
	report, _ = status()
	says("a large ledger that grew", report, 118, 118, 100)
	var shown strings.Builder
	if err := text.Status(&shown, report); err != nil || !strings.Contains(shown.String(), "listings were written 100 times since") {
		t.Errorf("status does not say how old its counts are: %v\n%s", err, shown.String())
	}
	reconcile()
	report, many := status()
	says("a large ledger that was counted again", report, 218, 218, 0)
	if many > few {
		t.Errorf("status of 218 registrants took %d messages of the broker, of 118 it took %d", many, few)
	}

	if err := n.Index.Create(ctx, index.Generation{Name: "next", Model: model, Features: 1}); err != nil {
		t.Fatal(err)
	}
	if report, _ = status(); report.Sources[0].Due != -1 {
		t.Errorf("%d due of generations that nobody has counted for", report.Sources[0].Due)
	}
}

// TestALargeLedgerThatNobodyCounted is counted by who asks.
func TestALargeLedgerThatNobodyCounted(t *testing.T) {
	n := newNode(t)
	n.CountedAlways = 2
	list(t, n, "us-zz", 0, 5)
	rows, err := n.Sources(t.Context())
	if err != nil || len(rows) != 1 || rows[0].Listed != 5 {
		t.Errorf("%+v, %v", rows, err)
	}
}
