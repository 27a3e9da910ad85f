package indexer_test

import (
	"context"
	"testing"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/ingest/queue"
	"lineup/schemas"
)

// shifted is an index whose generations, but for those that are made over it, were made with older or newer features.
type shifted struct {
	index.Index
	by   int
	only string
}

func (s shifted) Generations(ctx context.Context) ([]index.Generation, error) {
	all, err := s.Index.Generations(ctx)
	for i := range all {
		if all[i].Name == s.only {
			all[i].Features += s.by
		}
	}
	return all, err
}

// TestNewerFeaturesAreBuiltBesideWhatServes upgrades the program: a generation with the new features is
// filled beside the serving one without embedding anything, and serves once it is complete.
func TestNewerFeaturesAreBuiltBesideWhatServes(t *testing.T) {
	h := newNode(t)
	ctx := t.Context()
	for n := range 5 {
		h.accept(capture(n, "x", "face "+string(rune('a'+n))))
	}
	h.settle()
	embedded := h.faces.total()

	older := shifted{h.index, -1, "g1"}
	h.deps.Index = older
	// Somebody configured another model meanwhile: that takes a reindex, not an upgrade.
	other := newCounting("m2").Model()
	for range 2 { // two indexers start; one generation is enough
		check(t, indexer.Prepare(ctx, older, other))
	}
	all, err := older.Generations(ctx)
	check(t, err)
	if len(all) != 2 || all[1].Name != "g2" || all[1].State != index.Building || all[1].Features != index.FeatureVersion ||
		all[1].Model.ID != "m1" {
		t.Fatalf("generations %+v", all)
	}
	complete := func(g index.Generation) (*indexer.Tally, error) {
		return indexer.TallyOf(ctx, h.ledger, h.queue, g.Target())
	}
	check(t, indexer.Promote(ctx, older, complete))
	if err := serves(ctx, h.index, "g1"); err != "" {
		t.Errorf("before it is filled: %s", err)
	}
	enqueued, err := h.in.Reconcile(ctx, "", []schemas.Target{all[0].Target(), all[1].Target()}, nil)
	if err != nil || enqueued != 5 {
		t.Fatalf("%d jobs, %v", enqueued, err)
	}
	h.settle()
	h.agrees("g2", "m1")
	check(t, indexer.Promote(ctx, older, complete))
	if err := serves(ctx, h.index, "g2"); err != "" {
		t.Errorf("after it is filled: %s", err)
	}
	if n := h.faces.total(); n != embedded {
		t.Errorf("%d photos were embedded anew", n-embedded)
	}
	check(t, indexer.Prepare(ctx, older, other))
	if all, err = older.Generations(ctx); err != nil || len(all) != 2 {
		t.Errorf("afterwards: %+v, %v", all, err)
	}
}

func serves(ctx context.Context, ix index.Index, name string) string {
	all, err := ix.Generations(ctx)
	if err != nil {
		return err.Error()
	}
	g, err := index.ServingOf(all)
	if err != nil {
		return err.Error()
	}
	if g.Name != name {
		return g.Name + " serves"
	}
	return ""
}

// An indexer of an older version leaves a generation alone whose features it cannot make, but takes out of it
// who is not listed any more.
func TestAnOlderIndexerDoesNotWriteOlderFeatures(t *testing.T) {
	h := newNode(t)
	ctx := t.Context()
	h.accept(capture(1, "x", "face"))
	h.settle()
	check(t, h.index.Create(ctx, index.Generation{Name: "g2", Model: h.faces.Model()}))
	check(t, h.sync(1))
	h.accept(capture(1, "changed", "face"))
	h.deps.Index = shifted{h.index, +1, "g2"}
	if err := h.sync(1); err == nil {
		t.Error("the job was done")
	}
	if held := h.held("g2"); held[id(1)] != 1 {
		t.Errorf("the newer generation holds revision %d", held[id(1)])
	}
	if held := h.held("g1"); held[id(1)] != 2 {
		t.Errorf("its own generation holds revision %d", held[id(1)])
	}
	_, err := h.in.Remove(ctx, id(1), schemas.Removal{Reason: "other"})
	check(t, err)
	check(t, h.sync(1))
	if held := h.held("g2"); len(held) != 0 {
		t.Errorf("the newer generation holds who was removed: %v", held)
	}
}

func TestEveryClassSaysWhatToDo(t *testing.T) {
	for _, class := range queue.Classes() {
		if class.Advice() == "" {
			t.Errorf("%s has no advice", class)
		}
	}
	if queue.Class("of another version").Permanent() || queue.Class("of another version").Advice() != "" {
		t.Error("an unknown class is known")
	}
	if queue.Class("worker died each time").Advice() != queue.WorkerDied.Advice() {
		t.Error("the name that older versions stored has no advice")
	}
}
