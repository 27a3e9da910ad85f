// Package blob is the port to object storage: bytes kept under the registrant they belong to
// and the SHA-256 of their content.
//
// A blob belongs to one registrant, so removing a registrant is deleting what stands below its
// id: no count of references can be wrong. Bytes shared by two registrants are kept twice.
// The layout of keys is
//
//	<kind>/<owner uuid>/<sha-256>
//
// with the kind first, so that any S3 can give page snapshots a life cycle by prefix.
//
// Calls may be repeated and may run at once. Put is durable when it returns. Get of a blob
// that is not there is fs.ErrNotExist; Delete of one is not an error.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"lineup/schemas"
)

// Kind says what a blob holds; each kind may have a life cycle of its own.
type Kind string

// The kinds of blobs.
const (
	Photo  Kind = "photo"  // as the source sent it
	Page   Kind = "page"   // the part of a page that speaks of the owner, zstd
	Record Kind = "record" // schemas.Record, canonical JSON
)

// Ref names one blob.
type Ref struct {
	Owner  schemas.UUID
	Kind   Kind
	Digest schemas.Digest
}

// Key is the object key of r.
func (r Ref) Key() string { return string(r.Kind) + "/" + string(r.Owner) + "/" + string(r.Digest) }

// Validate refuses a Ref that cannot name a blob: anything but a canonical UUID, a kind of
// ours and a digest. No key of a valid Ref leaves its owner's prefix. Errors: ErrRef.
func (r Ref) Validate() error {
	if err := ValidOwner(r.Owner); err != nil {
		return err
	}
	if !slices.Contains(Kinds(), r.Kind) {
		return fmt.Errorf("kind %.20q: %w", r.Kind, ErrRef)
	}
	if !r.Digest.Valid() {
		return fmt.Errorf("digest %.70q: %w", r.Digest, ErrRef)
	}
	return nil
}

// ValidOwner refuses what is not a UUID in canonical form. Errors: ErrRef.
func ValidOwner(owner schemas.UUID) error {
	if canonical, err := schemas.ParseUUID(string(owner)); err != nil || canonical != owner {
		return fmt.Errorf("owner %.40q: %w", owner, ErrRef)
	}
	return nil
}

// ParseKey reads what Ref.Key gives, and nothing else. Errors: ErrRef.
func ParseKey(key string) (Ref, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return Ref{}, fmt.Errorf("key %.120q: %w", key, ErrRef)
	}
	ref := Ref{Kind: Kind(parts[0]), Owner: schemas.UUID(parts[1]), Digest: schemas.Digest(parts[2])}
	if err := ref.Validate(); err != nil {
		return Ref{}, fmt.Errorf("key %.120q: %w", key, err)
	}
	return ref, nil
}

// RefOf is the name data has under owner and kind. Errors: ErrRef, ErrTooLarge. Adapters
// start their Put with it.
func RefOf(owner schemas.UUID, kind Kind, data []byte) (Ref, error) {
	if len(data) > MaxSize {
		return Ref{}, fmt.Errorf("%d bytes, the limit is %d: %w", len(data), MaxSize, ErrTooLarge)
	}
	ref := Ref{Owner: owner, Kind: kind, Digest: schemas.DigestOf(data)}
	return ref, ref.Validate()
}

// Kinds lists every kind there is.
func Kinds() []Kind { return []Kind{Photo, Page, Record} }

// Shards is how many parts the blobs are walked in, by the shards of their owners.
const Shards = schemas.Shards

// ShardPrefix is what the owners of a shard begin with.
func ShardPrefix(shard int) string { return fmt.Sprintf("%02x", shard) }

// Info is a stored blob as Walk finds it.
type Info struct {
	Ref
	Size     int64
	Modified time.Time
}

// Errors of a Store, beside fs.ErrNotExist.
var (
	// ErrCorrupt is returned by Get when the bytes do not have the digest they are named by.
	ErrCorrupt = errors.New("stored bytes do not have their digest")
	// ErrTooLarge is returned by Put for data larger than MaxSize.
	ErrTooLarge = errors.New("blob is too large")
	// ErrRef is returned by every call for an owner, kind or digest that cannot name a blob.
	ErrRef = errors.New("not the name of a blob")
	// ErrFull is returned by Put when the store has no room; nothing of the blob is left behind.
	ErrFull = errors.New("no room left in the blob store; free space or enlarge it, nothing is lost")
)

// MaxSize is the largest blob in bytes that Put takes and Get returns.
const MaxSize = 32 << 20

// Store keeps blobs. A name that cannot be one is ErrRef, before anything is asked of storage.
type Store interface {
	// Put stores data under owner and kind and returns its name. Putting what is there already
	// changes no bytes, but heals a blob whose stored bytes have another length, and makes the
	// age of a Page start again (Info.Modified). The caller may reuse data afterwards.
	// Errors: ErrTooLarge, ErrFull.
	Put(ctx context.Context, owner schemas.UUID, kind Kind, data []byte) (Ref, error)
	// Get returns the bytes of ref. Errors: fs.ErrNotExist, ErrCorrupt.
	Get(ctx context.Context, ref Ref) ([]byte, error)
	// Has reports whether ref is there, without reading it.
	Has(ctx context.Context, ref Ref) (bool, error)
	// Delete removes the blobs named; after an error some may be gone.
	Delete(ctx context.Context, refs ...Ref) error
	// Walk yields all blobs of owner, or of everybody when owner is "", in no order. A blob
	// written or deleted meanwhile may be missed or seen; what else lies in the store is passed
	// over. The first error ends it.
	Walk(ctx context.Context, owner schemas.UUID) iter.Seq2[Info, error]
	// WalkShard is Walk over one of the Shards parts of the store, 0 and up: so that a walk over everybody that was
	// interrupted need not begin anew.
	WalkShard(ctx context.Context, shard int) iter.Seq2[Info, error]
	// Check tries the store from here: nil when a blob can be written, read and deleted.
	Check(ctx context.Context) error
	io.Closer
}
