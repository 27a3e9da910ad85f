package scrapertest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
)

// ErrNotLoopback is returned for a request that would have left this machine.
var ErrNotLoopback = errors.New("a test asked for an address that is not loopback")

// LoopbackOnly is next for requests to this machine, and refuses all others.
func LoopbackOnly(next http.RoundTripper) http.RoundTripper { return loopback{next} }

type loopback struct{ next http.RoundTripper }

func (l loopback) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s: %w", host, ErrNotLoopback)
	}
	return l.next.RoundTrip(r)
}
