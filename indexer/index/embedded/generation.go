package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"

	"lineup/indexer/index"
	"lineup/schemas"
)

// fileVersion is the version of a generation's file (SQLite's user_version).
const fileVersion = 1

// A registrant's row stays when the registrant leaves: its id, which is random to everybody
// else, and its revision, so that a late writer is recognised. All else goes.
const layout = `
CREATE TABLE counter (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL);
INSERT INTO counter VALUES (1, 0);
CREATE TABLE registrant (
	rid INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, revision INTEGER NOT NULL, seq INTEGER NOT NULL,
	listed INTEGER NOT NULL, source TEXT, state TEXT, sex INTEGER, born_min INTEGER, born_max INTEGER,
	person BLOB, first_seen INTEGER, changed INTEGER
);
CREATE INDEX registrant_seq ON registrant (seq);
CREATE INDEX registrant_source ON registrant (source, id) WHERE listed;
CREATE INDEX registrant_state ON registrant (state, id) WHERE listed;
CREATE INDEX registrant_person ON registrant (person) WHERE person IS NOT NULL;
CREATE INDEX registrant_first_seen ON registrant (first_seen) WHERE listed;
CREATE INDEX registrant_changed ON registrant (changed) WHERE listed;
CREATE TABLE document (rid INTEGER PRIMARY KEY, record BLOB NOT NULL, keys TEXT NOT NULL, photos TEXT NOT NULL);
CREATE TABLE name_key (key TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (key, rid)) WITHOUT ROWID;
CREATE TABLE place (pid INTEGER PRIMARY KEY, rid INTEGER NOT NULL, city TEXT, state TEXT, zip TEXT, lat REAL, lon REAL);
CREATE INDEX place_rid ON place (rid);
CREATE VIRTUAL TABLE place_box USING rtree (pid, south, north, west, east);
CREATE TABLE photo (rid INTEGER NOT NULL, photo BLOB NOT NULL, outcome TEXT NOT NULL, source TEXT NOT NULL, hash INTEGER NOT NULL);
CREATE INDEX photo_rid ON photo (rid);
CREATE INDEX photo_photo ON photo (photo);
CREATE INDEX photo_hash ON photo (source, hash, rid) WHERE hash <> 0;
CREATE TABLE face (row INTEGER PRIMARY KEY, rid INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, photo BLOB NOT NULL,
	meta BLOB NOT NULL, embedding BLOB NOT NULL);
CREATE INDEX face_rid ON face (rid);
CREATE INDEX face_photo ON face (photo);
`

// later is what files got after the first version; those of before get it when they are opened. What
// stands there already has nothing in it then, see features. The indexes of place give the registrants of a
// place in the order of answers, without a look at anything else.
const later = `
ALTER TABLE registrant ADD COLUMN born INTEGER;
ALTER TABLE registrant ADD COLUMN printed INTEGER;
ALTER TABLE registrant ADD COLUMN unstated INTEGER;
CREATE INDEX registrant_listed ON registrant (id) WHERE listed;
CREATE INDEX registrant_unstated ON registrant (id) WHERE listed AND unstated;
CREATE INDEX registrant_printed ON registrant (printed) WHERE printed <> 0 AND born = 0;
CREATE TABLE birth (own INTEGER NOT NULL, born INTEGER NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (own, born, rid)) WITHOUT ROWID;
CREATE INDEX birth_rid ON birth (rid);
ALTER TABLE place ADD COLUMN id BLOB;
ALTER TABLE place ADD COLUMN unstated INTEGER;
ALTER TABLE place ADD COLUMN firsts INTEGER;
CREATE INDEX place_in_zip ON place (zip, state, city) WHERE zip <> '';
CREATE INDEX place_in_city ON place (city, state) WHERE city <> '';
CREATE INDEX place_in_state ON place (state) WHERE state <> '';
CREATE INDEX place_first_in_zip ON place (zip, id, rid) WHERE zip <> '' AND firsts & 4;
CREATE INDEX place_first_in_city ON place (city, state, id, rid) WHERE city <> '' AND state <> '' AND firsts & 2;
CREATE INDEX place_first_in_state ON place (state, id, rid) WHERE state <> '' AND firsts & 1;
CREATE INDEX place_unstated ON place (state, id, rid) WHERE state <> '' AND firsts & 1 AND unstated;
`

