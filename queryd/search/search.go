// Package search asks the questions and answers them: whose published photo looks like this
// face, which records meet these facts, how each registry stands. It knows no HTTP and no wire
// format: API, page and MCP ask here, so none can answer otherwise than the others.
//
// An answer never holds a registrant whom the ledger does not list at that moment, and there
// is no answer when the ledger cannot be asked.
package search

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/queryd/evidence"
	"lineup/schemas"
	"lineup/schemas/namekey"
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
	Permission   *schemas.Permission // the operator's record of it, nil for none
	// MaxAge is how old the last complete run may be before answers say that they may be
	// incomplete; 0 is never.
	MaxAge time.Duration
}

// Place is the name of the state that a registry is of, else the registry's own.
func (s Source) Place() string {
	if name := schemas.StateName(s.Jurisdiction); name != s.Jurisdiction {
		return name
	}
	if state := s.State(); state != "" && strings.Count(s.ID, "-") == 1 { // "us-vi", not "us-il-chicago"
		return schemas.StateName(state)
	}
	return s.Name
}

// State is the code of the state, district or territory that a registry is in, "" for one that is of none
// or of several. Some jurisdictions are codes of a registry's own, like "MN1": the source's id, "us-mn-doc",
// then says it.
func (s Source) State() string {
	if code, ok := schemas.StateCode(s.Jurisdiction); ok {
		return code
	}
	if parts := strings.Split(s.ID, "-"); len(parts) > 1 && parts[0] == "us" {
		if code, ok := schemas.StateCode(parts[1]); ok {
			return code
		}
	}
	return ""
}

// SourceState is how a source stands at the moment.
type SourceState struct {
	Last     schemas.RunSummary // zero when there was none
	Complete schemas.RunSummary // the last complete one, zero when there was none
	Changed  time.Time          // when a run last found anybody new, changed, returned or gone; zero for not known
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
	// Agencies gives the ids of the sources that are of one agency each: read by the definition of one of Sources, whose
	// id they begin with. Optional.
	Agencies func(ctx context.Context) ([]string, error)
	// State tells how a source stands; optional: coverage then says "unknown".
	State func(ctx context.Context, source string) (SourceState, error)
	// Changes is the ledger's: what changed since a cursor; optional. Errors: ledger.ErrCursor.
	Changes func(ctx context.Context, cursor string, limit int, all ledger.AllListed) (ledger.ChangesPage, error)
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
}

// New makes an Engine. It answers at once.
func New(config Config, deps Deps) (*Engine, error) {
	deps.Index = rounded{deps.Index}
	e := &Engine{
		config:  config,
		deps:    deps,
		sources: make(map[string]Source, len(deps.Sources)),
	}
	for _, source := range deps.Sources {
		e.sources[source.ID] = source
	}
	var err error
	e.metrics, err = newMetrics(deps.Metrics)
	return e, err
}

// Source is what is told of a registry, or of what an agency handed over in its form; ok is false for one that is not
// known, of which only the id is there then.
func (e *Engine) Source(id string) (source Source, ok bool) {
	definition, agency := schemas.SplitSource(id)
	if source, ok = e.sources[definition]; !ok {
		return Source{ID: id, Name: id}, false
	}
	if agency != "" {
		source.ID, source.Name, source.Mode, source.MaxAge = id, source.Name+" ("+agency+")", imported, 0
		source.Permission = nil
	}
	return source, true
}

// imported is the mode of a source that is read from files handed over.
const imported = "import"

// Now is the time by which ages are reckoned.
func (e *Engine) Now() time.Time { return e.deps.Now() }

// Timed observes how long a stage of an answer took; use it as defer e.Timed(ctx, "read")().
func (e *Engine) Timed(ctx context.Context, stage string) func() { return e.metrics.timed(ctx, stage) }

// Refused counts a probe that was refused before its face was looked for.
func (e *Engine) Refused(reason string) { e.metrics.problems.WithLabelValues(reason).Inc() }

// freshness remembers the states of the sources for a moment: every answer looks at them.
type freshness struct {
	mu     sync.Mutex
	at     time.Time
	told   []Source // all that are known, those of agencies included
	states map[string]SourceState
}

// rounded is an engine whose distances are score.Rounded, so that every engine gives the same answer.
type rounded struct{ index.Reader }

// Nearest rounds the engine's distances and orders faces whose distances are then equal by their ID.
func (r rounded) Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	neighbours, generation, err := r.Reader.Nearest(ctx, embedding, k, f)
	for i := range neighbours {
		neighbours[i].Distance = score.Rounded(neighbours[i].Distance)
	}
	slices.SortFunc(neighbours, func(a, b index.Neighbour) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Face.ID, b.Face.ID))
	})
	return neighbours, generation, err
}

// Question asks for records. All that is given must be met.
type Question struct {
	Name      namekey.Query
	Named     bool // a name was asked for
	Birth     schemas.Date
	Age       int // years, -1 for any
	Address   string
	Face      schemas.UUID
	Query     index.Query
	Extensive bool // aliases are searched too
	Page      int  // from 1
	PerPage   int
}
