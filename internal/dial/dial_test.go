package dial_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"lineup/internal/dial"
	"lineup/internal/testkit/loopback"
)

// TestMain lets no test beyond this machine.
func TestMain(m *testing.M) { loopback.Main(m) }

func TestIsPublic(t *testing.T) {
	for _, text := range []string{"127.0.0.1", "127.9.9.9", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1%eth0",
		"fd00::1",
		"0.0.0.0", "::", "100.64.0.1", "198.18.0.1", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::a9fe:a9fe",
		"2002:7f00:1::", "192.0.2.1", "2001:db8::1", "::7f00:1"} {
		if dial.IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is taken for public", text)
		}
	}
	for _, text := range []string{"8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if !dial.IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is not taken for public", text)
		}
	}
}

func TestPublic(t *testing.T) {
	var dialled []string
	next := func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return nil, errors.New("nobody there")
	}
	ours := "127.0.0.1:8099"
	guarded := dial.Public(next, func(address string) bool { return address == ours })
	for address, asked := range map[string]bool{"127.0.0.1:80": false, "localhost:80": false, "[::1]:80": false, "169.254.169.254:80": false,
		ours: true, "8.8.8.8:443": true} {
		dialled = nil
		_, err := guarded(t.Context(), "tcp", address)
		if got := len(dialled) > 0; got != asked || !asked && !errors.Is(err, dial.ErrPrivate) {
			t.Errorf("%s: dialled %q, %v", address, dialled, err)
		}
	}
}