// counted is what files got after that: how many registrants are of each state, kept by the database itself with every change.
// Counting the largest state takes longer than reading a page of it.
const counted = `
CREATE TABLE state_count (state TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO state_count SELECT state, count(*) FROM place WHERE state <> '' AND firsts & 1 GROUP BY state;
CREATE TRIGGER place_came AFTER INSERT ON place WHEN NEW.state <> '' AND NEW.firsts & 1 BEGIN
	INSERT INTO state_count VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER place_left AFTER DELETE ON place WHEN OLD.state <> '' AND OLD.firsts & 1 BEGIN
	UPDATE state_count SET n = n - 1 WHERE state = OLD.state;
END;
`

// ordered is the feature version from which on generations hold what later adds.
const ordered = 3

// snapshotSuffix is what the file of a generation's faces ends in, beside that of its database.
const snapshotSuffix = ".faces"

// generation is one generation's file and its faces in memory.
type generation struct {
	index.Generation
	file  string // base name
	path  string
	write *sql.DB // one connection
	read  *sql.DB

	writing chan struct{} // one writer of this process at a time
	queue   queue
	places  places

	mu          sync.Mutex // guards what follows, and changing the arena
	watch       *sql.Conn  // of read; notices commits of every other connection
	dataVersion int64
	arena       *arena
	hashes      hashes
	waiting     []*pendingRows // calls whose rows are to be written
	left        bool           // somebody left since the last sweep
	goneAt      int64          // the sequence number at which somebody left last
	since       int            // registrants changed since the last snapshot file
	saved       time.Time      // of the snapshot file; zero when there is none
	tried       time.Time
}

func open(path, mode string, conns int) (*sql.DB, error) {
	options := url.Values{
		"mode":           {mode},
		"_journal_mode":  {"WAL"},
		"_synchronous":   {"FULL"},
		"_busy_timeout":  {"30000"},
		"_txlock":        {"immediate"},
		"_secure_delete": {"on"},
		"_cache_size":    {"-8192"},
		// A connection keeps that many statements compiled: a replace is some thirty short ones, and compiling them costs
		// more than most of them do.
		"_stmt_cache_size": {"64"},
	}
	if mode == "ro" { // it may not change the journal's mode; the writer has set it
		options.Del("_journal_mode")
		options.Set("_txlock", "deferred")
		options.Set("_query_only", "on")
		options.Set("mode", "rw") // a reader must be able to make the shared memory file
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// createFile makes an empty generation file, whole or not at all.
func createFile(ctx context.Context, path string) error {
	db, err := open(path, "rwc", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s %s %s PRAGMA user_version = %d; COMMIT", layout, later,
		counted, fileVersion)); err != nil {
		return fmt.Errorf("create %s: %w", path, explain(err))
	}
	return nil
}

func openGeneration(ctx context.Context, dir, file string, g index.Generation) (_ *generation, err error) {
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("generation %s: %w", g.Name, err)
	}
	x := &generation{Generation: g, file: file, path: path, writing: make(chan struct{}, 1), arena: newArena(g.Model.Dimensions)}
	defer func() {
		if err != nil {
			x.close()
		}
	}()
	if x.write, err = open(path, "rw", 1); err != nil {
		return nil, err
	}
	if x.read, err = open(path, "ro", 4+2*runtime.GOMAXPROCS(0)); err != nil {
		return nil, err
	}
	var version int
	if err := x.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(err))
	}
	if version > fileVersion {
		return nil, fmt.Errorf("open %s: file version %d, this version knows %d: %w", path, version, fileVersion, schemas.ErrNewerSchema)
	}
	if err := x.upgrade(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(err))
	}
	if x.watch, err = x.read.Conn(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, explain(err))
	}
	x.loadSnapshot()
	v, err := x.view(ctx)
	if err != nil {
		return nil, err
	}
	x.arena.release(v)
	return x, nil
}

