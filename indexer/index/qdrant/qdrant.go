// Package qdrant is the index in a Qdrant server or cluster.
//
// A generation is a pair of collections, <prefix>-<name>-faces and <prefix>-<name>-registrants;
// the aliases <prefix>-faces and <prefix>-registrants point to the pair that serves and are
// moved together in one call. <prefix>-generations holds a point for each generation.
//
// A registrant's point is what counts: it has the revision and the list of its faces, and a
// face that is not in its registrant's list is passed over, so that a registrant is seen whole
// although its points are written one after the other. Points are written on the condition
// that what is there is not newer, so late writers change nothing, also after a removal: the
// point of who left stays, with its revision and nothing else.
package qdrant

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"time"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"lineup/indexer/index"
	"lineup/internal/trust"
)

// Options say where the server is and how to use it.
type Options struct {
	Address string // host:port of the gRPC interface
	Prefix  string // of all names; "" is "lineup"
	APIKey  string
	TLS     bool
	Trust   *trust.Certificates // of the authorities to trust in place of the system's; implies TLS
	// Timeout bounds each call to the server; 0 is 30 s.
	Timeout time.Duration
	// Approximate searches by the graph, then rescores: some milliseconds at any size, and
	// about two of a thousand of the nearest 20 are missed at 1,000,000 faces with the
	// defaults. Otherwise every face is compared.
	Approximate  bool
	Effort       int     // ef of the graph search; 0 is 512
	Oversampling float64 // how many times as many are rescored; 0 is 3
	Replicas     int     // of each new collection; 0 is the server's default
}

// Index is an index in Qdrant.
type Index struct {
	client *qdrant.Client
	o      Options
}

var _ index.Index = (*Index)(nil)

// maxMessage bounds an answer of the server.
const maxMessage = 64 << 20

// Open prepares the connection; it is made, and made again, when it is needed.
func Open(o Options) (*Index, error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("qdrant address %q: %w; hint: give host:port, Qdrant's gRPC port is 6334", o.Address, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("qdrant address %q: %w; hint: give host:port, Qdrant's gRPC port is 6334", o.Address, err)
	}
	if o.Prefix == "" {
		o.Prefix = "lineup"
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Effort == 0 {
		o.Effort = 512
	}
	if o.Oversampling == 0 {
		o.Oversampling = 3
	}
	config := &qdrant.Config{
		Host: host, Port: int(number), APIKey: o.APIKey, UseTLS: o.TLS || o.Trust != nil, SkipCompatibilityCheck: true, KeepAliveTime: -1,
		GrpcOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
			grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: 5 * time.Second,
				Backoff: backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 3 * time.Second}}),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		},
	}
	if config.UseTLS {
		config.GrpcOptions = append(config.GrpcOptions, grpc.WithTransportCredentials(&secure{credentials.NewTLS(o.tls(host)), o, host}))
	}
	client, err := qdrant.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("qdrant at %s: %w", o.Address, err)
	}
	return &Index{client: client, o: o}, nil
}

func (o Options) tls(host string) *tls.Config {
	config := o.Trust.Config()
	config.ServerName = host
	return config
}

// secure makes each new connection with the certificates as they are then.
type secure struct {
	credentials.TransportCredentials
	o    Options
	host string
}

func (s *secure) ClientHandshake(ctx context.Context, authority string, plain net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return credentials.NewTLS(s.o.tls(s.host)).ClientHandshake(ctx, authority, plain)
}

func (s *secure) Clone() credentials.TransportCredentials {
	return &secure{s.TransportCredentials.Clone(), s.o, s.host}
}

// Close closes the connections.
func (x *Index) Close() error {
	if err := x.client.Close(); err != nil {
		return fmt.Errorf("close qdrant: %w", err)
	}
	return nil
}

// Check asks the server whether it is there and takes our key.
func (x *Index) Check(ctx context.Context) error {
	return x.call(ctx, "check", func(ctx context.Context) error {
		if _, err := x.client.HealthCheck(ctx); err != nil {
			return err
		}
		_, err := x.client.ListAliases(ctx) // the health check needs no key
		return err
	})
}

// call runs one call to the server under the timeout and explains its error.
func (x *Index) call(ctx context.Context, what string, do func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, x.o.Timeout)
	defer cancel()
	err := do(limited)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	hint := ""
	switch statusOf(err) {
	case codes.NotFound:
		return fmt.Errorf("%s: %w (%w)", what, fs.ErrNotExist, err)
	case codes.Unavailable:
		hint = "; hint: is Qdrant running, and is this its gRPC port (6334)?"
	case codes.DeadlineExceeded:
		hint = fmt.Sprintf("; hint: Qdrant took longer than %s", x.o.Timeout)
	case codes.Unauthenticated, codes.PermissionDenied:
		hint = "; hint: Qdrant refuses the API key"
	case codes.ResourceExhausted, codes.OutOfRange:
		hint = "; hint: Qdrant limits requests (strict mode's rates, max_request_size_mb): raise them"
	}
	return fmt.Errorf("%s: qdrant at %s: %w%s", what, x.o.Address, err, hint)
}

func statusOf(err error) codes.Code {
	for ; err != nil; err = errors.Unwrap(err) {
		if s, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
			return s.GRPCStatus().Code()
		}
	}
	return codes.Unknown
}

// strong makes a cluster apply the writes of a point in one order everywhere.
func strong() *qdrant.WriteOrdering {
	return &qdrant.WriteOrdering{Type: qdrant.WriteOrderingType_Strong}
}
