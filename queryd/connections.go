package queryd

import (
	"container/list"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"lineup/queryd/serve"
)

// connections is a listener that bounds the connections open at once, in total and per client. When the total is near
// its bound, it closes connections that wait for a next request, and those whose request was refused and which still
// send, the longest waiting first. At the bound it also closes those that have not sent the headers of their first
// request.
type connections struct {
	net.Listener
	perAddress int
	near       int           // so many open is near the bound
	slots      chan struct{} // one for each that may be open
	ended      chan struct{}
	end        func() error
	proxies    serve.Proxies // any number of clients come by these
	refused    func()

	mu        sync.Mutex
	byAddress map[netip.Prefix]int
	waiting   *list.List // of *connection, the longest waiting in front
}

// connection is one that is open.
type connection struct {
	net.Conn
	of    *connections
	from  netip.Prefix  // the zero prefix for a proxy
	waits *list.Element // nil while a request of it is answered
	since time.Time     // when it began to wait
	fresh bool          // it has had no answer yet
	close sync.Once
}

func newConnections(l net.Listener, config Config, proxies serve.Proxies, refused func()) *connections {
	c := &connections{Listener: l, perAddress: config.AddressConnections, near: max(1, config.MaxConnections*9/10),
		slots: make(chan struct{}, config.MaxConnections), ended: make(chan struct{}), proxies: proxies, refused: refused,
		byAddress: map[netip.Prefix]int{}, waiting: list.New()}
	c.end = sync.OnceValue(func() error {
		close(c.ended)
		return l.Close()
	})
	return c
}

// headersTime is how long a connection may take for the headers of its first request where all places are taken.
const headersTime = 250 * time.Millisecond

// Accept waits for the next connection that may be open.
func (c *connections) Accept() (net.Conn, error) {
	for {
		if !c.place() {
			return nil, net.ErrClosed
		}
		conn, err := c.Listener.Accept()
		if err != nil {
			<-c.slots
			return nil, err
		}
		if mine := c.admit(conn); mine != nil {
			return mine, nil
		}
		conn.Close()
		<-c.slots
		c.refused()
	}
}

// place waits for a place to be free, false where the listener has ended.
func (c *connections) place() bool {
	again := time.NewTicker(headersTime)
	defer again.Stop()
	for {
		if len(c.slots) >= c.near {
			c.closeWaiting(netip.Prefix{})
		}
		select {
		case c.slots <- struct{}{}:
			return true
		case <-c.ended:
			return false
		case <-again.C: // somebody may have waited for long enough by now
		}
	}
}

// admit takes a connection up, nil where its client has enough.
func (c *connections) admit(conn net.Conn) *connection {
	mine := &connection{Conn: conn, of: c}
	if peer := serve.Peer(conn.RemoteAddr().String()); !c.proxies.Name(peer) {
		mine.from = serve.Network(peer)
		if c.count(mine.from) >= c.perAddress && !c.closeWaiting(mine.from) {
			return nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byAddress[mine.from]++
	return mine
}

func (c *connections) count(from netip.Prefix) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byAddress[from]
}

// closeWaiting closes the longest waiting connection, of a client or of anybody for the zero prefix. A first request has the time that
// it has, unless all places are taken.
func (c *connections) closeWaiting(from netip.Prefix) bool {
	everybody := from == netip.Prefix{}
	full := everybody && len(c.slots) == cap(c.slots)
	c.mu.Lock()
	var found *connection
	for e := c.waiting.Front(); e != nil && found == nil; e = e.Next() {
		conn := e.Value.(*connection)
		if (everybody || conn.from == from) && (!conn.fresh || full && time.Since(conn.since) >= headersTime) {
			found = conn
		}
	}
	c.mu.Unlock()
	if found == nil {
		return false
	}
	found.Close()
	return true
}

// state follows what http.Server does with a connection: it is new until its first request has come, headers and all.
func (c *connections) state(conn net.Conn, state http.ConnState) {
	mine, ok := conn.(*connection)
	if !ok {
		return
	}
	if state == http.StateNew || state == http.StateIdle {
		mine.wait(state == http.StateNew)
		return
	}
	c.mu.Lock()
	mine.busy()
	c.mu.Unlock()
}

// wait puts a connection behind those that wait, and makes room where the bound is near.
func (m *connection) wait(fresh bool) {
	m.of.mu.Lock()
	m.busy()
	m.waits, m.since, m.fresh = m.of.waiting.PushBack(m), time.Now(), fresh
	m.of.mu.Unlock()
	if !fresh && len(m.of.slots) >= m.of.near {
		m.of.closeWaiting(netip.Prefix{})
	}
}

// withRefused lets package serve tell that a request was refused and that its client still sends: the connection then waits
// like an idle one.
func (c *connections) withRefused(ctx context.Context, conn net.Conn) context.Context {
	mine, ok := conn.(*connection)
	if !ok {
		return ctx
	}
	return serve.WithRefused(ctx, func() { mine.wait(false) })
}

// busy takes a connection from those that wait. Its listener is locked.
func (m *connection) busy() {
	if m.waits != nil {
		m.of.waiting.Remove(m.waits)
		m.waits = nil
	}
}

// Bounds of what is read on from a client that has had its last answer while it was still sending.
const (
	lastBytes = 1 << 20
	lastTime  = 2 * time.Second
)

// CloseWrite ends the answers of a connection. The server calls it before it closes one whose request it did not read to its
// end, for headers that are too large or a body that was refused. What the client still sends is read, to a bound: bytes that
// are left unread when a connection is closed reset it, and the client may never see the answer.
func (m *connection) CloseWrite() error {
	half, ok := m.Conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := errors.Join(half.CloseWrite(), m.SetReadDeadline(time.Now().Add(lastTime))); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, m.Conn, lastBytes)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Close closes the connection and makes room.
func (m *connection) Close() error {
	err := m.Conn.Close()
	m.close.Do(func() {
		m.of.mu.Lock()
		m.busy()
		if m.of.byAddress[m.from]--; m.of.byAddress[m.from] <= 0 {
			delete(m.of.byAddress, m.from)
		}
		m.of.mu.Unlock()
		<-m.of.slots
	})
	return err
}

// leavingTime is how long connections may stay open for one more request while the daemon leaves. A client that asks all the time
// is told by the answer to go elsewhere; were its connection closed at once, its next request might meet the end and be lost.
const leavingTime = 250 * time.Millisecond

// leave accepts nobody more and waits for the connections that are open to end by their next answer.
func (c *connections) leave() {
	_ = c.Close() // what fails then is accepting, which is over
	ticks := time.NewTicker(leavingTime / 10)
	defer ticks.Stop()
	for range 10 {
		if c.open() == 0 {
			return
		}
		<-ticks.C
	}
}

func (c *connections) open() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, open := range c.byAddress {
		n += open
	}
	return n
}

// Close ends the listener, once.
func (c *connections) Close() error { return c.end() }
