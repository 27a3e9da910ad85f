package qdranttest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"lineup/internal/testkit/loopback"
	"lineup/internal/trust"
)

// Variables that put a real server behind every Server of this package: what comes in is checked for keys and faults as ever, and
// then answered by the real one. So all tests that need a Qdrant run over one.
const (
	// Program is the path of a server, which is started, stopped, killed and emptied by the tests, one for each of them.
	Program = "LINEUP_TEST_QDRANT_BIN"
	// Address is host:port of the gRPC interface of a server that runs and is empty; what the tests make there they delete.
	// AddressKey is its API key, AddressTLS asks for TLS, AddressCA is a file of its authority. One test at a time: go test -p 1.
	Address    = "LINEUP_TEST_QDRANT"
	AddressKey = "LINEUP_TEST_QDRANT_KEY"
	AddressTLS = "LINEUP_TEST_QDRANT_TLS"
	AddressCA  = "LINEUP_TEST_QDRANT_CA"
)

// Place is where a server is asked directly.
type Place struct {
	Address, Key, CA string
	TLS              bool
}

// real is a server that is no stand-in.
type real struct {
	Place
	conn    *grpc.ClientConn
	program string // "" for one that somebody else runs
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{}
}

// startTime bounds how long a server may take to answer.
const startTime = time.Minute

// Real is the server that the environment names, started if it is a program; false where it names none.
func Real(t testing.TB) (Place, bool) {
	t.Helper()
	r := fromEnvironment(t)
	if r == nil {
		return Place{}, false
	}
	return r.Place, true
}

// fromEnvironment is the server that the environment names, nil where it names none.
func fromEnvironment(t testing.TB) *real {
	t.Helper()
	r := &real{program: os.Getenv(Program)}
	r.Place = Place{Address: os.Getenv(Address), Key: os.Getenv(AddressKey), CA: os.Getenv(AddressCA), TLS: os.Getenv(AddressTLS) != ""}
	if r.program == "" && r.Address == "" {
		return nil
	}
	if r.program != "" {
		r.dir, r.Place = t.TempDir(), Place{Address: loopback.Address(t)}
		r.start(t)
		t.Cleanup(func() { r.stop(syscall.SIGKILL) })
	}
	secure := insecure.NewCredentials()
	if r.TLS || r.CA != "" {
		trusted, err := new(trust.Store).Load("qdrant", trust.Files{CA: r.CA})
		if err != nil {
			t.Fatal(err)
		}
		secure = credentials.NewTLS(trusted.Config())
	}
	conn, err := grpc.NewClient(r.Address, grpc.WithTransportCredentials(secure),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	r.conn = conn
	t.Cleanup(func() { conn.Close() })
	r.await(t)
	if r.program != "" {
		return r
	}
	if found := r.collections(t); len(found) > 0 {
		t.Fatalf("the server of %s holds %d collections already: give the tests an empty one", Address, len(found))
	}
	t.Cleanup(func() { r.empty(t) })
	return r
}

// start starts the program over its directory, at its address.
func (r *real) start(t testing.TB) {
	t.Helper()
	_, port, err := net.SplitHostPort(r.Address)
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.OpenFile(filepath.Join(r.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	r.cmd, r.ended = exec.Command(r.program), make(chan struct{})
	r.cmd.Dir, r.cmd.Stdout, r.cmd.Stderr = r.dir, said, said
	r.cmd.Env = append(os.Environ(), "QDRANT__SERVICE__HOST=127.0.0.1", "QDRANT__SERVICE__GRPC_PORT="+port,
		fmt.Sprint("QDRANT__SERVICE__HTTP_PORT=", loopback.Port(t)), "QDRANT__STORAGE__STORAGE_PATH="+filepath.Join(r.dir, "storage"),
		"QDRANT__STORAGE__SNAPSHOTS_PATH="+filepath.Join(r.dir, "snapshots"), "QDRANT__TELEMETRY_DISABLED=true",
		"QDRANT__SERVICE__MAX_REQUEST_SIZE_MB=32", "QDRANT__SERVICE__ENABLE_STATIC_CONTENT=false")
	if err := r.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", r.program, err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // it is ended by us
		close(ended)
	}(r.cmd, r.ended)
}

// stop ends the program and waits until it has; one that somebody else runs goes on.
func (r *real) stop(by syscall.Signal) {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(by) // it may have ended
	<-r.ended
	r.cmd = nil
}

// await waits until the server answers.
func (r *real) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	answer, err := qdrant.NewQdrantClient(r.conn).HealthCheck(r.as(ctx), &qdrant.HealthCheckRequest{})
	for err != nil && ctx.Err() == nil { // the first call over a connection that the server before closed
		time.Sleep(startTime / 600)
		answer, err = qdrant.NewQdrantClient(r.conn).HealthCheck(r.as(ctx), &qdrant.HealthCheckRequest{})
	}
	if err != nil {
		said, _ := os.ReadFile(filepath.Join(r.dir, "log"))
		t.Fatalf("the Qdrant at %s does not answer: %v\n%s", r.Address, err, said[max(0, len(said)-2000):])
	}
	t.Logf("over %s %s", answer.GetTitle(), answer.GetVersion())
}

// as is a call with the server's key.
func (r *real) as(ctx context.Context) context.Context {
	if r.Key == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "api-key", r.Key)
}

func (r *real) collections(t testing.TB) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	answer, err := qdrant.NewCollectionsClient(r.conn).List(r.as(ctx), &qdrant.ListCollectionsRequest{})
	if err != nil {
		t.Fatalf("list the collections of %s: %v", r.Address, err)
	}
	var names []string
	for _, c := range answer.GetCollections() {
		names = append(names, c.GetName())
	}
	return names
}

// empty takes all data from the server: a program loses its disk, of another all collections are deleted.
func (r *real) empty(t testing.TB) {
	t.Helper()
	if r.program != "" {
		running := r.cmd != nil
		r.stop(syscall.SIGKILL)
		if err := os.RemoveAll(filepath.Join(r.dir, "storage")); err != nil {
			t.Fatal(err)
		}
		if running {
			r.start(t)
			r.await(t)
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for _, name := range r.collections(t) {
		if _, err := qdrant.NewCollectionsClient(r.conn).Delete(r.as(ctx), &qdrant.DeleteCollection{CollectionName: name}); err != nil {
			t.Errorf("delete collection %s: %v", name, err)
		}
	}
}

// forward lets the real server answer a call.
func (r *real) forward(ctx context.Context, method string, request any) (any, error) {
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", service, err)
	}
	output := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(name)).Output()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(output.FullName())
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", output.FullName(), err)
	}
	var answer proto.Message = kind.New().Interface()
	return answer, r.conn.Invoke(r.as(ctx), method, request, answer)
}

// changes reports whether a call changes what a server holds.
func changes(method string) bool { return method != "HealthCheck" && !slices.Contains(reading, method) }