// upgrade adds to a file of the first version what files have now. A process of that version goes on
// reading and writing it.
func (x *generation) upgrade(ctx context.Context) error {
	for _, step := range []struct{ known, statements string }{
		{"SELECT EXISTS (SELECT 1 FROM pragma_table_info('place') WHERE name = 'firsts')", later},
		{"SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'state_count')", counted},
	} {
		if err := x.add(ctx, step.known, step.statements); err != nil {
			return err
		}
	}
	return nil
}

// add runs statements unless known says that they were run before.
func (x *generation) add(ctx context.Context, known, statements string) error {
	var done bool
	if err := x.write.QueryRowContext(ctx, known).Scan(&done); err != nil || done {
		return err
	}
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, known).Scan(&done); err != nil || done { // another process was here first
		return err
	}
	if _, err := tx.ExecContext(ctx, statements); err != nil {
		return err
	}
	return tx.Commit()
}

func (x *generation) close() {
	if x.watch != nil {
		_ = x.watch.Close()
	}
	if x.read != nil {
		_ = x.read.Close()
	}
	if x.write != nil {
		_ = x.write.Close()
	}
	x.arena.close()
}

// view gives the faces as of now: with every commit, of any process, that was over before the
// call. The caller releases it.
func (x *generation) view(ctx context.Context) (*view, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.catchUp(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("read generation %s: %w", x.Name, explain(err))
	}
	return x.arena.acquire(), nil
}

// catchUp brings the arena up to the database; x.mu is held. SQLite's data_version tells in
// microseconds that nothing happened; it is read first, so that nothing can fall between.
func (x *generation) catchUp(ctx context.Context) error {
	var version, seq int64
	if err := x.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
		return err
	}
	known := x.arena.current.seq
	if version == x.dataVersion {
		return nil
	}
	if err := x.watch.QueryRowContext(ctx, "SELECT seq FROM counter").Scan(&seq); err != nil {
		return err
	}
	if seq != known {
		if err := x.apply(ctx, known, seq); err != nil {
			return err
		}
	}
	x.dataVersion = version
	return nil
}

