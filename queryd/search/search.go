// Package search asks the questions and answers them: whose published photo looks like this
// face, which records meet these facts, how each registry stands. It knows no HTTP and no wire
// format: API, page and MCP ask here, so none can answer otherwise than the others.
//
// An answer never holds a registrant whom the ledger does not list at that moment, and there
// is no answer when the ledger cannot be asked.
package search

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/queryd/evidence"
	"lineup/schemas"
)

// Config is what an operator decides about searches.
type Config struct {
	EmbedTimeout  time.Duration // for the face of a probe
	SearchTimeout time.Duration // for index and ledger together
}

// Ledger says who is listed.
type Ledger interface {
	// Listing returns what the ledger knows of a registrant. Errors: fs.ErrNotExist for one
	// it never saw.
	Listing(ctx context.Context, source string, id schemas.UUID) (schemas.Listing, error)
	// Find is Listing for an id whose source is not known.
	Find(ctx context.Context, id schemas.UUID) (schemas.Listing, error)
}

// Photos is the part of blob.Store that is read here.
type Photos interface {
	Get(ctx context.Context, ref blob.Ref) ([]byte, error)
}

// Source is what is told of a registry we answer for.
type Source struct {
	ID           string
	Name         string
	Jurisdiction string
	Home         string // where a person would look
	Mode         string // "enabled", "unverified", "permission_required", "link_only", "import"
	HasPhotos    bool
	Terms        string // URL
	Attribution  string
	Notices      []string
	Permission   *Permission // the operator's record of it, nil for none
	// MaxAge is how old the last complete run may be before answers say that they may be
	// incomplete; 0 is never.
	MaxAge time.Duration
}

// Place is the name of the state that a registry is of, else the registry's own.
func (s Source) Place() string {
	if name := schemas.StateName(s.Jurisdiction); name != s.Jurisdiction {
		return name
	}
	return s.Name
}

// Permission says that a source's agency allows the crawl.
type Permission struct {
	Who       string `json:"who"`
	When      string `json:"when"` // YYYY-MM-DD
	Reference string `json:"reference"`
	Terms     string `json:"terms"` // URL
}

// SourceState is how a source stands at the moment.
type SourceState struct {
	Last     schemas.RunSummary // zero when there was none
	Complete schemas.RunSummary // the last complete one, zero when there was none
}

// Deps is what an Engine works with. All fields must be set but those said to be optional.
type Deps struct {
	Index     index.Reader
	Faces     face.Embedder
	MoreFaces []face.Embedder // of other models, optional: for when a reindex switches to one
	Photos    Photos
	Ledger    Ledger
	Evidence  *evidence.Store // optional: without it matches have no evidence
	Sources   []Source
	// State tells how a source stands; optional: coverage then says "unknown".
	State   func(ctx context.Context, source string) (SourceState, error)
	Metrics prometheus.Registerer
	Log     *slog.Logger
	Now     func() time.Time
}

// Engine answers questions. Make it with New.
type Engine struct {
	config  Config
	deps    Deps
	sources map[string]Source
	metrics *metrics
	model   atomic.Int32 // which of Faces and MoreFaces fitted the serving generation last
	fresh   freshness
	broad   chan struct{} // holds a token for each search without name or id that runs
}

// broadSearches is how many searches without a name or id run at once; the others wait.
const broadSearches = 4

// New makes an Engine. It answers at once.
func New(config Config, deps Deps) (*Engine, error) {
	deps.Index = rounded{deps.Index}
	e := &Engine{
		config:  config,
		deps:    deps,
		sources: make(map[string]Source, len(deps.Sources)),
		broad:   make(chan struct{}, broadSearches),
	}
	for _, source := range deps.Sources {
		e.sources[source.ID] = source
	}
	var err error
	e.metrics, err = newMetrics(deps.Metrics)
	return e, err
}

// Source is what is told of a registry; ok is false for one that is not known, of which only the
// id is there then.
func (e *Engine) Source(id string) (source Source, ok bool) {
	if source, ok = e.sources[id]; !ok {
		source = Source{ID: id, Name: id}
	}
	return source, ok
}

// Now is the time by which ages are reckoned.
func (e *Engine) Now() time.Time { return e.deps.Now() }
