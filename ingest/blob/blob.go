// Package blob is the port to object storage: bytes kept under the registrant they belong to
// and the SHA-256 of their content.
//
// A blob belongs to one registrant, so removing a registrant is deleting what stands below its
// id: no count of references can be wrong. Bytes shared by two registrants are kept twice.
// The layout of keys is
//
//	<owner uuid>/<kind>/<sha-256>
//
// Calls may be repeated and may run at once. Put is durable when it returns. Get of a blob
// that is not there is fs.ErrNotExist; Delete of one is not an error.
package blob

import (
	"context"
	"errors"
	"io"
	"iter"
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
func (r Ref) Key() string { return string(r.Owner) + "/" + string(r.Kind) + "/" + string(r.Digest) }

// Info is a stored blob as Walk finds it.
type Info struct {
	Ref
	Size     int64
	Modified time.Time
}

// ErrCorrupt is returned by Get when the bytes do not have the digest they are named by.
var ErrCorrupt = errors.New("stored bytes do not have their digest")

// MaxSize is the largest blob in bytes that Put takes and Get returns.
const MaxSize = 32 << 20

// Store keeps blobs.
type Store interface {
	// Put stores data under owner and kind and returns its name. Putting what is there
	// already changes nothing. Errors: data larger than MaxSize.
	Put(ctx context.Context, owner schemas.UUID, kind Kind, data []byte) (Ref, error)
	// Get returns the bytes of ref. Errors: fs.ErrNotExist, ErrCorrupt.
	Get(ctx context.Context, ref Ref) ([]byte, error)
	// Has reports whether ref is there, without reading it.
	Has(ctx context.Context, ref Ref) (bool, error)
	// Delete removes the blobs named.
	Delete(ctx context.Context, refs ...Ref) error
	// Walk yields all blobs of owner, or of everybody when owner is "", in no order. A blob
	// written or deleted meanwhile may be missed or seen. The first error ends it.
	Walk(ctx context.Context, owner schemas.UUID) iter.Seq2[Info, error]
	// Check tries the store from here: nil when a blob can be written, read and deleted.
	Check(ctx context.Context) error
	io.Closer
}
