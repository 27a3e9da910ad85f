// Package queryd is the query daemon: a listener, and the routes to what answers. Questions are
// asked of package search alone; api puts its answers on the wire of the contract, web on the
// page, mcp before language models. All of it only ever reads: index, ledger, photos. What is
// written is about the daemon's own users: use of keys, and evidence of matches, which expires.
package queryd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/queryd/api"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/queryd/web"
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
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	}
	return c, nil
}

// What searches are made of and about.
type (
	Ledger      = search.Ledger
	Photos      = search.Photos
	Source      = search.Source
	Permission  = search.Permission
	SourceState = search.SourceState
)

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
	// Ready tells of each part that must work why it does not, nil where it does. It logs that itself.
	Ready   func(context.Context) map[string]error
	Metrics prometheus.Registerer
	Log     *slog.Logger
	Audit   *slog.Logger // one line a request; optional, Log then
	Now     func() time.Time
}

// Server answers requests. Make it with New.
type Server struct {
	config  Config
	log     *slog.Logger
	search  *search.Engine
	serve   *serve.Server
	api     *api.API
	pages   *web.Pages
	handler http.Handler
}

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
	s := &Server{config: config, log: deps.Log}
	if s.search, err = search.New(search.Config{EmbedTimeout: config.EmbedTimeout, SearchTimeout: config.SearchTimeout}, search.Deps{
		Index: deps.Index, Faces: deps.Faces, MoreFaces: deps.MoreFaces, Photos: deps.Photos, Ledger: deps.Ledger, Evidence: deps.Evidence,
		Sources: deps.Sources, State: deps.State, Metrics: deps.Metrics, Log: deps.Log, Now: deps.Now,
	}); err != nil {
		return nil, err
	}
	if s.serve, err = serve.New(serve.Config{
		PublicURL: config.PublicURL, Demo: config.Demo, PerMinute: config.PerMinute, PerDay: config.PerDay, Legacy200: config.Legacy200,
		Contact: config.Contact, AllowOrigin: config.AllowOrigin, KeyTimeout: config.SearchTimeout,
	}, serve.Deps{Search: s.search, Keys: deps.Keys, Ready: deps.Ready, Metrics: deps.Metrics, Log: deps.Log, Audit: deps.Audit,
		Now: deps.Now}); err != nil {
		return nil, err
	}
	s.api = api.New(api.Config{MaxPhoto: config.MaxPhoto, StripDataPrefix: config.StripDataPrefix, NearDays: config.NearDays,
		BulletCrimes: config.BulletCrimes}, s.search, s.serve)
	if s.pages, err = web.New(web.Config{MaxPhoto: config.MaxPhoto}, s.search, s.serve, s.api, deps.Log); err != nil {
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
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
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
	var flusher sync.WaitGroup
	stop := make(chan struct{})
	flusher.Go(func() { s.serve.FlushUsage(context.WithoutCancel(ctx), stop) })
	err := group.Wait()
	close(stop)
	flusher.Wait()
	return err
}
