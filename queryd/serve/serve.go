// Package serve is what every endpoint of the query daemon shares: keys and their limits, the one
// table of errors, headers and notices, the audit line, metrics and health.
package serve

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/queryd/keys"
	"lineup/queryd/photolink"
	"lineup/queryd/search"
	"lineup/schemas"
)

// Config is what an operator decides about all endpoints.
type Config struct {
	PublicURL   string // base of minted links, without a slash at its end; "": the request's own host
	Demo        bool   // the DEMO key opens the search for the bundled photo
	DemoRecords bool   // and records too: everybody in them is made up
	PerMinute   int    // requests a key may make a minute
	PerDay      int    // and a UTC day
	Legacy200   bool   // bad parameters of /sexoffender answer 200 with {error, reason} alone
	Contact     string // where people ask this operator for corrections
	AllowOrigin string // whose pages may call the API; "" for none
	MaxBodies   int    // bodies that are read at once

	AddressPerMinute int     // requests without a key that works that one client may make a minute
	Proxies          Proxies // peers whose X-Forwarded-For is believed

	KeyTimeout time.Duration
}

// Deps is what a Server works with. All fields must be set.
type Deps struct {
	Search  *search.Engine
	Keys    *keys.Store
	Links   *photolink.Links
	Ready   func(context.Context) map[string]error // each part that must work, and why it does not; nil where it does
	Metrics prometheus.Registerer
	Log     *slog.Logger
	Audit   *slog.Logger // one line a request
	Now     func() time.Time
}

// Server is what endpoints share. Make it with New.
type Server struct {
	config  Config
	deps    Deps
	limits  *limiter
	places  *places
	clients *addresses
	working *working
	warned  atomic.Pointer[time.Time] // of a proxy that is not named
	metrics *metrics
}

// New makes a Server.
func New(config Config, deps Deps) (*Server, error) {
	s := &Server{config: config, deps: deps, limits: newLimiter(config.PerMinute, config.PerDay),
		places:  &places{max: config.MaxBodies, byKey: map[string]int{}},
		clients: newAddresses(config.AddressPerMinute), working: newWorking()}
	var err error
	s.metrics, err = newMetrics(deps.Metrics)
	return s, err
}

// SetLimits changes what a key without limits of its own may ask a minute and a UTC day, from the next request on. What was
// counted stays.
func (s *Server) SetLimits(perMinute, perDay int) { s.limits.set(perMinute, perDay) }

// usageFlush is how often the usage of keys is stored.
const usageFlush = 5 * time.Second

// RefusedConnection counts a connection that was closed because its client has enough.
func (s *Server) RefusedConnection() { s.metrics.refused.WithLabelValues("connections").Inc() }

// FlushUsage adds the counts of requests to the store from time to time, and once more when stop is
// closed; then it returns.
func (s *Server) FlushUsage(ctx context.Context, stop <-chan struct{}) {
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

// Demo says whether the DEMO key works here.
func (s *Server) Demo() bool { return s.config.Demo }

// DemoRecords says whether the DEMO key opens records here.
func (s *Server) DemoRecords() bool { return s.config.Demo && s.config.DemoRecords }

// Contact is where people ask this operator for corrections, "" for nowhere.
func (s *Server) Contact() string { return s.config.Contact }

// Links signs links to photos.
func (s *Server) Links() *photolink.Links { return s.deps.Links }

// Base is what minted links begin with.
func (s *Server) Base(r *http.Request) string {
	if s.config.PublicURL != "" {
		return s.config.PublicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// Exchange is what is known of the request at hand, for the audit line.
type Exchange struct {
	ID     string // request id
	Kind   string // endpoint
	Key    string // key id, never the key
	Count  int    // registrants in the answer
	Reason string // of a failure, or the outcome of a face search
	Paid   bool   // a key of somebody's own was found to work, or a link of ours

	broke  bool            // its client has used up what it may ask without a key that works
	looked bool            // its key is looked up although its client has used that up
	body   *body           // nil where none is sent
	viewer *schemas.Viewer // who looks, once the key is known
}

type exchangeKey struct{}

// ExchangeOf returns the exchange of a request that came through wrap.
func ExchangeOf(ctx context.Context) *Exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*Exchange); ok {
		return x
	}
	return &Exchange{}
}

// with is a context that carries the exchange. Whoever looks is nobody special until the key turns out to be the canary's.
func (x *Exchange) with(ctx context.Context) context.Context {
	x.viewer = new(schemas.Viewer)
	return schemas.WithViewer(context.WithValue(ctx, exchangeKey{}, x), x.viewer)
}
