// Package backup writes what cannot be rebuilt - ledger with its removal list, runs, API keys and
// the signing key - into a directory of plain files, and reads it back. Blobs are the object
// store's own to back up; the index is rebuilt from ledger and blobs.
//
// A backup is
//
//	manifest.json          what follows, with the number of entries and the SHA-256 of each file
//	BUCKET.jsonl           one line an entry: {"key": "...", "value": <base64>}
//	removals.jsonl         the removal list in clear, for people: {"source", "id", "at", "reason"}
//
// The files hold the names of nobody, but hashed API keys and a private key: they are written
// with mode 0600. A backup of a running installation is whole entry by entry, as a crawl goes on; what
// it misses is crawled again.
package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/ingest/signing"
	"lineup/schemas"
)

// Schema is the version of the files. History: 1, the first.
const Schema = 1

const (
	manifestFile = "manifest.json"
	removalsFile = "removals.jsonl"
	// maxLine bounds one entry; a bucket takes at most 1 MiB.
	maxLine = 4 << 20
	// leap is added to restored revisions, so that whatever an index still holds is older.
	leap = 1_000_000
)

// Errors of Write and Restore.
var (
	// ErrExists is returned by Write for a directory that holds something.
	ErrExists = errors.New("directory is not empty")
	// ErrDamaged is returned by Restore, before it changes anything, for files that are not as they were written.
	ErrDamaged = errors.New("backup is damaged")
)

// Manifest lists the files of a backup.
type Manifest struct {
	Schema  int       `json:"schema"`
	Made    time.Time `json:"made"`
	Version string    `json:"version"` // of the program
	// Upgrades is how many of broker.Upgrades were noted as done; backups of older versions do not say.
	Upgrades int    `json:"upgrades,omitempty"`
	Files    []File `json:"files"`
}

// File is one bucket's file, or the removal list with Bucket "".
type File struct {
	Name    string         `json:"name"`
	Bucket  string         `json:"bucket,omitempty"`
	Entries int            `json:"entries"`
	SHA256  schemas.Digest `json:"sha256"`
}

type entry struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

type removal struct {
	Source string       `json:"source"`
	ID     schemas.UUID `json:"id"`
	schemas.Removal
}

// Write backs up into dir, which must be empty or missing, what the table of stores says. The manifest is
// written last: without it a directory is no backup. Errors: ErrExists.
func Write(ctx context.Context, js jetstream.JetStream, dir, version string) (Manifest, error) {
	m := Manifest{Schema: Schema, Made: time.Now().UTC().Truncate(time.Second), Version: version}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, fmt.Errorf("make the backup's directory: %w", err)
	}
	if there, err := os.ReadDir(dir); err != nil || len(there) > 0 {
		if err == nil {
			err = fmt.Errorf("%s: %w: name a new one", dir, ErrExists)
		}
		return m, err
	}
	var err error
	if m.Upgrades, err = broker.Upgraded(ctx, js); err != nil {
		return m, err
	}
	removals, err := create(filepath.Join(dir, removalsFile))
	if err != nil {
		return m, err
	}
	defer removals.abandon()
	for _, store := range broker.Stores() {
		if !store.Backup {
			continue
		}
		file, err := writeBucket(ctx, js, dir, store.Name, removals)
		if err != nil {
			return m, fmt.Errorf("back up %s: %w", store.Name, err)
		}
		m.Files = append(m.Files, file)
	}
	list, err := removals.finish()
	if err != nil {
		return m, err
	}
	m.Files = append(m.Files, list)
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, fmt.Errorf("encode the manifest: %w", err)
	}
	return m, writeSynced(dir, manifestFile, append(data, '\n'))
}

func writeBucket(ctx context.Context, js jetstream.JetStream, dir, name string, removals *lines) (File, error) {
	bucket, err := broker.UseBucket(js, name)
	if err != nil {
		return File{}, err
	}
	out, err := create(filepath.Join(dir, name+".jsonl"))
	if err != nil {
		return File{}, err
	}
	defer out.abandon()
	seen := map[string]bool{}
	var problem error
	err = bucket.Each(ctx, "", func(e broker.Entry) bool {
		if seen[e.Key] { // written twice meanwhile
			return true
		}
		seen[e.Key] = true
		if problem = out.add(entry{e.Key, e.Value}); problem != nil {
			return false
		}
		if name != broker.Listings {
			return true
		}
		if s, err := schemas.DecodeListing(e.Value); err == nil && s.Removal != nil {
			problem = removals.add(removal{s.Source, s.ID, *s.Removal})
		}
		return problem == nil
	})
	if err := errors.Join(err, problem); err != nil {
		return File{}, err
	}
	file, err := out.finish()
	file.Bucket = name
	return file, err
}

// Restored says what Restore did.
type Restored struct {
	Added int // entries that were not there
	Same  int // entries that were there already, with the same content
	Kept  int // entries of the stores that differ from the backup's and were left as they are
}

