package embedded_test

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/indexer/index/indextest"
)

func TestEmbedded(t *testing.T) {
	indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
		dir := t.TempDir()
		return func(t *testing.T) index.Index {
			ix, err := embedded.Open(context.Background(), dir, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return ix
		}
	})
}

// TestGenerationsBeforeFeatureVersions opens a list of generations as it was laid out before it
// told their feature version: they are of the first one, and new ones are told apart.
func TestGenerationsBeforeFeatureVersions(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	meta, err := sql.Open("sqlite3", filepath.Join(dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := meta.Exec(`PRAGMA journal_mode = WAL;
		CREATE TABLE generation (name TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
			created INTEGER NOT NULL, served INTEGER NOT NULL DEFAULT 0);
		CREATE TABLE serving (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL REFERENCES generation (name));
		INSERT INTO generation (name, file, model, created)
			VALUES ('old', 'old.0.db', '{"id":"suite/v1","dimensions":24,"metric":"euclidean"}', 1)`); err != nil {
		t.Fatal(err)
	}
	if err := meta.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range 2 { // the second time there is nothing to change any more
		ix, err := embedded.Open(ctx, dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if err := ix.Create(ctx, index.Generation{Name: "new", Model: indextest.Model, Features: 9}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := ix.Generations(ctx)
		if err != nil || len(list) != 2 || list[0].Features != index.FirstFeatureVersion || list[1].Features != 9 {
			t.Errorf("round %d: %+v, %v; want an old one of the first version and a new one of version 9", round, list, err)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
