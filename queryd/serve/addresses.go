package serve

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Network is what counts as one client: an IPv4 address, or the /64 of an IPv6 address, which one
// subscriber has whole.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero address has the zero prefix
	return p
}

// Peer is the address at the other end of a connection, from its "host:port"; the zero address where it
// has none.
func Peer(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// Proxies are the peers whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks between commas.
func ParseProxies(text string) (all Proxies, err error) {
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if a, aerr := netip.ParseAddr(one); aerr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no address or network like 10.0.0.0/8", one)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// Name reports whether the operator named a peer.
func (p Proxies) Name(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// client is the address that a request comes from: the peer's, or where the operator named the peer as a
// proxy, the last one in X-Forwarded-For that is no such proxy.
func (p Proxies) client(r *http.Request) netip.Addr {
	client := Peer(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.Name(client); i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = a.Unmap()
	}
	return client
}

// maxAddresses bounds the clients that are remembered; the one that was not heard of for longest is
// forgotten first.
const maxAddresses = 50_000

// addresses is how much each client may still ask without a key that works.
type addresses struct {
	perMinute int

	mu     sync.Mutex
	known  map[netip.Prefix]*list.Element // of *account
	recent *list.List                     // the last heard of in front
}

type account struct {
	of   netip.Prefix
	left *rate.Limiter
}

func newAddresses(perMinute int) *addresses {
	return &addresses{perMinute: perMinute, known: map[netip.Prefix]*list.Element{}, recent: list.New()}
}

// of is the account of a client.
func (a *addresses) of(client netip.Prefix) *rate.Limiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e, ok := a.known[client]; ok {
		a.recent.MoveToFront(e)
		return e.Value.(*account).left
	}
	if a.recent.Len() >= maxAddresses {
		last := a.recent.Back()
		delete(a.known, a.recent.Remove(last).(*account).of)
	}
	left := rate.NewLimiter(rate.Limit(float64(a.perMinute)/60), a.perMinute)
	a.known[client] = a.recent.PushFront(&account{client, left})
	return left
}

// broke reports whether a client has spent what it has.
func (a *addresses) broke(client netip.Prefix, now time.Time) bool {
	return a.of(client).TokensAt(now) < 1
}

// spend counts one request of a client. What is running when nothing is left is a debt.
func (a *addresses) spend(client netip.Prefix, now time.Time) { a.of(client).ReserveN(now, 1) }

// Bounds of what is remembered of keys that worked: it only decides whose key is looked up for a client
// that has spent what it has, so that a revoked key opens nothing.
const (
	maxWorking  = 10_000
	workingTime = 10 * time.Minute
)

// working are digests of keys that were found to work lately.
type working struct {
	mu     sync.Mutex
	last   map[[sha256.Size]byte]time.Time
	chance *rate.Limiter // other keys that are looked up for clients that have spent what they have
}

func newWorking() *working {
	return &working{last: map[[sha256.Size]byte]time.Time{}, chance: rate.NewLimiter(5, 20)}
}

// mayWork reports whether a key that was given is worth a look-up, for a client that has spent what it has.
func (w *working) mayWork(key string, now time.Time) bool {
	return key != "" && (w.lately(key, now) || w.chance.AllowN(now, 1))
}

func (w *working) note(key string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.last) >= maxWorking {
		clear(w.last)
	}
	w.last[sha256.Sum256([]byte(key))] = now
}

func (w *working) lately(key string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.last[sha256.Sum256([]byte(key))]
	return ok && now.Sub(at) < workingTime
}