// Restore adds the entries of the backup in dir that the stores lack; what they have stays, removals
// above all. The stores and the signing keys must have been prepared. Listings come back without marks and with later
// revisions, so that a reconcile enqueues all of them and the index follows. It may be repeated.
// Errors: ErrDamaged, schemas.ErrNewerSchema.
func Restore(ctx context.Context, js jetstream.JetStream, dir string) (Manifest, Restored, error) {
	var done Restored
	m, err := Verify(dir)
	if err != nil {
		return m, done, err
	}
	if err := broker.InheritUpgraded(ctx, js, m.Upgrades); err != nil {
		return m, done, err
	}
	for _, file := range m.Files {
		if file.Bucket == "" {
			continue
		}
		bucket, err := broker.UseBucket(js, file.Bucket)
		if err != nil {
			return m, done, fmt.Errorf("restore bucket %s: %w", file.Bucket, err)
		}
		err = read(filepath.Join(dir, file.Name), func(e entry) error {
			if purpose := signing.PurposeOf(file.Bucket, e.Key); purpose != "" {
				return adopt(ctx, js, purpose, e, &done)
			}
			if signing.IsPhotoLinks(file.Bucket, e.Key) {
				return signing.AdoptPhotoLinks(ctx, js, e.Value)
			}
			return restore(ctx, bucket, e, &done)
		})
		if err != nil {
			return m, done, fmt.Errorf("restore bucket %s: %w", file.Bucket, err)
		}
	}
	if done.Added > 0 { // what came back was told to nobody: who follows the changes starts over
		if err := broker.Renew(ctx, js, broker.Changes); err != nil {
			return m, done, fmt.Errorf("start the stream of changes anew: %w", err)
		}
	}
	return m, done, nil
}

// adopt makes a signing key of the backup the one in use: what its installation signed must verify, and what is
// signed next be of one hand.
func adopt(ctx context.Context, js jetstream.JetStream, purpose signing.Purpose, e entry, done *Restored) error {
	key, err := signing.Key(ctx, js, purpose)
	if err != nil {
		return err
	}
	if string(key.Seed()) == string(e.Value) {
		done.Same++
		return nil
	}
	done.Added++
	return signing.Adopt(ctx, js, purpose, e.Value)
}

func restore(ctx context.Context, bucket *broker.Bucket, e entry, done *Restored) error {
	value := e.Value
	if bucket.Name() == broker.Listings {
		s, err := schemas.DecodeListing(value)
		if err != nil {
			return fmt.Errorf("entry %s: %w", e.Key, err)
		}
		s.Marks, s.Fence, s.Revision = nil, 0, s.Revision+leap // of another installation
		if value, err = s.Encode(); err != nil {
			return fmt.Errorf("entry %s: %w", e.Key, err)
		}
	}
	_, err := bucket.Create(ctx, e.Key, value)
	if err == nil {
		done.Added++
		return nil
	}
	if !errors.Is(err, broker.ErrRaced) {
		return fmt.Errorf("entry %s: %w", e.Key, err)
	}
	there, err := bucket.Get(ctx, e.Key)
	if err != nil {
		return fmt.Errorf("entry %s: %w", e.Key, err)
	}
	if string(there.Value) == string(value) || string(there.Value) == string(e.Value) {
		done.Same++
	} else {
		done.Kept++
	}
	return nil
}

// Verify reads the manifest in dir and checks every file it lists. Errors: ErrDamaged,
// schemas.ErrNewerSchema.
func Verify(dir string) (Manifest, error) {
	var m Manifest
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, schemas.Misuse("%w", schemas.NotFound("%s is no backup: it has no %s (one that was interrupted has none either)", dir,
			manifestFile))
	}
	if err != nil {
		return m, fmt.Errorf("read the backup's manifest: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("%s: %w: %w", manifestFile, ErrDamaged, err)
	}
	if m.Schema > Schema {
		return m, fmt.Errorf("backup of schema %d, this version knows %d: %w", m.Schema, Schema, schemas.ErrNewerSchema)
	}
	for _, file := range m.Files {
		if file.Name != filepath.Base(file.Name) || (file.Bucket != "" && file.Name != file.Bucket+".jsonl") {
			return m, fmt.Errorf("file %q: %w", file.Name, ErrDamaged)
		}
		f, err := os.Open(filepath.Join(dir, file.Name))
		if err != nil {
			return m, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		sum := sha256.New()
		_, err = io.Copy(sum, f)
		f.Close()
		if err != nil {
			return m, fmt.Errorf("read %s: %w", file.Name, err)
		}
		if hex.EncodeToString(sum.Sum(nil)) != string(file.SHA256) {
			return m, fmt.Errorf("file %s: %w", file.Name, ErrDamaged)
		}
	}
	return m, nil
}

func read(name string, do func(entry) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Key == "" {
			return fmt.Errorf("line of %s: %w: %w", filepath.Base(name), ErrDamaged, err)
		}
		if err := do(e); err != nil {
			return err
		}
	}
	return lines.Err()
}
