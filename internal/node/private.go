package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lineup/config"
	"lineup/indexer/index"
)

// Private serves health, metrics and profiles on the operator's private address until ctx ends. A process that answers
// searches is not ready before there is something to search; other roles are.
func (n *Node) Private(ctx context.Context, answers bool) error {
	listener, err := n.listenPrivate(ctx)
	if err != nil || listener == nil {
		return err
	}
	return n.servePrivate(ctx, listener, answers)
}

// listenPrivate opens the operator's private address; nil where there is none, or the default one is taken.
func (n *Node) listenPrivate(ctx context.Context) (net.Listener, error) {
	if n.Config.Private == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", n.Config.Private)
	if err != nil && n.Config.Private == config.Default().Private { // the default address: nobody asked for it
		n.Log.Warn("health and metrics are not served: the address is taken, by another lineup perhaps", "private", n.Config.Private, "error",
			err)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listen on the private address: %w (choose another with --set private=host:port)", err)
	}
	return listener, nil
}

func (n *Node) servePrivate(ctx context.Context, listener net.Listener, answers bool) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		var not []string
		for part, err := range n.Ready(r.Context(), answers) {
			if err != nil {
				not = append(not, part)
			}
		}
		slices.Sort(not)
		if len(not) > 0 {
			http.Error(w, "not ready: "+strings.Join(not, ", ")+" (the log says why)", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
		if lacks, err := index.StragglersOf(r.Context(), n.Index); err == nil && lacks.String() != "" {
			fmt.Fprintln(w, "the serving generation", lacks)
		}
	})
	mux.Handle("/metrics", promhttp.HandlerFor(n.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the private address: %w", err)
	}
	return nil
}
