// Package queryd is the query daemon: a listener, and the routes to what answers. Questions are
// asked of package search alone; api puts its answers on the wire of the contract, web on the
// page, mcp before language models. All of it only ever reads: index, ledger, photos. What is
// written is about the daemon's own users: use of keys, what they watch, and evidence of matches, which expires.
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
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/ingest/ledger"
	"lineup/ingest/signing"
	"lineup/queryd/api"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/queryd/photolink"
	"lineup/queryd/retention"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/queryd/watches"
	"lineup/queryd/web"
)

// Config is what an operator decides. Nothing has a default here: package config holds those, and New refuses a limit
// or a time that is zero.
type Config struct {
	PublicURL       string        // base of minted links, "https://lineup.example.org"; "": the request's own host
	Demo            bool          // the DEMO key opens the search for the bundled photo
	DemoRecords     bool          // and all records, for an installation in which everybody is made up
	PerMinute       int           // requests a key may make a minute
	PerDay          int           // and a UTC day
	MaxPhoto        int           // a decoded photo has fewer bytes than this
	StripDataPrefix bool          // take "data:image/...;base64," before a photo instead of refusing it
	Legacy200       bool          // bad parameters of /sexoffender answer 200 with {error, reason} alone
	NearDays        int           // place searches look at records changed in the last so many days, 0: all
	BulletCrimes    bool          // the layout of "crime": "* Title: ..." lines instead of "Crime: ..., ..."
	EmbedTimeout    time.Duration // for the face of a probe
	SearchTimeout   time.Duration // for index and ledger together
	ReadTimeout     time.Duration // for a client to send a whole request
	Contact         string        // where people ask this operator for corrections: an e-mail address or a URL
	MaxConnections  int           // open at once
	MaxBodies       int           // bodies of requests read at once
	IdleTimeout     time.Duration // for the next request of a connection

	PhotoLinkDays      int    // a link to a photo is good for at least so many days
	AddressConnections int    // connections of one client open at once
	AddressPerMinute   int    // requests without a key that works of one client a minute
	Proxies            string // networks between commas whose X-Forwarded-For is believed, "": none
	HooksInside        bool   // webhooks of watches may be at addresses that are not public, and http
	AllowOrigin        string // whose pages may call the API, "*": all, "": none

	Retention retention.Terms // what is told of how long things are kept
}

// checked is c with its addresses as they are used. Errors: a value that cannot be meant.
func (c Config) checked() (Config, error) {
	for name, value := range map[string]int64{
		"PerMinute": int64(c.PerMinute), "PerDay": int64(c.PerDay), "MaxPhoto": int64(c.MaxPhoto),
		"MaxConnections": int64(c.MaxConnections), "MaxBodies": int64(c.MaxBodies), "PhotoLinkDays": int64(c.PhotoLinkDays),
		"AddressConnections": int64(c.AddressConnections), "AddressPerMinute": int64(c.AddressPerMinute),
		"EmbedTimeout": int64(c.EmbedTimeout), "SearchTimeout": int64(c.SearchTimeout), "ReadTimeout": int64(c.ReadTimeout),
		"IdleTimeout": int64(c.IdleTimeout),
	} {
		if value <= 0 {
			return c, fmt.Errorf("the daemon's %s is %d: it must be more than 0", name, value)
		}
	}
	c.Retention.PhotoLinkDays = c.PhotoLinkDays
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
	// PhotoSecrets reads what links to photos are signed with.
	PhotoSecrets func(context.Context) ([]signing.PhotoSecret, error)
	Evidence     *evidence.Store // optional: without it matches have no evidence
	Sources      []Source
	// Agencies gives the ids of sources that are of one agency each, read by the definition of one of Sources. Optional.
	Agencies func(ctx context.Context) ([]string, error)
	// State tells how a source stands; optional: coverage then says "unknown".
	State func(ctx context.Context, source string) (SourceState, error)
	// Changes is the ledger's: what changed since a cursor; optional.
	Changes func(ctx context.Context, cursor string, limit int, all ledger.AllListed) (ledger.ChangesPage, error)
	// Moved tells where what changed stands; optional: without it webhooks of watches are told of nothing.
	Moved func(context.Context) (uint64, error)
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
	proxies serve.Proxies
	log     *slog.Logger
	search  *search.Engine
	serve   *serve.Server
	api     *api.API
	pages   *web.Pages
	watches watches.Noter
	handler http.Handler
}

