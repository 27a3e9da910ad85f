// Package serve is what every endpoint of the query daemon shares: keys and their limits, the one
// table of errors, headers and notices, the audit line, metrics and health.
package serve

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/queryd/keys"
	"lineup/queryd/search"
)

// Config is what an operator decides about all endpoints.
type Config struct {
	PublicURL   string // base of minted links, without a slash at its end; "": the request's own host
	Demo        bool   // the DEMO key opens the search for the bundled photo
	PerMinute   int    // requests a key may make a minute
	PerDay      int    // and a UTC day
	Legacy200   bool   // bad parameters of /sexoffender answer 200 with {error, reason} alone
	Contact     string // where people ask this operator for corrections
	AllowOrigin string // whose pages may call the API
	KeyTimeout  time.Duration
}

// Deps is what a Server works with. All fields must be set.
type Deps struct {
	Search  *search.Engine
	Keys    *keys.Store
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
	metrics *metrics
}

// New makes a Server.
func New(config Config, deps Deps) (*Server, error) {
	s := &Server{config: config, deps: deps, limits: newLimiter(config.PerMinute, config.PerDay)}
	var err error
	s.metrics, err = newMetrics(deps.Metrics)
	return s, err
}

// usageFlush is how often the usage of keys is stored.
const usageFlush = 5 * time.Second

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

// Contact is where people ask this operator for corrections, "" for nowhere.
func (s *Server) Contact() string { return s.config.Contact }

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
