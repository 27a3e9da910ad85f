// Package brokertest runs a real NATS cluster of three servers with TLS inside a test, from the
// same configuration that is deployed, so what passes there holds for the permissions of each
// role too.
package brokertest

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/internal/testkit/certtest"
	"lineup/internal/testkit/loopback"
	"lineup/internal/trust"
)

// Roles that have a user, with the name as password.
var roles = []string{"admin", "scrape", "index", "query"}

// readyLimit bounds the wait for a cluster to agree on a leader.
const readyLimit = 60 * time.Second

// Cluster is three servers. They are stopped when the test ends.
type Cluster struct {
	CAFile            string
	certFile, keyFile string // what the servers show clients, as the other servers of a deployment have one
	routes            [3]string

	configs [3]string
	ports   [6]int // of clients, then of routes
	servers [3]*server.Server
}

// Start runs a cluster from the files in confDir (lineup.conf and cluster.conf).
func Start(t *testing.T, confDir string) *Cluster {
	t.Helper()
	dir := t.TempDir()
	files := certtest.Write(t, dir)
	c := &Cluster{CAFile: files.CA}
	for i := range c.ports {
		c.ports[i] = loopback.Port(t)
	}
	cert, key := files.Cert, files.Key
	route := certtest.Write(t, t.TempDir())
	routes := make([]string, 3)
	for i := range routes {
		routes[i] = fmt.Sprintf("%q", fmt.Sprintf("nats://route:route@127.0.0.1:%d", c.ports[3+i]))
	}
	c.certFile, c.keyFile = cert, key
	for i := range c.servers {
		c.routes[i] = fmt.Sprintf("127.0.0.1:%d", c.ports[3+i])
		home := filepath.Join(dir, fmt.Sprint("node", i))
		if err := os.MkdirAll(home, 0o700); err != nil {
			t.Fatal(err)
		}
		secrets := fmt.Sprintf("LINEUP_STORE_DIR: %q\nLINEUP_CERT_FILE: %q\nLINEUP_KEY_FILE: %q\nLINEUP_CA_FILE: %q\n",
			filepath.Join(home, "data"), cert, key, c.CAFile)
		joining := fmt.Sprintf("LINEUP_ROUTE_CERT_FILE: %q\nLINEUP_ROUTE_KEY_FILE: %q\nLINEUP_ROUTE_CA_FILE: %q\n", route.Cert,
			route.Key, route.CA)
		joining += "LINEUP_ROUTE_PASSWORD: \"route\"\n"
		for _, role := range roles {
			secrets += fmt.Sprintf("%s_PASSWORD: %q\n", strings.ToUpper(role), role)
		}
		files := map[string]string{"secrets.conf": secrets, "routes.conf": joining}
		files["node.conf"] = fmt.Sprintf("LINEUP_NODE: nats-%d\nLINEUP_ROUTES: [%s]\n", i,
			strings.Join(routes, ", "))
		for _, name := range []string{"lineup.conf", "cluster.conf"} {
			text, err := os.ReadFile(filepath.Join(confDir, name))
			if err != nil {
				t.Fatal(err)
			}
			files[name] = string(text)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.configs[i] = filepath.Join(home, "cluster.conf")
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.Stop(i)
		}
	})
	for i := range c.servers {
		c.Run(t, i)
	}
	c.waitReady(t)
	return c
}

// Run starts server i, over what it stored when it ran before.
func (c *Cluster) Run(t *testing.T, i int) {
	t.Helper()
	options, err := server.ProcessConfigFile(c.configs[i])
	if err != nil {
		t.Fatal(err)
	}
	if !options.SyncAlways {
		t.Fatal("the configuration does not sync every write")
	}
	options.Host, options.Port, options.HTTPPort = "127.0.0.1", c.ports[i], 0
	options.Cluster.Host, options.Cluster.Port = "127.0.0.1", c.ports[3+i]
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	c.servers[i] = s
	if !s.ReadyForConnections(readyLimit) {
		t.Fatalf("server %d is not ready", i)
	}
}

// Stop ends server i, as a lost machine does for the others.
func (c *Cluster) Stop(i int) {
	if s := c.servers[i]; s != nil {
		c.servers[i] = nil
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// URL names all three servers for a role.
func (c *Cluster) URL(role string) string {
	urls := make([]string, 3)
	for i := range urls {
		urls[i] = fmt.Sprintf("tls://%s:%s@127.0.0.1:%d", role, role, c.ports[i])
	}
	return strings.Join(urls, ",")
}

// Trust are the certificates of the servers' authority.
func (c *Cluster) Trust(t *testing.T) *trust.Certificates {
	t.Helper()
	found, err := trust.Load(trust.Files{CA: c.CAFile})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Connect connects as role, as a deployed role does.
func (c *Cluster) Connect(t *testing.T, role string) *nats.Conn {
	t.Helper()
	nc, err := broker.Dial(broker.Remote{URL: c.URL(role), Trust: c.Trust(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// waitReady waits until a stream with three replicas can be made.
func (c *Cluster) waitReady(t *testing.T) {
	t.Helper()
	js, err := jetstream.New(c.Connect(t, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(readyLimit); ; {
		_, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "ready", Subjects: []string{"ready"}, Replicas: 3})
		if err == nil {
			if err := js.DeleteStream(t.Context(), "ready"); err != nil {
				t.Fatal(err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster has no leader: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