// New makes a Server that does not yet listen. Its handler answers at once; Run also keeps
// the calibration fresh and the usage counts stored.
func New(config Config, deps Deps) (*Server, error) {
	config, err := config.checked()
	if err != nil {
		return nil, err
	}
	if deps.Audit == nil {
		deps.Audit = deps.Log
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	proxies, err := serve.ParseProxies(config.Proxies)
	if err != nil {
		return nil, fmt.Errorf("proxies: %w", err)
	}
	s := &Server{config: config, proxies: proxies, log: deps.Log}
	if s.search, err = search.New(search.Config{EmbedTimeout: config.EmbedTimeout, SearchTimeout: config.SearchTimeout}, search.Deps{
		Index: deps.Index, Faces: deps.Faces, MoreFaces: deps.MoreFaces, Photos: deps.Photos, Ledger: deps.Ledger, Evidence: deps.Evidence,
		Sources: deps.Sources, Agencies: deps.Agencies, State: deps.State, Changes: deps.Changes, Metrics: deps.Metrics, Log: deps.Log,
		Now: deps.Now,
	}); err != nil {
		return nil, err
	}
	links, err := photolink.New(config.PhotoLinkDays, deps.PhotoSecrets, deps.Now)
	if err != nil {
		return nil, err
	}
	if s.serve, err = serve.New(serve.Config{
		PublicURL: config.PublicURL, Demo: config.Demo, DemoRecords: config.DemoRecords, PerMinute: config.PerMinute, PerDay: config.PerDay,
		Legacy200: config.Legacy200,
		Contact:   config.Contact, AllowOrigin: config.AllowOrigin, KeyTimeout: config.SearchTimeout,
		MaxBodies: config.MaxBodies, AddressPerMinute: config.AddressPerMinute, Proxies: proxies,
	}, serve.Deps{Search: s.search, Keys: deps.Keys, Links: links, Ready: deps.Ready, Metrics: deps.Metrics, Log: deps.Log, Audit: deps.Audit,
		Now: deps.Now}); err != nil {
		return nil, err
	}
	s.api = api.New(api.Config{MaxPhoto: config.MaxPhoto, StripDataPrefix: config.StripDataPrefix, NearDays: config.NearDays,
		BulletCrimes: config.BulletCrimes, Retention: config.Retention, HooksInside: config.HooksInside}, s.search, s.serve, deps.Keys)
	if s.pages, err = web.New(web.Config{MaxPhoto: config.MaxPhoto}, s.search, s.serve, s.api, deps.Log); err != nil {
		return nil, err
	}
	s.watches = watches.Noter{Search: s.search, Keys: deps.Keys, Moved: deps.Moved, Log: deps.Log}
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// NoteNews notes once for the webhooks of watches what is new; Run does so whenever something changed.
func (s *Server) NoteNews(ctx context.Context) error { return s.watches.Note(ctx) }

// SetLimits changes PerMinute and PerDay of the configuration while requests are answered.
func (s *Server) SetLimits(perMinute, perDay int) { s.serve.SetLimits(perMinute, perDay) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Limits of a connection. A client that sends its headers or body slower is cut off.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 60 * time.Second
	maxHeader     = 32 << 10
	drainTimeout  = 20 * time.Second
)

// Run answers on the listener, which it closes, until ctx ends; then it lets the requests at
// hand finish, stores what was used, and returns nil.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	bounded := newConnections(listener, s.config, s.proxies, s.serve.RefusedConnection)
	var leaving atomic.Bool
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if leaving.Load() {
				w.Header().Set("Connection", "close")
			}
			s.ServeHTTP(w, r)
		}),
		// A request outlives ctx, which says where traces go.
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ReadHeaderTimeout: min(headerTimeout, s.config.ReadTimeout),
		ReadTimeout:       s.config.ReadTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       s.config.IdleTimeout,
		ConnState:         bounded.state,
		ConnContext:       bounded.withRefused,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := server.Serve(bounded)
		if errors.Is(err, http.ErrServerClosed) || leaving.Load() {
			return nil
		}
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	})
	group.Go(func() error {
		<-ctx.Done()
		leaving.Store(true)
		bounded.leave()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if err := server.Shutdown(drain); err != nil {
			server.Close()
			return fmt.Errorf("finish the requests at hand: %w", err)
		}
		return nil
	})
	if s.watches.Moved != nil {
		group.Go(func() error { s.watches.Run(ctx); return nil })
	}
	var flusher sync.WaitGroup
	stop := make(chan struct{})
	flusher.Go(func() { s.serve.FlushUsage(context.WithoutCancel(ctx), stop) })
	err := group.Wait()
	close(stop)
	flusher.Wait()
	return err
}
