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
}

// Counts says how much a generation holds.
type Counts struct {
	Registrants int // listed ones
	WithFace    int
	Faces       int
}

// Document is a registrant as the index holds it: enough to answer without another store.
type Document struct {
	ID        schemas.UUID
	Revision  uint64
	Record    schemas.Record
	Person    schemas.UUID // schemas.PersonID of the record, "" when it may not be linked
	FirstSeen time.Time
	Changed   time.Time
	Keys      []string // name keys, looked up by Query.AnyKey
	Photos    []PhotoOutcome
}

// PhotoOutcome says what became of one photo of the record under the generation's model.
type PhotoOutcome struct {
	Photo   schemas.Digest `json:"photo"`
	Face    schemas.UUID   `json:"face,omitempty"`    // set when it was enrolled
	Problem string         `json:"problem,omitempty"` // face.Code, or Placeholder, when not
	Hash    uint64         `json:"hash,omitempty"`    // perceptual hash of the photo
	Born    string         `json:"born,omitempty"`    // the record's date of birth, as far as known: tells sharers of a picture apart
}

// MostHeld bounds what Held gives of a photo that very many share.
const MostHeld = 64

// Placeholder is the Problem of a photo that shows nobody: too many people share it.
const Placeholder = "placeholder"

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

// Filter narrows a read. Each list is "one of", an empty one is "any"; all parts must hold.
// A fact about the person that is not known (sex, birth) passes: narrowing must not hide people by
// lack of data. A place that is not known does not: nobody can be said to live there.
type Filter struct {
	Sources []string
	States  []string // two-letter codes; home state, else the jurisdiction
	Sexes   []string // "male", "female"
	BornMin int      // year, 0 for any
	BornMax int      // year, 0 for any
}

// Query asks for documents. All parts that are set must hold.
type Query struct {
	Filter
	IDs     []schemas.UUID
	Persons []schemas.UUID
	AnyKey  []string // at least one of these name keys
	// Address parts, compared folded (FoldPlace). These must be known and equal.
	City, State, Zip string
	Near             *Circle
	FirstSeenFrom    time.Time
	FirstSeenTo      time.Time
	ChangedFrom      time.Time
	ChangedTo        time.Time
	Limit            int // at most this many, 0 is DefaultLimit
}

// DefaultLimit and MaxLimit bound the documents one Find returns.
const (
	DefaultLimit = 1000
	MaxLimit     = 20000
)

// Circle is a place and a distance around it.
type Circle struct {
	Lat, Lon float64 // degrees, WGS 84
	Miles    float64
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
	// Find returns the documents that meet q, ordered by ID (by distance, then ID, with
	// Near). more says that Limit cut the answer.
	Find(ctx context.Context, q Query) (docs []Document, more bool, err error)
	// Nearest returns the k faces that pass f and are nearest to the embedding, nearest
	// first, ties by face ID. The result is exact unless the engine is told otherwise.
	// Errors: ErrEmbedding.
	Nearest(ctx context.Context, embedding []float32, k int, f Filter) ([]Neighbour, Generation, error)
	// Enrolled counts the registrants with a face that pass f: the gallery that Nearest with
	// the same f searches. An engine for which that is dear may answer to within a tenth.
	Enrolled(ctx context.Context, f Filter) (int, error)
}

// Auditor is what compares a generation with the ledger, and reuses its work.
type Auditor interface {
	// Count counts what a generation holds.
	Count(ctx context.Context, generation string) (Counts, error)
	// Walk yields every registrant the generation holds (not those it knows to have left),
	// by ID: Entry without Record's embedding work: Document has ID, Revision, Photos only.
	Walk(ctx context.Context, generation string) iter.Seq2[Document, error]
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
