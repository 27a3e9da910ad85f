// Package queryd answers: whose published photo looks like this face, and what does a registry
// say about this record. It speaks the Offenders.io wire contract over HTTP, serves the web
// page and the MCP endpoint, and only ever reads: index, ledger, photos. What it writes is
// about its own users: use of keys, and evidence of matches, which expires.
//
// An answer never holds a registrant whom the ledger does not list at that moment, and there
// is no answer when the ledger cannot be asked.
package queryd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/ingest/blob"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// Config is what an operator decides. Zero values mean what the comments say.
type Config struct {
	PublicURL       string        // base of minted links, "https://lineup.example.org"; "": the request's own host
	Demo            bool          // the DEMO key opens the search for the bundled photo
	PerMinute       int           // requests a key may make a minute, 0: 120
	PerDay          int           // and a UTC day, 0: 20,000
	MaxPhoto        int           // a decoded photo has fewer bytes than this, 0: 3,000,000
	StripDataPrefix bool          // take "data:image/...;base64," before a photo instead of refusing it
	Legacy200       bool          // bad parameters of /sexoffender answer 200 with {error, reason} alone
	NearDays        int           // place searches look at records changed in the last so many days, 0: all
	BulletCrimes    bool          // the layout of "crime": "* Title: ..." lines instead of "Crime: ..., ..."
	EmbedTimeout    time.Duration // for the face of a probe, 0: 15 s
	SearchTimeout   time.Duration // for index and ledger together, 0: 10 s
	ReadTimeout     time.Duration // for a client to send a whole request, 0: 30 s
	Contact         string        // where people ask this operator for corrections: an e-mail address or a URL
	MaxConnections  int           // open at once, 0: 2,000
	AllowOrigin     string        // whose pages may call the API, "": "*"
}

func (c Config) withDefaults() (Config, error) {
	setInt := func(into *int, value int) {
		if *into == 0 {
			*into = value
		}
	}
	setInt(&c.PerMinute, 120)
	setInt(&c.PerDay, 20_000)
	setInt(&c.MaxPhoto, 3_000_000)
	setInt(&c.MaxConnections, 2_000)
	if c.EmbedTimeout == 0 {
		c.EmbedTimeout = 15 * time.Second
	}
	if c.SearchTimeout == 0 {
		c.SearchTimeout = 10 * time.Second
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = 30 * time.Second
	}
	if c.AllowOrigin == "" {
		c.AllowOrigin = "*"
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
			return c, fmt.Errorf("public URL %q: want something like https://lineup.example.org", c.PublicURL)
		}
		for len(c.PublicURL) > 0 && c.PublicURL[len(c.PublicURL)-1] == '/' {
			c.PublicURL = c.PublicURL[:len(c.PublicURL)-1]
		}
	}
	return c, nil
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
	Mode         string // "enabled", "permission_required", "link_only", "import"
	HasPhotos    bool
	Terms        string // URL
	Attribution  string
	Notices      []string
	Permission   *Permission // the operator's record of it, nil for none
	// MaxAge is how old the last complete run may be before answers say that they may be
	// incomplete; 0 is never.
	MaxAge time.Duration
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

// Deps is what a Server works with. All fields must be set but those said to be optional.
type Deps struct {
	Index index.Reader
	Faces face.Embedder
	// MoreFaces are embedders of other models, optional: for when a reindex switches to one.
	MoreFaces []face.Embedder
	Photos    Photos
	Ledger    Ledger
	Keys      *keys.Store
	Evidence  *evidence.Store // optional: without it matches have no evidence
	Sources   []Source
	// State tells how a source stands; optional: coverage then says "unknown".
	State func(ctx context.Context, source string) (SourceState, error)
	// Ready are further parts that must work before requests are answered well, by name;
	// optional. A nil error is "ready".
	Ready   map[string]func(context.Context) error
	Metrics prometheus.Registerer
	Log     *slog.Logger
	Audit   *slog.Logger // one line a request; optional, Log then
	Now     func() time.Time
}

// Server answers requests. Make it with New.
type Server struct {
	config  Config
	deps    Deps
	sources map[string]Source
	demo    schemas.Digest
	metrics *metrics
	model   atomic.Int32 // which of Faces and MoreFaces fitted the serving generation last
	limits  *limiter
	typical *score.Typical
	page    *page
	fresh   freshness
	broad   chan struct{} // holds a token for each search without name or id that runs
	handler http.Handler
}

// broadSearches is how many searches without a name or id run at once; the others wait.
const broadSearches = 4

// slopeCheck is how often the gallery's size is compared with the one its typical slope was
// measured at.
const slopeCheck = time.Minute

// New makes a Server that does not yet listen. Its handler answers at once; Run also keeps
// the calibration fresh and the usage counts stored.
func New(config Config, deps Deps) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if deps.Audit == nil {
		deps.Audit = deps.Log
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	deps.Index = rounded{deps.Index}
	s := &Server{
		config:  config,
		deps:    deps,
		sources: make(map[string]Source, len(deps.Sources)),
		demo:    schemas.DigestOf(demoPhoto),
		broad:   make(chan struct{}, broadSearches),
		limits:  newLimiter(config.PerMinute, config.PerDay),
		typical: score.NewTypical(deps.Index, deps.Log, slopeCheck),
	}
	for _, source := range deps.Sources {
		s.sources[source.ID] = source
	}
	if s.metrics, err = newMetrics(deps.Metrics); err != nil {
		return nil, err
	}
	if s.page, err = newPage(); err != nil {
		return nil, err
	}
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Limits of a connection. A client that sends its headers or body slower is cut off.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 32 << 10
	drainTimeout  = 20 * time.Second
	usageFlush    = 5 * time.Second
)

// Run answers on the listener, which it closes, until ctx ends; then it lets the requests at
// hand finish, stores what was used, and returns nil.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: min(headerTimeout, s.config.ReadTimeout),
		ReadTimeout:       s.config.ReadTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := server.Serve(netutil.LimitListener(listener, s.config.MaxConnections))
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	})
	group.Go(func() error {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			server.Close()
			return fmt.Errorf("finish the requests at hand: %w", err)
		}
		return nil
	})
	group.Go(func() error { return s.typical.Run(ctx) })
	var flusher sync.WaitGroup
	stop := make(chan struct{})
	flusher.Go(func() { s.flushUsage(context.WithoutCancel(ctx), stop) })
	err := group.Wait()
	close(stop)
	flusher.Wait()
	return err
}

// Calibrate measures the gallery's typical slope at once when it is due. Run does so from
// time to time; tests and one-off commands call it instead.
func (s *Server) Calibrate(ctx context.Context) error { return s.typical.Refresh(ctx) }

// flushUsage adds the counts to the store from time to time, and once more at the end.
func (s *Server) flushUsage(ctx context.Context, stop <-chan struct{}) {
	tick := time.NewTicker(usageFlush)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-tick.C:
		case <-stop:
			done = true
		}
		bounded, cancel := context.WithTimeout(ctx, usageFlush)
		if err := s.limits.flush(bounded, s.deps.Keys); err != nil {
			s.deps.Log.WarnContext(ctx, "usage not stored, kept for the next time", "error", err)
		}
		cancel()
	}
}
