// Package loopback keeps tests on this machine: whatever they ask for beyond it is refused.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
)

// ErrAway is returned for an address that is not this machine's.
var ErrAway = errors.New("a test asked for an address beyond this machine")

// Main is a TestMain that runs the tests with Only in force.
func Main(m *testing.M) {
	Only()
	os.Exit(m.Run())
}

// Only makes http.DefaultTransport, and what is cloned from it, dial this machine alone, and lets
// nobody look up a name: a client with a transport of its own needs one for any real site. It holds
// until the process ends.
func Only() {
	transport := http.DefaultTransport.(*http.Transport)
	transport.Proxy = nil
	transport.DialContext = Dial
	net.DefaultResolver.PreferGo = true
	net.DefaultResolver.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
		return nil, fmt.Errorf("name server %s: %w", address, ErrAway)
	}
}

// Dial dials address if it is this machine's. Errors: ErrAway.
func Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s: %w", host, ErrAway)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}
