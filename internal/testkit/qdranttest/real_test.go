package qdranttest

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"lineup/internal/testkit/certtest"
	"lineup/internal/testkit/loopback"
	"lineup/internal/trust"
)

// TestMain is a server too, for want of a real one here: told as one is, it keeps in its storage which collections it had.
func TestMain(m *testing.M) {
	port := os.Getenv("QDRANT__SERVICE__GRPC_PORT")
	if port == "" {
		loopback.Main(m)
		return
	}
	s := newServer("127.0.0.1:" + port)
	storage := os.Getenv("QDRANT__STORAGE__STORAGE_PATH")
	kept, err := os.ReadDir(storage)
	if err != nil {
		err = os.MkdirAll(storage, 0o700)
	}
	for _, name := range kept {
		s.data[name.Name()] = &collection{}
	}
	keep := func(method string) {
		if filepath.Base(method) == "UpdateAliases" { // the test's word for: keep what there is
			for name := range s.data {
				if err := os.WriteFile(filepath.Join(storage, name), nil, 0o600); err != nil {
					panic(err)
				}
			}
		}
	}
	s.Before.Store(&keep)
	if err == nil {
		_, err = s.serve()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

// TestOverAProgram puts a program behind the server: it is started, stopped, killed and emptied, and keys, TLS and faults are as without.
func TestOverAProgram(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(Program, exe)
	files := certtest.Write(t, t.TempDir())
	s := Start(t, certtest.Serving(files, false))
	s.APIKey = "secret"
	trusted, err := trust.Load(trust.Files{CA: files.CA})
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "api-key", "secret")
	collections := func() qdrant.CollectionsClient {
		return qdrant.NewCollectionsClient(connect(t, s.Address, trusted.Config()))
	}
	names := func() (all string) {
		t.Helper()
		found, err := collections().List(ctx, &qdrant.ListCollectionsRequest{}, grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found.GetCollections() {
			all += c.GetName()
		}
		return all
	}
	if _, err := collections().List(t.Context(), &qdrant.ListCollectionsRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("without a key: %v", err)
	}
	s.RefuseWrites.Store(true)
	if _, err := collections().Create(ctx, &qdrant.CreateCollection{CollectionName: "one"}); status.Code(err) != codes.Internal {
		t.Errorf("while it refuses writes: %v", err)
	}
	s.RefuseWrites.Store(false)
	if _, err := collections().Create(ctx, &qdrant.CreateCollection{CollectionName: "one"}); err != nil {
		t.Fatal(err)
	}
	if _, err := collections().Create(ctx, &qdrant.CreateCollection{CollectionName: "one"}); status.Code(err) != codes.AlreadyExists {
		t.Errorf("the program's own answer: %v", err)
	}
	if _, err := collections().UpdateAliases(ctx, &qdrant.ChangeAliases{}); err != nil {
		t.Fatal(err)
	}
	for what, end := range map[string]func(){"stopped": s.Stop, "killed": s.Kill} {
		end()
		if s.real.cmd != nil {
			t.Errorf("%s, the program runs", what)
		}
		s.Restart(t)
		if names() != "one" {
			t.Errorf("after it was %s: %q", what, names())
		}
	}
	s.Empty(t)
	if names() != "" {
		t.Errorf("emptied: %q", names())
	}
}

// TestOverAnAddress puts a server that somebody else runs behind this one. What the test makes goes with it, and one that holds anything
// is left alone.
func TestOverAnAddress(t *testing.T) {
	t.Setenv(Program, "")
	t.Setenv(Address, "")
	other := Start(t, nil)
	other.APIKey = "theirs"
	t.Setenv(Address, other.Address)
	t.Setenv(AddressKey, "theirs")
	t.Run("in use", func(t *testing.T) {
		s := Start(t, nil)
		if s.Direct().Address != other.Address || s.Direct().Key != "theirs" {
			t.Errorf("asked directly at %+v", s.Direct())
		}
		c := qdrant.NewCollectionsClient(connect(t, s.Address, nil))
		if _, err := c.Create(t.Context(), &qdrant.CreateCollection{CollectionName: "one"}); err != nil {
			t.Fatal(err)
		}
		if len(other.data) != 1 {
			t.Errorf("the other server holds %d collections", len(other.data))
		}
		s.Stop()
		s.Restart(t)
		c = qdrant.NewCollectionsClient(connect(t, s.Address, nil))
		if found, err := c.List(t.Context(), &qdrant.ListCollectionsRequest{}); err != nil || len(found.GetCollections()) != 1 {
			t.Errorf("after a restart: %v, %v", found, err)
		}
	})
	if len(other.data) != 0 {
		t.Errorf("the test left %d collections", len(other.data))
	}
}

func connect(t *testing.T, address string, config *tls.Config) *grpc.ClientConn {
	t.Helper()
	secure := grpc.WithTransportCredentials(credentials.NewTLS(config))
	if config == nil {
		secure = grpc.WithTransportCredentials(insecure.NewCredentials())
	}
	conn, err := grpc.NewClient(address, secure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
