// Package qdranttest is a server that speaks Qdrant's published gRPC API over a plain store in
// memory, as far as the adapter uses it: for tests that must not need a real one. It follows
// what a real Qdrant 1.18 was seen to do, not what would be handy.
package qdranttest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"lineup/internal/testkit/loopback"
)

// Server is a running server. Its faults may be set at any time.
type Server struct {
	Address string
	// APIKey, when set, is asked of every call but the health check.
	APIKey string
	// ReadOnlyKey, when set, opens the calls that change nothing.
	ReadOnlyKey string
	// RefuseWrites makes writes fail as a full disk does.
	RefuseWrites atomic.Bool
	// Before, when set, is called before each call is worked on, with its full method name:
	// for a test that lets something else happen first.
	Before atomic.Pointer[func(method string)]
	// While Failing, FailAfter counts the writes that still work.
	Failing   atomic.Bool
	FailAfter atomic.Int64
	// Delay is how long every call takes, in nanoseconds, unless its caller leaves.
	Delay atomic.Int64
	// Scrolled counts the points that scrolling gave.
	Scrolled atomic.Int64
	// Strict is the strict mode of collections that are made without one; a real server has it from its own configuration.
	Strict *qdrant.StrictModeConfig

	tls    *tls.Config
	real   *real // that answers in place of the memory here; nil for none
	mu     sync.Mutex
	grpc   *grpc.Server
	served chan struct{} // closed when nobody listens at its address any more
	data   map[string]*collection
	// aliases lead to collections' names.
	aliases map[string]string

	qdrant.UnimplementedQdrantServer
}

// Both services have a method Get and Delete, so each is a type of its own.
type (
	collections struct {
		qdrant.UnimplementedCollectionsServer
		*Server
	}
	points struct {
		qdrant.UnimplementedPointsServer
		*Server
	}
)

type collection struct {
	vectors bool
	size    int
	strict  *qdrant.StrictModeConfig
	reads   uint32 // and
	writes  uint32 // since it was made
	indexed map[string]qdrant.FieldType
	points  map[string]*qdrant.PointStruct
	fields  fields
	sorted  []string // ids in order; nil after one came or went
}

// Start starts a server on loopback; with a TLS configuration it speaks TLS. It stops with the test. A real server stands
// behind it where the environment says so (Program, Address).
func Start(t testing.TB, config *tls.Config) *Server {
	s := newServer(loopback.Address(t))
	s.tls, s.real = config, fromEnvironment(t)
	s.Restart(t)
	t.Cleanup(s.Stop)
	return s
}

func newServer(address string) *Server {
	return &Server{data: map[string]*collection{}, aliases: map[string]string{}, Address: address}
}

// maxRequest is max_request_size_mb of a server that is not told another.
const maxRequest = 32 << 20

// Restart starts the stopped server again at its address, with its data.
func (s *Server) Restart(t testing.TB) {
	if s.real != nil && s.real.program != "" && s.real.cmd == nil {
		s.real.start(t)
		s.real.await(t)
	}
	server, err := s.serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
}

// serve answers at the server's address until it is stopped.
func (s *Server) serve() (*grpc.Server, error) {
	l, err := net.Listen("tcp", s.Address)
	if err != nil {
		return nil, err
	}
	options := []grpc.ServerOption{grpc.UnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(2 * maxRequest)}
	if s.tls != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.tls)))
	}
	server := grpc.NewServer(options...)
	qdrant.RegisterCollectionsServer(server, collections{Server: s})
	qdrant.RegisterPointsServer(server, points{Server: s})
	qdrant.RegisterQdrantServer(server, s)
	served := make(chan struct{})
	s.mu.Lock()
	s.grpc, s.served = server, served
	s.mu.Unlock()
	go func() {
		defer close(served)
		_ = server.Serve(l) // ends with Stop, and closes the listener even if Stop came first
	}()
	return server, nil
}

// Stop stops the server; its data stay.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a lost machine does; what it acknowledged stays.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(by syscall.Signal) {
	s.mu.Lock()
	server, served := s.grpc, s.served
	s.mu.Unlock()
	server.Stop()
	<-served
	if s.real != nil {
		s.real.stop(by)
	}
}

// Direct is where the server is asked without the checks and faults of this package, for what is measured: the real one where there is one.
func (s *Server) Direct() Place {
	if s.real != nil {
		return s.real.Place
	}
	return Place{Address: s.Address}
}

// Empty loses all data, as a server started on a new disk.
func (s *Server) Empty(t testing.TB) {
	if s.real != nil {
		s.real.empty(t)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.data)
	clear(s.aliases)
}

