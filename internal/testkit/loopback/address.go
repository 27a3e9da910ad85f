package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// lowest is the first port that Address gives, above those of well-known services.
const lowest = 10_000

// begun is where this process begins to give ports, given is how many it has.
var begun, given = rand.Uint32(), atomic.Uint32{}

// Address is host and port of this machine where nobody listens.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprint("127.0.0.1:", Port(t))
}

// Port is a port of this machine where nobody listens, for a server that is started later, or stopped and started again. One
// that the system chooses is from its own range, and goes to any other test as soon as nobody listens there. This one is below
// that range, and given once.
func Port(t testing.TB) int {
	t.Helper()
	ports := systemsFirst() - lowest
	for range ports {
		port := lowest + (begun+given.Add(1))%ports
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			continue // somebody else's
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return int(port)
	}
	t.Fatalf("none of %d ports is free", ports)
	return 0
}

// systemsFirst is the first port of the range that the system chooses from, or the usual one where that leaves no room below it.
func systemsFirst() (first uint32) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &first)
	}
	if err != nil || first < lowest+1000 {
		return 32_768
	}
	return first
}
