// Package disk keeps blobs in a directory: the store of the all-in-one. Each blob is a file
//
//	<2 hex>/<2 hex>/<owner uuid>.<kind>.<sha-256>
//
// where the hex digits are the owner's first four, so a million owners give directories of
// some sixty files and no directory ever has to be removed. Files appear whole or not at all:
// they are written in tmp/, synced, renamed, and the directory is synced. Several processes may
// use one directory at once.
package disk

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"lineup/ingest/blob"
	"lineup/schemas"
)

const (
	fileMode = 0o600
	dirMode  = 0o700
	tmpDir   = "tmp"
	// tmpAge is when a file in tmp can no longer belong to a Put that is still at work.
	tmpAge = time.Hour
)

// Store is a blob.Store over a directory. Make one with Open.
type Store struct {
	root *os.Root // paths cannot leave it, whatever their names

	mu      sync.Mutex
	durable map[string]bool // directories known to be on disk with their parents
}

var _ blob.Store = (*Store)(nil)

// Open opens the store in dir, making it where it does not exist, and removes what Puts that
// were killed left behind.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("make blob directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	s := &Store{root: root, durable: map[string]bool{}}
	if err := s.cleanTmp(); err != nil {
		root.Close()
		return nil, fmt.Errorf("open blob directory %s: %w", dir, err)
	}
	return s, nil
}

// Put stores data; see blob.Store.
func (s *Store) Put(ctx context.Context, owner schemas.UUID, kind blob.Kind, data []byte) (blob.Ref, error) {
	ref, err := blob.RefOf(owner, kind, data)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.put(ref, data)
	}
	if err != nil {
		return blob.Ref{}, fmt.Errorf("put blob: %w", full(err))
	}
	return ref, nil
}

func (s *Store) put(ref blob.Ref, data []byte) error {
	name := fileOf(ref)
	dir := path.Dir(name)
	if err := s.makeDir(dir); err != nil {
		return err
	}
	there, err := s.root.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(there, data):
		if ref.Kind == blob.Page {
			now := time.Now()
			if err := s.root.Chtimes(name, now, now); err != nil {
				return err
			}
		}
		// Whoever wrote it may not have come to this yet.
		return s.syncDir(dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	tmp, err := s.writeTmp(data)
	if err != nil {
		return err
	}
	if err := s.root.Rename(tmp, name); err != nil {
		return errors.Join(err, s.root.Remove(tmp))
	}
	return s.syncDir(dir)
}

// writeTmp writes data to a fresh file in tmp and syncs it. After an error nothing is left.
func (s *Store) writeTmp(data []byte) (name string, err error) {
	name = path.Join(tmpDir, rand.Text())
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", errors.Join(err, s.root.Remove(name))
	}
	return name, nil
}

// Get reads a blob and checks its digest; see blob.Store.
func (s *Store) Get(ctx context.Context, ref blob.Ref) ([]byte, error) {
	if err := begin(ctx, ref); err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	f, err := s.root.Open(fileOf(ref))
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, blob.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	if len(data) > blob.MaxSize || schemas.DigestOf(data) != ref.Digest {
		return nil, fmt.Errorf("get blob %s: %w", ref.Key(), blob.ErrCorrupt)
	}
	return data, nil
}

// Has reports whether a blob is there; see blob.Store.
func (s *Store) Has(ctx context.Context, ref blob.Ref) (bool, error) {
	err := begin(ctx, ref)
	if err == nil {
		_, err = s.root.Lstat(fileOf(ref))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("look for blob: %w", err)
	}
	return err == nil, nil
}

// Delete removes blobs, durably; see blob.Store.
func (s *Store) Delete(ctx context.Context, refs ...blob.Ref) error {
	touched := map[string]bool{}
	for _, ref := range refs {
		if err := begin(ctx, ref); err != nil {
			return fmt.Errorf("delete blob: %w", err)
		}
		switch err := s.root.Remove(fileOf(ref)); {
		case err == nil:
			touched[path.Dir(fileOf(ref))] = true
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("delete blob: %w", err)
		}
	}
	for dir := range touched {
		if err := s.syncDir(dir); err != nil {
			return fmt.Errorf("delete blob: %w", err)
		}
	}
	return ctx.Err()
}

// Walk yields the blobs of owner or of all; see blob.Store.
func (s *Store) Walk(ctx context.Context, owner schemas.UUID) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		if owner != "" {
			if err := blob.ValidOwner(owner); err != nil {
				yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
				return
			}
			s.walkDir(ctx, dirOf(owner), string(owner)+".", yield)
			return
		}
		tops, err := s.readDir(".")
		if err != nil {
			yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
			return
		}
		for _, top := range tops {
			if top.IsDir() && len(top.Name()) == 2 && !s.walkTop(ctx, top.Name(), yield) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
		}
	}
}