func (s *Server) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, do grpc.UnaryHandler) (any, error) {
	if d := time.Duration(s.Delay.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
	if err := s.admit(ctx, path.Base(info.FullMethod)); err != nil {
		return nil, err
	}
	if m, ok := request.(proto.Message); ok && proto.Size(m) > maxRequest {
		return nil, status.Errorf(codes.OutOfRange, "Error, decoded message length too large: found %d bytes, the limit is: %d bytes",
			proto.Size(m), maxRequest)
	}
	if before := s.Before.Load(); before != nil {
		(*before)(info.FullMethod)
	}
	if s.real != nil {
		if changes(path.Base(info.FullMethod)) {
			if err := s.writable(); err != nil {
				return nil, err
			}
		}
		if r, ok := request.(*qdrant.CreateCollection); ok && r.StrictModeConfig == nil {
			r.StrictModeConfig = s.Strict
		}
		return s.real.forward(ctx, info.FullMethod, request)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.strictly(request); err != nil {
		return nil, err
	}
	// What goes out must not change when what is stored does.
	response, err := do(ctx, request)
	if m, ok := response.(proto.Message); ok && err == nil {
		return proto.Clone(m), nil
	}
	return response, err
}

// reading are the calls that a read-only key opens.
var reading = []string{"Get", "List", "ListAliases", "CollectionExists", "Scroll", "Query", "QueryBatch", "Count", "Facet"}

// admit asks for the key of a call.
func (s *Server) admit(ctx context.Context, method string) error {
	md, _ := metadata.FromIncomingContext(ctx)
	given := md.Get("api-key")
	switch {
	case s.APIKey == "" || method == "HealthCheck" || slices.Contains(given, s.APIKey):
		return nil
	case s.ReadOnlyKey == "" || !slices.Contains(given, s.ReadOnlyKey):
		return status.Error(codes.Unauthenticated, "Invalid API key or JWT")
	case !slices.Contains(reading, method):
		return status.Error(codes.PermissionDenied, "Forbidden: Global manage access is required")
	}
	return nil
}

// HealthCheck answers without a key.
func (s *Server) HealthCheck(context.Context, *qdrant.HealthCheckRequest) (*qdrant.HealthCheckReply, error) {
	return &qdrant.HealthCheckReply{Title: "qdrant - vector search engine", Version: "1.18.3"}, nil
}

func (s *Server) find(name string) (*collection, error) {
	if target, ok := s.aliases[name]; ok {
		name = target
	}
	if c, ok := s.data[name]; ok {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", name)
}

func (s *Server) writable() error {
	if s.RefuseWrites.Load() {
		return status.Error(codes.Internal, "Service internal error: No space left on device: WAL buffer size exceeds available disk space")
	}
	if s.Failing.Load() && s.FailAfter.Add(-1) < 0 {
		return status.Error(codes.Unavailable, "connection lost")
	}
	return nil
}

// Create makes a collection.
func (s collections) Create(_ context.Context, r *qdrant.CreateCollection) (*qdrant.CollectionOperationResponse, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	if _, taken := s.aliases[r.GetCollectionName()]; taken || s.data[r.GetCollectionName()] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", r.GetCollectionName())
	}
	params := r.GetVectorsConfig().GetParams()
	if params != nil && params.GetDistance() != qdrant.Distance_Euclid {
		return nil, status.Error(codes.Unimplemented, "this stand-in knows no other distance than that of the models so far")
	}
	s.data[r.GetCollectionName()] = &collection{vectors: params != nil, size: int(params.GetSize()),
		strict: cmp.Or(r.GetStrictModeConfig(), s.Strict), indexed: map[string]qdrant.FieldType{},
		points: map[string]*qdrant.PointStruct{}, fields: fields{}}
	return &qdrant.CollectionOperationResponse{Result: true}, nil
}

// Delete deletes a collection and the aliases that lead to it.
func (s collections) Delete(_ context.Context, r *qdrant.DeleteCollection) (*qdrant.CollectionOperationResponse, error) {
	return &qdrant.CollectionOperationResponse{Result: s.dropCollection(r.GetCollectionName())}, nil
}

// List lists the collections.
func (s collections) List(context.Context, *qdrant.ListCollectionsRequest) (*qdrant.ListCollectionsResponse, error) {
	out := &qdrant.ListCollectionsResponse{}
	for name := range s.data {
		out.Collections = append(out.Collections, &qdrant.CollectionDescription{Name: name})
	}
	return out, nil
}

// CollectionExists also knows aliases.
func (s collections) CollectionExists(_ context.Context, r *qdrant.CollectionExistsRequest) (*qdrant.CollectionExistsResponse, error) {
	_, err := s.find(r.GetCollectionName())
	return &qdrant.CollectionExistsResponse{Result: &qdrant.CollectionExists{Exists: err == nil}}, nil
}

// ListAliases lists all aliases.
func (s collections) ListAliases(context.Context, *qdrant.ListAliasesRequest) (*qdrant.ListAliasesResponse, error) {
	out := &qdrant.ListAliasesResponse{}
	for alias, name := range s.aliases {
		out.Aliases = append(out.Aliases, &qdrant.AliasDescription{AliasName: alias, CollectionName: name})
	}
	return out, nil
}

// UpdateAliases does all actions or none.
func (s collections) UpdateAliases(_ context.Context, r *qdrant.ChangeAliases) (*qdrant.CollectionOperationResponse, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	next := map[string]string{}
	for a, c := range s.aliases {
		next[a] = c
	}
	for _, action := range r.GetActions() {
		switch {
		case action.GetCreateAlias() != nil:
			create := action.GetCreateAlias()
			if s.data[create.GetAliasName()] != nil {
				return nil, status.Errorf(codes.AlreadyExists, "Wrong input: Collection `%s` already exists!", create.GetAliasName())
			}
			if s.data[create.GetCollectionName()] == nil {
				return nil, status.Errorf(codes.NotFound, "Not found: Collection `%s` doesn't exist!", create.GetCollectionName())
			}
			next[create.GetAliasName()] = create.GetCollectionName()
		case action.GetDeleteAlias() != nil:
			delete(next, action.GetDeleteAlias().GetAliasName())
		default:
			return nil, status.Error(codes.Unimplemented, "this stand-in does not rename aliases")
		}
	}
	s.aliases = next
	return &qdrant.CollectionOperationResponse{Result: true}, nil
}

func (s *Server) dropCollection(name string) bool {
	if s.data[name] == nil {
		return false
	}
	delete(s.data, name)
	for alias, target := range s.aliases {
		if target == name {
			delete(s.aliases, alias)
		}
	}
	return true
}

func distance(a, b []float32) float32 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return float32(math.Sqrt(sum))
}

func invalid(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, "Wrong input: "+fmt.Sprintf(format, args...))
}
