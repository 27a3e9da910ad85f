package broker

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"lineup/internal/testkit/certtest"
	"lineup/internal/trust"
)

// TestReplacedCertificates changes the authority and the client's certificate under an open connection: the next one that
// is made uses them.
func TestReplacedCertificates(t *testing.T) {
	dir := t.TempDir()
	files := certtest.Write(t, dir)
	shown := make(chan string, 10)
	config := certtest.Serving(files, true)
	config.VerifyConnection = func(c tls.ConnectionState) error {
		shown <- c.PeerCertificates[0].SerialNumber.String()
		return nil
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, TLSConfig: config, TLSTimeout: 10, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(startTimeout) {
		t.Fatal("the server is not ready")
	}
	trusted, err := trust.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := Dial(Remote{URL: s.ClientURL(), Trust: trusted})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	first := <-shown
	certtest.Write(t, dir)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil {
		t.Fatalf("connect anew: %v", err)
	}
	if second := <-shown; second == first {
		t.Error("the client's certificate is the one before")
	}
}
