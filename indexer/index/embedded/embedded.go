// Package embedded is the index in a directory, with nothing to install or start: SQLite is
// the truth about documents and faces, and an exact scan over all faces in memory answers
// Nearest. Several processes may use one directory at once: each notices what the others wrote
// at its next call.
//
// The directory holds index.db, which says which generations there are and which one serves,
// and for each generation a database <name>.<id>.db and, from some size on, a file
// <name>.<id>.db.faces that makes opening faster and may be deleted at any time.
package embedded

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Index is a directory of generations.
type Index struct {
	dir   string
	log   *slog.Logger
	meta  *sql.DB
	scans *scans

	mu          sync.Mutex // guards what follows
	watch       *sql.Conn  // of meta; notices what other processes did
	dataVersion int64
	list        []listed // oldest first
	serving     string
	slots       map[string]*slot // by file

	stop context.CancelFunc
	done sync.WaitGroup
}

type listed struct {
	index.Generation
	file string
}

// slot is a generation that is opened when it is first asked for.
type slot struct {
	listed
	holders sync.WaitGroup
	mu      sync.Mutex
	g       *generation
}

var _ index.Index = (*Index)(nil)

const metaLayout = `
CREATE TABLE IF NOT EXISTS generation (name TEXT PRIMARY KEY, file TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
	created INTEGER NOT NULL, served INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS serving (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL REFERENCES generation (name));
`

// Open opens the index in a directory, which is made if it is missing, and reads the serving
// generation into memory.
func Open(ctx context.Context, dir string, log *slog.Logger) (_ *Index, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := &Index{dir: dir, log: log, scans: &scans{turns: make(chan struct{}, runtime.GOMAXPROCS(0))}, slots: map[string]*slot{},
		stop: func() {}}
	defer func() {
		if err != nil {
			_ = x.Close()
		}
	}()
	if x.meta, err = open(filepath.Join(dir, "index.db"), "rwc", 3); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if _, err := x.meta.ExecContext(ctx, metaLayout); err != nil {
		return nil, fmt.Errorf("open index in %s: %w", dir, explain(err))
	}
	for _, column := range laterColumns() {
		if err := x.addColumn(ctx, column.name, column.definition); err != nil {
			return nil, fmt.Errorf("open index in %s: %w", dir, err)
		}
	}
	if x.watch, err = x.meta.Conn(ctx); err != nil {
		return nil, fmt.Errorf("open index in %s: %w", dir, explain(err))
	}
	g, release, err := x.reading(ctx)
	switch {
	case err == nil:
		log.Debug("index opened", "generation", g.Name, "faces", g.arena.faces)
		release()
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open index in %s: %w", dir, err)
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	x.stop = stop
	x.done.Go(func() { x.keep(work) })
	return x, nil
}

// laterColumns are those that the list of generations got after its first version.
func laterColumns() []struct{ name, definition string } {
	return []struct{ name, definition string }{
		{"features", fmt.Sprintf("INTEGER NOT NULL DEFAULT %d", index.FirstFeatureVersion)},
		{"calibration", "TEXT NOT NULL DEFAULT '{}'"},
		{"stragglers", "TEXT NOT NULL DEFAULT '{}'"},
		{"canaries", "INTEGER NOT NULL DEFAULT 0"},
	}
}

// addColumn brings a list of generations that was made before it had a column up to this version.
// A process of the version before goes on reading and writing it.
func (x *Index) addColumn(ctx context.Context, name, definition string) error {
	const known = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('generation') WHERE name = ?)"
	var done bool
	if err := x.meta.QueryRowContext(ctx, known, name).Scan(&done); err != nil || done {
		return explain(err)
	}
	return x.change(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, known, name).Scan(&done); err != nil || done { // another process was here first
			return err
		}
		_, err := tx.ExecContext(ctx, "ALTER TABLE generation ADD COLUMN "+name+" "+definition)
		return err
	})
}

// Close waits for calls under way and closes the files.
func (x *Index) Close() error {
	x.stop()
	x.done.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.slots {
		s.close()
	}
	clear(x.slots)
	var errs []error
	if x.watch != nil {
		errs = append(errs, x.watch.Close())
		x.watch = nil
	}
	if x.meta != nil {
		errs = append(errs, x.meta.Close())
	}
	return errors.Join(errs...)
}

func (s *slot) close() {
	s.holders.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.g != nil {
		s.g.close()
		s.g = nil
	}
}

