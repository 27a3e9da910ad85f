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
	"lineup/schemas"
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

// TestFilesOfTheFirstLayout opens a serving generation whose file was made before answers were ordered by the
// engine: it answers, is written to, and who is written to it is found.
func TestFilesOfTheFirstLayout(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	reopen := func() index.Index {
		ix, err := embedded.Open(ctx, dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return ix
	}
	ix := reopen()
	if err := ix.Create(ctx, index.Generation{Name: "one", Model: indextest.Model, Features: 2}); err != nil {
		t.Fatal(err)
	}
	if err := ix.Switch(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	indextest.Put(t, ix, indextest.Person(1, 1, nil), indextest.Person(2, 1, nil))
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "one.*.db"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	file, err := sql.Open("sqlite3", files[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Exec(`DROP TRIGGER place_came; DROP TRIGGER place_left; DROP TABLE state_count;
		DROP INDEX registrant_listed; DROP INDEX registrant_unstated; DROP INDEX registrant_printed; DROP TABLE birth;
		DROP INDEX place_in_zip; DROP INDEX place_in_city; DROP INDEX place_in_state; DROP INDEX place_unstated;
		DROP INDEX place_first_in_zip; DROP INDEX place_first_in_city; DROP INDEX place_first_in_state; ALTER TABLE place DROP COLUMN firsts;
		ALTER TABLE registrant DROP COLUMN born; ALTER TABLE registrant DROP COLUMN printed; ALTER TABLE registrant DROP COLUMN unstated;
		ALTER TABLE place DROP COLUMN id; ALTER TABLE place DROP COLUMN unstated;
		CREATE INDEX place_zip ON place (zip) WHERE zip <> ''; CREATE INDEX place_city ON place (city, state) WHERE city <> '';
		CREATE INDEX place_state ON place (state) WHERE state <> ''`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	ix = reopen()
	defer ix.Close()
	indextest.Put(t, ix, indextest.Person(2, 2, nil), indextest.Person(3, 1, nil))
	for n := range 3 {
		born := indextest.Person(n+1, 1, nil).Document.Record.Birth
		found, err := ix.Find(ctx, index.Query{State: "AA", Births: []schemas.BirthQuestion{schemas.BornOn(born)}})
		if err != nil || found.Total != 1 || found.Documents[0].Record.Birth != born {
			t.Errorf("born %s: %+v, %v", born, found, err)
		}
	}
	if found, err := ix.Find(ctx, index.Query{State: "AA", Limit: 2}); err != nil || found.Total != 3 || len(found.Documents) != 2 ||
		found.Next == nil {
		t.Errorf("a state: %+v, %v", found, err)
	}
}

// TestFilesWithoutCounts opens a generation whose file was made before the registrants of a state were counted: they are counted
// then, and again with every change.
func TestFilesWithoutCounts(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	var ix index.Index
	open := func() {
		var err error
		if ix, err = embedded.Open(ctx, dir, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	listed := func(want int) {
		t.Helper()
		if found, err := ix.Find(ctx, index.Query{State: "AA", Limit: 1}); err != nil || found.Total != want {
			t.Errorf("of the state are %d, %v; want %d", found.Total, err, want)
		}
	}
	at := func(state string) func(*schemas.Record) {
		return func(r *schemas.Record) {
			r.Addresses = []schemas.Address{{Kind: schemas.AddressHome, State: state}, {Kind: schemas.AddressHome, City: "Town", State: state}}
		}
	}
	open()
	indextest.Serving(t, ix, indextest.Model)
	indextest.Put(t, ix, indextest.Person(1, 1, at("AA")), indextest.Person(2, 1, at("AA")), indextest.Person(3, 1, at("BB")))
	listed(2)
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := sql.Open("sqlite3", name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = file.Exec("DROP TRIGGER place_came; DROP TRIGGER place_left; DROP TABLE state_count") // the list of generations has none
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	defer ix.Close()
	listed(2)
	indextest.Put(t, ix, indextest.Person(3, 2, at("AA")), indextest.Person(4, 1, at("AA")))
	listed(4)
	indextest.Put(t, ix, indextest.Gone(indextest.Person(1, 1, nil), 2), indextest.Person(2, 2, at("BB")))
	listed(2)
}
