package node

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"
)

func dumpable(t *testing.T) bool {
	t.Helper()
	is, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return is == 1
}

// TestProbesLeaveNoDump holds that a process that answers searches leaves no core dump from before it
// opens anything, and that one that holds no probe may be looked into.
func TestProbesLeaveNoDump(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) })
	ended, end := context.WithCancel(t.Context())
	end() // opening fails: nothing is served
	if err := Serve(ended, Options{}, Roles{Scrape: true}, nil); err == nil || !dumpable(t) {
		t.Errorf("a crawler: %v, may be dumped: %v", err, dumpable(t))
	}
	if err := Serve(ended, Options{}, Roles{Query: true}, nil); err == nil || dumpable(t) {
		t.Errorf("a query daemon: %v, may be dumped: %v", err, dumpable(t))
	}
}