// apply reads what changed after a sequence number, up to at least another: one statement, so
// whole transactions. What came after is applied once more next time.
func (x *generation) apply(ctx context.Context, from, to int64) error {
	// In the order of the table, which is the fast one when everything is read.
	order := "INDEXED BY registrant_seq"
	if from == 0 {
		order = "NOT INDEXED"
	}
	rows, err := x.watch.QueryContext(ctx, `
		SELECT r.rid, r.id, r.listed, ifnull(r.source, ''), ifnull(r.state, ''), ifnull(r.sex, 0), ifnull(r.born_min, 0), ifnull(r.born_max, 0),
			f.id, f.photo, f.meta, f.embedding
		FROM registrant r `+order+` LEFT JOIN face f ON f.rid = r.rid
		WHERE r.seq > ? ORDER BY `+map[bool]string{true: "r.rid, f.row", false: "r.seq, r.rid, f.row"}[from == 0], from)
	if err != nil {
		return err
	}
	defer rows.Close()
	last := int64(-1)
	embedding := make([]float32, x.Model.Dimensions)
	for rows.Next() {
		var (
			rid                 int64
			listed              bool
			source, state       string
			sex, bornMin        int
			bornMax             int
			id, photo, meta, em sql.RawBytes
			registrant          sql.RawBytes
		)
		if err := rows.Scan(&rid, &registrant, &listed, &source, &state, &sex, &bornMin, &bornMax, &id, &photo, &meta, &em); err != nil {
			return err
		}
		if rid != last {
			last = rid
			if x.since < math.MaxInt {
				x.since++
			}
			if len(x.hashes) > 0 {
				x.hashes.forget(rid)
			}
			if from > 0 && !listed {
				x.left, x.goneAt = true, to
				x.dropSnapshot()
			}
			x.arena.remove(rid)
		}
		if len(id) == 0 {
			continue
		}
		face, text, err := decodeMeta(meta)
		if err != nil || len(id) != 16 || len(registrant) != 16 || len(photo) != 32 || len(em) != 4*len(embedding) {
			return errors.New("a face's row is damaged; hint: drop this generation and reindex")
		}
		face.rid, face.text = rid, x.arena.text(text)
		face.photo, face.registrant = [32]byte(photo), [16]byte(registrant)
		facts, err := x.arena.facts(source, state, sex, bornMin, bornMax)
		if err != nil {
			return err
		}
		decodeFloats(embedding, em)
		if err := x.arena.add([16]byte(id), face, facts, embedding); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(x.hashes) > 0 {
		if err := x.hashes.load(ctx, x.watch, "", from); err != nil {
			return err
		}
	}
	x.arena.publish(to)
	return nil
}

// facts codes what a filter looks at.
func (a *arena) facts(source, state string, sex, bornMin, bornMax int) (attr, error) {
	s, err := intern(&a.sources, source)
	if err != nil {
		return attr{}, err
	}
	t, err := intern(&a.states, state)
	if err != nil {
		return attr{}, err
	}
	return attr{source: toC(s), state: toC(t), sex: toSex(sex), born_min: year(bornMin), born_max: year(bornMax)}, nil
}

// explain adds to an error of the engine what its operator can do about it, and makes a
// cancelled call the context's error.
func explain(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case sqlite3.ErrFull:
		return fmt.Errorf("no space left for the index, nothing of this was written: %w; hint: free some disk space, the work is taken up "+
			"again by itself", err)
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return fmt.Errorf("another process holds the index for more than %s: %w", 30*time.Second, err)
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return fmt.Errorf("the index file is damaged: %w; hint: it is derived: delete it and run `lineup reindex`", err)
	case sqlite3.ErrReadonly, sqlite3.ErrPerm, sqlite3.ErrCantOpen:
		return fmt.Errorf("%w; hint: the index directory and its files must be writable by the user lineup runs as", err)
	case sqlite3.ErrInterrupt:
		return fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return err
}

func missing(name string) error {
	return fmt.Errorf("generation %q: %w", name, fs.ErrNotExist)
}

// nearest does one search, alone or together with others that wait.
func (x *generation) nearest(ctx context.Context, all *scans, embedding []float32, k int, f index.Filter) ([]index.Neighbour, error) {
	w := &waiting{search: search{ctx: ctx, query: embedding, k: k, filter: f}, done: make(chan struct{})}
	x.queue.add(w)
	for {
		turn := all.turns
		if !x.queue.holds(w) { // somebody is at it
			turn = nil
		}
		select {
		case <-w.done:
			return w.found, w.err
		case <-ctx.Done():
			if !x.queue.leave(w) {
				<-w.done // soon: its scan stops
			}
			return nil, ctx.Err()
		case turn <- struct{}{}:
			// Turns nobody waits for would be cores that idle: the pass takes them too.
			held := 1 + spare(all.turns)
			x.scan(ctx, all, x.queue.take(), held)
			for range held {
				<-all.turns
			}
		}
	}
}

// spare takes the turns that are free and returns how many they were.
func spare(turns chan struct{}) int {
	for n := 0; ; n++ {
		select {
		case turns <- struct{}{}:
		default:
			return n
		}
	}
}

// scan does the searches, in so many parts at once, on the faces as of now, which is after each
// of them began.
func (x *generation) scan(ctx context.Context, all *scans, list []*waiting, parts int) {
	defer func() {
		for _, w := range list {
			close(w.done)
		}
	}()
	v, err := x.view(ctx)
	if err != nil {
		for _, w := range list {
			w.err = err
		}
		return
	}
	defer x.arena.release(v)
	searches := make([]*search, len(list))
	for i, w := range list {
		searches[i] = &w.search
	}
	v.scan(searches, parts)
	for _, s := range searches {
		all.add(s.tally)
	}
	names := make([]string, len(v.sources)+1)
	for name, code := range v.sources {
		names[code] = name
	}
	for _, w := range list {
		w.found = make([]index.Neighbour, len(w.hits))
		for i, h := range w.hits {
			c := v.chunks[h.chunk]
			w.found[i] = index.Neighbour{Face: v.face(c, h.row), Source: names[c.attrs[h.row].source], Distance: math.Sqrt(h.squared)}
		}
	}
}
