// Package index is the port to the search index: what the query daemon looks things up in. It
// is derived from ledger and blobs and can always be rebuilt.
//
// An index holds generations. A generation is one built index, with faces of one model; one
// generation serves all reads, others are being built or kept. Writers name the generation;
// readers always read the serving one, whole: a switch is atomic for them.
//
// Every call may be repeated and may run at once with every other; reads never wait for
// writes. A write is durable, and seen by the next read anywhere, when it returns. What is missing is
// fs.ErrNotExist, also when no generation serves yet.
package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"lineup/schemas"
)

// Errors of an Index.
var (
	// ErrExists is returned by Create for a name that is taken.
	ErrExists = errors.New("generation exists already")
	// ErrServing is returned by Drop for the generation that serves.
	ErrServing = errors.New("generation is serving")
	// ErrEmbedding is returned for an embedding of the wrong length or with a number that is not finite.
	ErrEmbedding = errors.New("embedding does not fit the generation's model")
)

// State says what a generation is for.
type State string

// The states of a generation.
const (
	Building State = "building" // written to, not read
	Serving  State = "serving"  // written to and read; at most one
	Retired  State = "retired"  // served once; kept for going back, still told of who left
)

// Generation is one built index.
type Generation struct {
	Name  string // [a-z0-9-]{1,40}
	Model schemas.Model
	// Features is the FeatureVersion its keys and facts are made with. Create takes 0 for the present one.
	Features int
	State    State
	Created  time.Time // set by Create
	// Calibration is what Calibrate stored last; the zero value before.
	Calibration Calibration
	Stragglers  Stragglers // as Note stored them last
	Canaries    int        // as Hide stored it
}

// Counts says how much a generation holds.
type Counts struct {
	Registrants int // listed ones
	WithFace    int
	Faces       int
}

// Sharer is a registrant with a photo that looks like another one.
type Sharer struct {
	ID    schemas.UUID
	Photo PhotoOutcome
}

// Entry is the whole of what a generation shall hold of one registrant.
type Entry struct {
	ID       schemas.UUID
	Source   string
	Revision uint64
	Document *Document // nil: hold nothing (not listed)
	Faces    []schemas.Face
}

// Neighbour is a face near an embedding.
type Neighbour struct {
	Face     schemas.Face // without Embedding
	Source   string
	Distance float64 // in the model's metric, exact in float32
}

// Writer is what keeps generations.
type Writer interface {
	// Create makes an empty generation in state Building. Errors: ErrExists.
	Create(ctx context.Context, g Generation) error
	// Switch makes a generation serve and retires the one that did, atomically. Switching to
	// the serving one changes nothing.
	Switch(ctx context.Context, name string) error
	// Calibrate stores with a generation what was learnt from searching it with its own faces. Every
	// later read of the generation, by whatever process, tells it. Errors: fs.ErrNotExist.
	Calibrate(ctx context.Context, generation string, c Calibration) error
	// Note stores with a generation whom it lacks, as Calibrate does. Errors: fs.ErrNotExist.
	Note(ctx context.Context, generation string, s Stragglers) error
	// Hide stores with a generation that it may hold the canary under its first n keys, unless it may under more
	// already. Errors: fs.ErrNotExist.
	Hide(ctx context.Context, generation string, n int) error
	// Drop deletes a generation and all it holds. Dropping a missing one is not an error.
	// Errors: ErrServing.
	Drop(ctx context.Context, name string) error
	// Replace makes the generation hold exactly the entries, each all or nothing. An entry
	// whose Revision is below what the generation has seen of that registrant is passed over:
	// late writers cannot undo newer ones, nor bring back who left. Errors: fs.ErrNotExist, ErrEmbedding.
	Replace(ctx context.Context, generation string, entries ...Entry) error
}

// Reader is what answers searches.
type Reader interface {
	// Generations lists all, oldest first.
	Generations(ctx context.Context) ([]Generation, error)
	// Lookup returns the documents of the ids that are held, in the ids' order.
	Lookup(ctx context.Context, ids ...schemas.UUID) ([]Document, error)
	// Face returns one face with its embedding. Errors: fs.ErrNotExist.
	Face(ctx context.Context, id schemas.UUID) (schemas.Face, error)
	// Find returns a page of the documents that meet q, in the order of Rank, and how many do.
	Find(ctx context.Context, q Query) (Found, error)
	// Nearest returns the k faces that pass f and are nearest to the embedding, nearest
	// first, ties by face ID. The result is exact unless the engine is told otherwise.
	// Errors: ErrEmbedding, with the generation that the embedding does not fit.
	Nearest(ctx context.Context, embedding []float32, k int, f Filter) ([]Neighbour, Generation, error)
	// Enrolled counts the registrants with a face that pass f: the gallery that Nearest with
	// the same f searches. An engine for which that is dear may answer to within a tenth.
	// The generation is the one that was counted, as it was told before.
	Enrolled(ctx context.Context, f Filter) (int, Generation, error)
}

// Auditor is what compares a generation with the ledger, and reuses its work.
type Auditor interface {
	// Count counts what a generation holds.
	Count(ctx context.Context, generation string) (Counts, error)
	// Walk yields every registrant the generation holds (not those it knows to have left),
	// by ID, from the ID given ("" for all): Entry without Record's embedding work: Document has ID, Revision, Photos only.
	Walk(ctx context.Context, generation string, from schemas.UUID) iter.Seq2[Document, error]
	// Held returns the faces, with embeddings, and photo outcomes that a generation holds of
	// a photo, whoever it belongs to, MostHeld of each at most: an unchanged photo is never embedded twice by the same model.
	Held(ctx context.Context, generation string, photo schemas.Digest) ([]schemas.Face, []PhotoOutcome, error)
	// Sample returns up to n faces with embeddings, spread over the generation; the same seed and
	// faces give the same sample. Errors: fs.ErrNotExist.
	Sample(ctx context.Context, generation string, n int, seed uint64) ([]schemas.Face, error)
	// Persons returns Document.Person of those of the ids that are held and have one.
	// Errors: fs.ErrNotExist.
	Persons(ctx context.Context, generation string, ids ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error)
	// Search is Nearest over any generation, without a filter: for looking at one before it serves.
	// Errors: fs.ErrNotExist, ErrEmbedding.
	Search(ctx context.Context, generation string, embedding []float32, k int) ([]Neighbour, error)
	// Sharing returns photos of a source's registrants whose perceptual hash differs in at most bits (0..3) of
	// hash, at most limit of them: those that are not marked as Placeholder yet first.
	Sharing(ctx context.Context, generation, source string, hash uint64, bits, limit int) ([]Sharer, error)
}

// Index is an engine.
type Index interface {
	Writer
	Reader
	Auditor
	// Check tries the engine from here.
	Check(ctx context.Context) error
	io.Closer
}

// Stragglers are the registrants that a generation lacks, or lacks photos of, because they cannot be
// indexed. Generations tell how many there are and why.
type Stragglers struct {
	Registrants int    `json:"registrants"` // not held as they are listed
	Photos      int    `json:"photos"`      // registrants held without a photo whose stored bytes are damaged or gone
	Why         string `json:"why"`         // counts by class of failure: "1 corrupt_blob, 2 engine"
}

// String says it in a line, "" for none.
func (s Stragglers) String() string {
	if s.Registrants+s.Photos == 0 {
		return ""
	}
	return fmt.Sprintf("lacks %d registrants, and photos of %d (%s)", s.Registrants, s.Photos, s.Why)
}