// WalkShard is Walk over one part; see blob.Store.
func (s *Store) WalkShard(ctx context.Context, shard int) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		if s.walkTop(ctx, blob.ShardPrefix(shard), yield) && ctx.Err() != nil {
			yield(blob.Info{}, fmt.Errorf("walk blobs: %w", ctx.Err()))
		}
	}
}

// walkTop yields the blobs below a directory of the top and reports whether to go on.
func (s *Store) walkTop(ctx context.Context, top string, yield func(blob.Info, error) bool) bool {
	subs, err := s.readDir(top)
	if err != nil {
		yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
		return false
	}
	for _, sub := range subs {
		if sub.IsDir() && !s.walkDir(ctx, path.Join(top, sub.Name()), "", yield) {
			return false
		}
	}
	return true
}

// walkDir yields the blobs in dir whose file name begins with prefix and reports whether to go on.
func (s *Store) walkDir(ctx context.Context, dir, prefix string, yield func(blob.Info, error) bool) bool {
	files, err := s.readDir(dir)
	if err != nil {
		yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
		return false
	}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
			return false
		}
		ref, ok := refOf(dir, file.Name())
		if !ok || !strings.HasPrefix(file.Name(), prefix) || !file.Type().IsRegular() {
			continue
		}
		info, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
			return false
		}
		if !yield(blob.Info{Ref: ref, Size: info.Size(), Modified: info.ModTime()}, nil) {
			return false
		}
	}
	return true
}

// Check writes, syncs, reads and deletes a file; see blob.Store.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("check blob directory: %w", err)
	}
	probe := []byte("lineup checks that it can write here")
	tmp, err := s.writeTmp(probe)
	if err != nil {
		return fmt.Errorf("check blob directory: %w", full(err))
	}
	got, err := s.root.ReadFile(tmp)
	if err == nil && !bytes.Equal(got, probe) {
		err = blob.ErrCorrupt
	}
	if err := errors.Join(err, s.root.Remove(tmp)); err != nil {
		return fmt.Errorf("check blob directory: %w", err)
	}
	return nil
}

// Close releases the directory.
func (s *Store) Close() error { return s.root.Close() }

// makeDir makes a fan-out directory, and makes sure once a process that it and its parent
// would still be there after a power failure. Two callers may do so at once: neither waits for the other's disk.
func (s *Store) makeDir(dir string) error {
	top := path.Dir(dir)
	s.mu.Lock()
	there, parent := s.durable[dir], s.durable[top]
	s.mu.Unlock()
	if there {
		return nil
	}
	if err := s.root.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if !parent {
		if err := s.syncDir("."); err != nil {
			return err
		}
	}
	if err := s.syncDir(top); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable[top], s.durable[dir] = true, true
	return nil
}

func (s *Store) syncDir(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readDir lists a directory; one that is not there is empty.
func (s *Store) readDir(dir string) ([]fs.DirEntry, error) {
	d, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.ReadDir(-1)
}

func (s *Store) cleanTmp() error {
	if err := s.root.MkdirAll(tmpDir, dirMode); err != nil {
		return err
	}
	files, err := s.readDir(tmpDir)
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil || time.Since(info.ModTime()) < tmpAge {
			continue // gone by now, or another process may be writing it
		}
		if err := s.root.Remove(path.Join(tmpDir, file.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func begin(ctx context.Context, ref blob.Ref) error {
	if err := ref.Validate(); err != nil {
		return err
	}
	return ctx.Err()
}

func dirOf(owner schemas.UUID) string { return path.Join(string(owner[:2]), string(owner[2:4])) }

func fileOf(ref blob.Ref) string {
	return path.Join(dirOf(ref.Owner), string(ref.Owner)+"."+string(ref.Kind)+"."+string(ref.Digest))
}

// refOf reads a file's name back; a file that lies where its name does not belong is none.
func refOf(dir, file string) (blob.Ref, bool) {
	parts := strings.Split(file, ".")
	if len(parts) != 3 {
		return blob.Ref{}, false
	}
	ref := blob.Ref{Owner: schemas.UUID(parts[0]), Kind: blob.Kind(parts[1]), Digest: schemas.Digest(parts[2])}
	if ref.Validate() != nil || dirOf(ref.Owner) != dir {
		return blob.Ref{}, false
	}
	return ref, true
}

// full marks the errors that mean there is no room.
func full(err error) error {
	for _, none := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, none) {
			return fmt.Errorf("%w (%w)", blob.ErrFull, err)
		}
	}
	return err
}
