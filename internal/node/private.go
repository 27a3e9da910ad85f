package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// readyTimeout bounds what a probe of readiness waits for.
const readyTimeout = 3 * time.Second

// parts are what every role works with, each with a check that it answers.
func (n *Node) parts() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"queue": func(ctx context.Context) error { _, err := n.Queue.Count(ctx); return err },
		"photos": func(ctx context.Context) error { // not Check, which writes: the query daemon may not
			_, err := n.Blobs.Has(ctx, blob.Ref{Owner: schemas.RegistrantID("", "nobody"), Kind: blob.Photo, Digest: schemas.DigestOf(nil)})
			return err
		},
		"index": n.Index.Check,
	}
}

// serving is an error while no generation of the index serves: searches are answered with 503.
func (n *Node) serving(ctx context.Context) error {
	all, err := n.Index.Generations(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(g index.Generation) bool { return g.State == index.Serving }) {
		return errors.New("no generation serves yet: lineup index fills one")
	}
	return nil
}

// Private serves health, metrics and profiles to the operator alone, until ctx ends. A process
// that answers searches is not ready before there is something to search; the others fill it.
func (n *Node) Private(ctx context.Context, answers bool) error {
	if n.Config.Private == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		var not []string
		parts := n.parts()
		if answers {
			parts["generation"] = n.serving
		}
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			if err := parts[name](ctx); err != nil {
				n.Log.WarnContext(ctx, "part not ready", "part", name, "error", err)
				not = append(not, name)
			}
		}
		if len(not) > 0 {
			http.Error(w, "not ready: "+strings.Join(not, ", ")+" (the log says why)", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("/metrics", promhttp.HandlerFor(n.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", n.Config.Private)
	if err != nil {
		return fmt.Errorf("listen on the private address: %w (choose another with --set private=host:port)", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the private address: %w", err)
	}
	return nil
}
