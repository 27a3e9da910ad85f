// Package dial connects to public addresses only. An address that a stranger names, on a registry's page or as the
// receiver of a webhook, must not lead to this machine, its network or a cloud's metadata service.
package dial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// ErrPrivate is returned for an address that is not public.
var ErrPrivate = errors.New("not a public address")

// Func dials, as net.Dialer.DialContext does.
type Func func(ctx context.Context, network, address string) (net.Conn, error)

// Public wraps next in a Func that refuses addresses that are not public. A name is looked up first and the resulting
// address is dialled, so the name cannot resolve to something else a moment later. If allow is not nil, it says which
// host:port need not be public. Errors: ErrPrivate.
func Public(next Func, allow func(address string) bool) Func {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if allow != nil && allow(address) {
			return next(ctx, network, address)
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("dial: %w", err)
		}
		var found []netip.Addr
		if ip, err := netip.ParseAddr(host); err == nil {
			found = []netip.Addr{ip}
		} else if found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, fmt.Errorf("look up a host: %w", err)
		}
		for _, ip := range found {
			if !IsPublic(ip) { // check all: if a name has two addresses, the other may be tried next
				return nil, fmt.Errorf("dial %s: %w", ip, ErrPrivate)
			}
		}
		err = fmt.Errorf("dial: no address for the host")
		for _, ip := range found {
			var conn net.Conn
			if conn, err = next(ctx, network, net.JoinHostPort(ip.Unmap().String(), port)); err == nil {
				return conn, nil
			}
		}
		return nil, err
	}
}

// reserved are ranges that are not public and that netip has no word for (IANA special-purpose address registries).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), // IPv4 inside
	netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("fec0::/10"),
}

// IsPublic reports whether ip can be reached by anybody on the Internet.
func IsPublic(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, block := range reserved {
		if block.Contains(ip) {
			return false
		}
	}
	return true
}
