package indexer_test

import (
	"context"
	"log/slog"
	"testing"

	"lineup/indexer"
	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/indexer/index/indextest"
)

// TestEveryDaemonReadsTheCalibrationFromItsFirstAnswerOn: a generation is measured before it
// serves, again when a tenth of its people changed, and every handle tells the same.
func TestEveryDaemonReadsTheCalibrationFromItsFirstAnswerOn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	open := func() index.Index {
		ix, err := embedded.Open(ctx, dir, slog.New(slog.DiscardHandler))
		check(t, err)
		t.Cleanup(func() { check(t, ix.Close()) })
		return ix
	}
	writer, daemon := open(), open()
	check(t, writer.Create(ctx, index.Generation{Name: "one", Model: indextest.Model}))
	enrolled := 0
	enrol := func(n int) {
		for range n {
			indextest.Put(t, writer, indextest.Person(enrolled, 1, nil))
			enrolled++
		}
	}
	told := func() index.Calibration {
		_, g, err := daemon.Nearest(ctx, make([]float32, indextest.Model.Dimensions), 1, index.Filter{})
		check(t, err)
		return g.Calibration
	}
	if _, measured, err := indexer.Calibrate(ctx, writer); measured || err != nil {
		t.Errorf("measured = %v, %v while nothing serves", measured, err)
	}
	enrol(100)
	check(t, indexer.Promote(ctx, writer, func(index.Generation) (*indexer.Tally, error) { return &indexer.Tally{}, nil }))
	first := told()
	if first.Registrants != 100 || first.Probes == 0 || !(first.Slope > 0) || !(first.Power > 0) {
		t.Fatalf("the first answer is scored by %+v", first)
	}
	step := func(what string, want bool) {
		t.Helper()
		c, measured, err := indexer.Calibrate(ctx, writer)
		if err != nil || measured != want || told() != c {
			t.Errorf("%s: measured = %v, %v; the indexer says %+v, the daemon %+v", what, measured, err, c, told())
		}
	}
	step("unchanged", false)
	enrol(9)
	step("nine more", false)
	enrol(1)
	step("ten more", true)
	check(t, writer.Create(ctx, index.Generation{Name: "two", Model: indextest.Model}))
	check(t, indexer.Serve(ctx, writer, "two"))
	if c := told(); c.Registrants != 0 || c.Slope != 0 || c.Version == 0 {
		t.Errorf("an empty generation serves with %+v", c)
	}
}
