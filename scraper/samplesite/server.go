package samplesite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"lineup/schemas"
)

// Server is a Site on a listening socket, and where asked for its control on another.
type Server struct {
	URL     string // of the site, without a slash at the end
	Control string // of the control, "" when there is none
	Site    *Site

	servers []*http.Server
	done    chan error
}

// Start serves site on listen (":0" for any port of loopback), and its control on control
// unless that is "". Close ends both. The control has no password: loopback only.
func Start(ctx context.Context, site *Site, listen, control string) (*Server, error) {
	s := &Server{Site: site, done: make(chan error, 2)}
	var err error
	if s.URL, err = s.serve(ctx, listen, site); err != nil {
		return nil, err
	}
	if control != "" {
		if s.Control, err = s.serve(ctx, control, site.ControlHandler()); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Server) serve(ctx context.Context, listen string, handler http.Handler) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", schemas.Misuse("sample site address %q: %w (want host:port, as 127.0.0.1:8090)", listen, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	var lc net.ListenConfig
	socket, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return "", fmt.Errorf("sample site: %w (another program may have the port: choose another address)", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	go func() { s.done <- server.Serve(socket) }()
	return "http://" + socket.Addr().String(), nil
}

// Close stops serving and waits for it.
func (s *Server) Close() error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	for range s.servers {
		if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
			errs = append(errs, err)
		}
	}
	s.servers = nil
	return errors.Join(errs...)
}

// order is what the control's POST /change takes.
type order struct {
	IDs   []int  `json:"ids"`
	Do    string `json:"do"`              // delist, relist, move, photo, stub, level
	View  string `json:"view,omitempty"`  // of photo
	Level int    `json:"level,omitempty"` // of level
}

// ControlHandler lets another process do to the site what its methods do:
//
//	POST /fault   a Fault as JSON
//	POST /heal    ends all faults
//	POST /change  {"do": "delist", "ids": [10001]}; also relist, move, photo (view), stub, level
//	GET /count?path=/robots.txt   how often a path was asked for
func (s *Site) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if err := decodeStrict(r, &f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		} else if err := s.Fault(f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("POST /heal", func(http.ResponseWriter, *http.Request) { s.Heal() })
	mux.HandleFunc("POST /change", func(w http.ResponseWriter, r *http.Request) {
		var o order
		err := decodeStrict(r, &o)
		if err == nil {
			err = s.obey(o)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, s.Requests(r.URL.Query().Get("path")))
	})
	return mux
}

func (s *Site) obey(o order) error {
	switch o.Do {
	case "delist":
		return s.Delist(o.IDs...)
	case "relist":
		return s.Relist(o.IDs...)
	case "move":
		return s.Move(o.IDs...)
	case "photo":
		return s.Rephotograph(o.View, o.IDs...)
	case "stub":
		return s.Stub(o.IDs...)
	case "level":
		return s.SetLevel(o.Level, o.IDs...)
	}
	return fmt.Errorf("change %q: want delist, relist, move, photo, stub or level", o.Do)
}

func decodeStrict(r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 8<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return nil
}