// refresh reads the list of generations again when somebody changed it; x.mu is held.
func (x *Index) refresh(ctx context.Context) error {
	if x.watch == nil {
		return errors.New("index is closed")
	}
	ctx = context.WithoutCancel(ctx) // what is half read must not be kept
	var version int64
	if err := x.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
		return fmt.Errorf("read the list of generations: %w", explain(err))
	}
	if version == x.dataVersion {
		return nil
	}
	rows, err := x.watch.QueryContext(ctx, `SELECT g.name, g.file, g.model, g.features, g.calibration, g.stragglers, g.canaries,
			g.created, g.served, s.name IS NOT NULL
		FROM generation g LEFT JOIN serving s ON s.name = g.name ORDER BY g.created, g.name`)
	if err != nil {
		return fmt.Errorf("read the list of generations: %w", explain(err))
	}
	defer rows.Close()
	var list []listed
	serving := ""
	for rows.Next() {
		var (
			l            listed
			model        []byte
			calibration  []byte
			stragglers   []byte
			created      int64
			served, live bool
		)
		if err := rows.Scan(&l.Name, &l.file, &model, &l.Features, &calibration, &stragglers, &l.Canaries, &created, &served,
			&live); err != nil {
			return fmt.Errorf("read the list of generations: %w", explain(err))
		}
		if err := json.Unmarshal(model, &l.Model); err != nil {
			return fmt.Errorf("model of generation %s: %w", l.Name, err)
		}
		if err := json.Unmarshal(calibration, &l.Calibration); err != nil {
			return fmt.Errorf("calibration of generation %s: %w", l.Name, err)
		}
		if err := json.Unmarshal(stragglers, &l.Stragglers); err != nil {
			return fmt.Errorf("stragglers of generation %s: %w", l.Name, err)
		}
		l.Created, l.State = timeOf(created), index.Building
		switch {
		case live:
			l.State, serving = index.Serving, l.Name
		case served:
			l.State = index.Retired
		}
		list = append(list, l)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the list of generations: %w", explain(err))
	}
	x.list, x.serving, x.dataVersion = list, serving, version
	for file, s := range x.slots {
		if !slices.ContainsFunc(list, func(l listed) bool { return l.file == file }) {
			delete(x.slots, file)
			x.done.Go(s.close) // when its last reader is done
		}
	}
	return nil
}

// use gives a generation by name, "" for the serving one, and what to call when done with it.
func (x *Index) use(ctx context.Context, name string) (*generation, func(), error) {
	g, _, release, err := x.describedUse(ctx, name)
	return g, release, err
}

// describedUse is use, and gives what the list says of the generation now.
func (x *Index) describedUse(ctx context.Context, name string) (*generation, index.Generation, func(), error) {
	x.mu.Lock()
	l, err := x.find(ctx, name)
	if err != nil {
		x.mu.Unlock()
		return nil, index.Generation{}, nil, err
	}
	s, ok := x.slots[l.file]
	if !ok {
		s = &slot{listed: l}
		x.slots[l.file] = s
	}
	s.holders.Add(1)
	x.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.g == nil {
		start := time.Now()
		g, err := openGeneration(ctx, x.dir, l.file, l.Generation)
		if err != nil {
			s.holders.Done()
			return nil, index.Generation{}, nil, err
		}
		s.g = g
		x.log.Debug("index generation opened", "generation", l.Name, "faces", g.arena.faces, "took", time.Since(start).Round(time.Millisecond))
	}
	return s.g, l.Generation, s.holders.Done, nil
}

// find reads of the list what it says of a generation, "" for the serving one; x.mu is held.
func (x *Index) find(ctx context.Context, name string) (listed, error) {
	if err := x.refresh(ctx); err != nil {
		return listed{}, err
	}
	if name == "" {
		if name = x.serving; name == "" {
			return listed{}, index.ErrNoneServing
		}
	}
	at := slices.IndexFunc(x.list, func(l listed) bool { return l.Name == name })
	if at < 0 {
		return listed{}, missing(name)
	}
	return x.list[at], nil
}

func (x *Index) reading(ctx context.Context) (*generation, func(), error) { return x.use(ctx, "") }

// change changes the list of generations in one transaction, alone among all processes.
func (x *Index) change(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := x.meta.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback()
	if err := do(tx); err != nil {
		return explain(err)
	}
	return explain(tx.Commit())
}

