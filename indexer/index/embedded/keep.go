package embedded

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"
)

// loadSnapshot fills the arena from the snapshot file. Whatever is wrong with it, the database
// has everything: the file is deleted and the arena left empty.
func (x *generation) loadSnapshot() {
	f, err := os.Open(x.path + snapshotSuffix)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	fresh := newArena(x.Model.Dimensions)
	seq, err := readSnapshot(f, info.Size(), fresh, x.file)
	if err != nil || !x.reached(seq) {
		fresh.close()
		x.dropSnapshot()
		return
	}
	fresh.publish(seq)
	x.arena.close()
	x.arena = fresh
	x.saved = time.Now()
}

// reached tells whether the database is at least as far as a snapshot of it: a restored older
// database must not be taken for the newer one.
func (x *generation) reached(seq int64) bool {
	var now int64
	return x.write.QueryRow("SELECT seq FROM counter").Scan(&now) == nil && seq <= now
}

// dropSnapshot deletes the file, so that it keeps nobody who left.
func (x *generation) dropSnapshot() {
	_ = os.Remove(x.path + snapshotSuffix)
	x.saved = time.Time{}
}

// saveSnapshot writes the file when it is worth it, at most every two minutes.
func (x *generation) saveSnapshot(ctx context.Context) error {
	x.mu.Lock()
	v := x.arena.acquire()
	due := v.faces >= snapshotFrom && time.Since(x.tried) > 2*time.Minute && (x.saved.IsZero() || x.since > v.faces/20)
	if due {
		x.tried, x.since = time.Now(), 0
	}
	x.mu.Unlock()
	defer x.arena.release(v)
	if !due {
		return nil
	}
	path := x.path + snapshotSuffix
	err := func() error {
		f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := writeSnapshot(ctx, f, v, x.file, x.Model.Dimensions); err != nil {
			return err
		}
		return f.Sync()
	}()
	if err != nil {
		_ = os.Remove(path + ".new")
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.goneAt > v.seq { // somebody left meanwhile
		return os.Remove(path + ".new")
	}
	x.saved = time.Now()
	return os.Rename(path+".new", path)
}

// keep looks after the open generations until ctx is done: the scan's sieve, snapshot files, and the write-ahead
// log, in which deleted rows stand until it is folded back.
func (x *Index) keep(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for ; ctx.Err() == nil; wait(ctx, tick) {
		x.mu.Lock()
		open := make([]*slot, 0, len(x.slots))
		for _, s := range x.slots {
			s.holders.Add(1)
			open = append(open, s)
		}
		x.mu.Unlock()
		for _, s := range open {
			s.mu.Lock()
			g := s.g
			s.mu.Unlock()
			if g != nil {
				g.keep(ctx, x)
			}
			s.holders.Done()
		}
	}
}

func wait(ctx context.Context, tick *time.Ticker) {
	select {
	case <-ctx.Done():
	case <-tick.C:
	}
}

func (x *generation) keep(ctx context.Context, of *Index) {
	x.mu.Lock()
	left := x.left
	x.left = false
	x.mu.Unlock()
	if left {
		var busy, log, done int
		if err := x.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil || busy != 0 {
			x.mu.Lock()
			x.left = true // again next time
			x.mu.Unlock()
		}
	}
	lock := func() func() { x.mu.Lock(); return x.mu.Unlock }
	changed, err := x.arena.improve(ctx, lock)
	if err != nil {
		of.log.Warn("searches are slower than they could be", "generation", x.Name, "error", err)
	}
	if changed {
		x.mu.Lock()
		x.since = math.MaxInt // the snapshot file shall have the new sieve
		x.mu.Unlock()
	}
	if err := x.saveSnapshot(ctx); err != nil && ctx.Err() == nil {
		of.log.Warn("faces not saved for a quick start", "generation", x.Name, "error", err)
	}
}
