package node

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/config"
	"lineup/internal/testkit/loopback"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(partOf); role != "" { // a process of BenchmarkMillion
		loopback.Only()
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, role, err)
			os.Exit(1)
		}
		return
	}
	loopback.Main(m)
}

// newNode is a node over an empty data directory of the test, closed when the test ends.
func newNode(t *testing.T) *Node {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	n, err := Open(t.Context(), Options{Config: c, Make: true, Log: NewLog(c.Log, io.Discard), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}