// Create makes an empty generation.
func (x *Index) Create(ctx context.Context, g index.Generation) error {
	if err := g.Validate(); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	model, err := json.Marshal(g.Model)
	if err != nil {
		return fmt.Errorf("create generation %s: %w", g.Name, err)
	}
	file := g.Name + "." + string(schemas.RandomID())[:8] + ".db"
	path := filepath.Join(x.dir, file)
	err = x.change(ctx, func(tx *sql.Tx) error {
		x.sweep(ctx, tx)
		_, err := tx.ExecContext(ctx, "INSERT INTO generation (name, file, model, features, created) VALUES (?, ?, ?, ?, ?)",
			g.Name, file, model, cmp.Or(g.Features, index.FeatureVersion), time.Now().UnixNano())
		if e := (sqlite3.Error{}); errors.As(err, &e) && e.Code == sqlite3.ErrConstraint {
			return index.ErrExists
		}
		if err != nil {
			return err
		}
		return createFile(ctx, path)
	})
	if err != nil {
		removeFile(path)
		return fmt.Errorf("create generation %s: %w", g.Name, err)
	}
	return nil
}

// sweep deletes files of generations that are not listed: a Create or Drop was cut off.
func (x *Index) sweep(ctx context.Context, tx *sql.Tx) {
	known := map[string]bool{}
	rows, err := tx.QueryContext(ctx, "SELECT file FROM generation")
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() {
		var file string
		if rows.Scan(&file) != nil {
			return
		}
		known[file] = true
	}
	if rows.Err() != nil {
		return
	}
	entries, err := os.ReadDir(x.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if file, _, ok := strings.Cut(e.Name(), ".db"); ok && strings.Count(file, ".") == 1 && !known[file+".db"] {
			_ = os.Remove(filepath.Join(x.dir, e.Name()))
		}
	}
}

func removeFile(path string) {
	for _, suffix := range []string{"", "-wal", "-shm", snapshotSuffix, snapshotSuffix + ".new"} {
		_ = os.Remove(path + suffix)
	}
}

// Switch makes a generation serve.
func (x *Index) Switch(ctx context.Context, name string) error {
	// Opened before it serves: the first search shall not wait for that.
	_, release, err := x.use(ctx, name)
	if err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	defer release()
	err = x.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE generation SET served = 1 WHERE name = ?", name)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, missing(name))
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO serving VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET name = excluded.name", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("switch to generation %s: %w", name, err)
	}
	return nil
}

// Drop deletes a generation.
func (x *Index) Drop(ctx context.Context, name string) error {
	var file string
	err := x.change(ctx, func(tx *sql.Tx) error {
		var serving bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM serving WHERE name = ?)", name).Scan(&serving); err != nil {
			return err
		}
		if serving {
			return index.ErrServing
		}
		err := tx.QueryRowContext(ctx, "DELETE FROM generation WHERE name = ? RETURNING file", name).Scan(&file)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("drop generation %s: %w", name, err)
	}
	if file == "" {
		return nil
	}
	removeFile(filepath.Join(x.dir, file))
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.refresh(ctx)
}

// Replace makes the generation hold exactly the entries, in one transaction.
func (x *Index) Replace(ctx context.Context, generation string, entries ...index.Entry) error {
	if generation == "" {
		return missing(generation)
	}
	g, release, err := x.use(ctx, generation)
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	defer release()
	return g.replace(ctx, entries)
}

// Calibrate stores with a generation what was learnt from searching it.
func (x *Index) Calibrate(ctx context.Context, name string, c index.Calibration) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("calibrate generation %s: %w", name, err)
	}
	return x.tell(ctx, name, "calibration", c)
}

// Note stores with a generation whom it lacks.
func (x *Index) Note(ctx context.Context, name string, s index.Stragglers) error {
	return x.tell(ctx, name, "stragglers", s)
}

// Hide stores with a generation that it may hold the canary.
func (x *Index) Hide(ctx context.Context, name string, n int) error {
	return x.set(ctx, name, "canaries", "max(canaries, ?)", n)
}

// tell sets a column of the list of generations to a value as JSON.
func (x *Index) tell(ctx context.Context, name, column string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("set the %s of generation %s: %w", column, name, err)
	}
	return x.set(ctx, name, column, "?", text)
}

// set sets a column of the list of generations to what is made of a value.
func (x *Index) set(ctx context.Context, name, column, made string, value any) error {
	err := x.change(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE generation SET "+column+" = "+made+" WHERE name = ?", value, name)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, missing(name))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set the %s of generation %s: %w", column, name, err)
	}
	return nil
}
