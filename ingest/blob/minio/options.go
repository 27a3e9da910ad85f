package minio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"lineup/internal/trust"
)

// Options say where the bucket is and how to talk to it.
type Options struct {
	Endpoint string // "https://host:port"; http:// speaks plainly, for loopback and meshes
	Bucket   string
	Prefix   string // of all keys, "" or "some/path/"; lets several installations share a bucket
	Region   string // "" asks the server

	// Where AccessKey is "", credentials come from the environment (AWS_ACCESS_KEY_ID or
	// MINIO_ROOT_USER and their like), the file AWS_SHARED_CREDENTIALS_FILE names, or the
	// machine's IAM role, in this order.
	AccessKey, SecretKey, SessionToken string

	Trust  *trust.Certificates // of the authority that signed the server's certificate; nil is the system's
	Lookup string              // "path", "dns" (virtual-host style), or "" for what the endpoint's name suggests

	// Encryption asks the server to encrypt what is put: "" leaves it to the bucket, "sse-s3"
	// uses the server's key, "sse-kms:KEY" the named key of its key service.
	Encryption string
	// PageDays asks the server to delete page snapshots so many days after they were last put;
	// 0 asks nothing.
	PageDays int

	Retries int           // attempts of one request; 0 is 4
	Timeout time.Duration // of one call with all its attempts; 0 is one minute
	// ReadOnly is for a role that only reads: Check then writes nothing.
	ReadOnly bool

	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil dials
}

// ErrOptions is returned by New for options that cannot work.
var ErrOptions = errors.New("object storage settings")

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixPath = regexp.MustCompile(`^([A-Za-z0-9_=-][A-Za-z0-9._=-]*/)*$`)
)

func (o Options) endpoint() (host string, secure bool, err error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || (u.Path != "" && u.Path != "/") || u.User != nil ||
		u.RawQuery != "" {
		return "", false, fmt.Errorf("%w: endpoint %.100q: want https://host:port, without a path or a password", ErrOptions, o.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

func (o Options) validate() error {
	switch {
	case !bucketName.MatchString(o.Bucket):
		return fmt.Errorf("%w: bucket %.100q: want 3 to 63 of a-z, 0-9, '.' and '-'", ErrOptions, o.Bucket)
	case !prefixPath.MatchString(o.Prefix):
		return fmt.Errorf("%w: prefix %.100q: want nothing, or segments that each end in '/', such as \"lineup/\"", ErrOptions, o.Prefix)
	case (o.AccessKey == "") != (o.SecretKey == ""):
		return fmt.Errorf("%w: one of access key and secret key is missing: give both or neither", ErrOptions)
	case o.PageDays < 0 || o.Retries < 0 || o.Timeout < 0:
		return fmt.Errorf("%w: page days, retries and timeout must not be negative", ErrOptions)
	}
	return nil
}

func (o Options) lookup() (s3.BucketLookupType, error) {
	switch o.Lookup {
	case "":
		return s3.BucketLookupAuto, nil
	case "path":
		return s3.BucketLookupPath, nil
	case "dns":
		return s3.BucketLookupDNS, nil
	}
	return 0, fmt.Errorf("%w: lookup %.20q: want \"path\", \"dns\" or nothing", ErrOptions, o.Lookup)
}

func (o Options) encryption() (encrypt.ServerSide, error) {
	kind, key, _ := strings.Cut(o.Encryption, ":")
	switch {
	case o.Encryption == "":
		return nil, nil
	case o.Encryption == "sse-s3":
		return encrypt.NewSSE(), nil
	case kind == "sse-kms" && key != "":
		sse, err := encrypt.NewSSEKMS(key, nil)
		if err != nil {
			return nil, fmt.Errorf("%w: encryption key: %w", ErrOptions, err)
		}
		return sse, nil
	}
	return nil, fmt.Errorf("%w: encryption %.40q: want \"sse-s3\", \"sse-kms:KEY\" or nothing", ErrOptions, o.Encryption)
}

func (o Options) transport(secure bool) (*http.Transport, error) {
	tr, err := s3.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("object storage transport: %w", err)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	tr.DialContext = dialer.DialContext
	if o.dial != nil {
		tr.DialContext = o.dial
	}
	tr.ResponseHeaderTimeout = 20 * time.Second // a server that accepts and never answers
	if o.Trust == nil {
		return tr, nil
	}
	if !secure {
		return nil, fmt.Errorf("%w: a CA file needs an https:// endpoint", ErrOptions)
	}
	dial, limit := tr.DialContext, tr.TLSHandshakeTimeout
	tr.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return o.dialTLS(ctx, network, address, dial, limit)
	}
	return tr, nil
}

// dialTLS connects with the certificates as they are now; shaking hands takes no longer than limit.
func (o Options) dialTLS(ctx context.Context, network, address string,
	dial func(context.Context, string, string) (net.Conn, error), limit time.Duration,
) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("object storage address: %w", err)
	}
	plain, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config := o.Trust.Config()
	config.ServerName = host
	conn := tls.Client(plain, config)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return conn, nil
}

func (o Options) credentials() *credentials.Credentials {
	if o.AccessKey != "" {
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
	})
}
