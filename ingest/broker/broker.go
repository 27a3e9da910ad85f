// Package broker runs a NATS server with JetStream inside the process, for the all-in-one size
// and for tests, and connects to it or to an external one.
//
// The embedded server keeps its streams below a directory, syncs every write before it
// acknowledges it, and listens on a random loopback port behind a random token, so that
// commands of the same user can reach a running all-in-one through its data directory.
package broker

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"lineup/internal/trust"
)

// startTimeout bounds how long a server may take to be ready; recovering 1,000,000 keys after
// a kill takes up to 5 s (measured), a slow disk more.
const startTimeout = 2 * time.Minute

// Broker is a NATS server inside this process. A server that could not write, as on a full disk,
// refuses writes till it is started anew: the broker does that as soon as there is room again.
type Broker struct {
	token string
	dir   string
	log   *slog.Logger
	sick  chan struct{} // holds one once a write failed
	stop  context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex // held while the server is started anew
	server *server.Server
}

// Start runs a server over the streams in dir, which it makes when missing. Only one process
// may do so at a time; the caller holds the lock of the data directory.
func Start(dir string, log *slog.Logger) (*Broker, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the broker's directory: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Broker{token: rand.Text(), dir: dir, log: log, sick: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	var err error
	if b.server, err = b.start(server.RANDOM_PORT); err != nil {
		stop()
		return nil, err
	}
	go b.mend(ctx)
	return b, nil
}

func (b *Broker) start(port int) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName:    "lineup",
		Host:          "127.0.0.1",
		Port:          port,
		Authorization: b.token,
		NoSigs:        true,
		JetStream:     true,
		StoreDir:      b.dir,
		SyncAlways:    true,
		MaxPayload:    1 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the broker: %w", err)
	}
	s.SetLoggerV2(logger{b.log, b.sick}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("broker over %s not ready after %s", filepath.Base(b.dir), startTimeout)
	}
	return s, nil
}

// URL is where the server listens, with the token that opens it: a secret.
func (b *Broker) URL() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("nats://%s@%s", b.token, b.server.Addr())
}

// InProcessConn is a connection to the server that runs now.
func (b *Broker) InProcessConn() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.server.InProcessConn()
}

// Connect opens a connection inside the process, which also outlives a new start of the server.
func (b *Broker) Connect() (*nats.Conn, error) {
	nc, err := nats.Connect("", append(connectOptions(nil), nats.InProcessServer(b), nats.Token(b.token))...)
	if err != nil {
		return nil, fmt.Errorf("connect inside the process: %w", err)
	}
	return nc, nil
}

// Close stops the server and waits until its files are closed.
func (b *Broker) Close() {
	b.stop()
	<-b.done
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// Remote says how to reach an external cluster.
type Remote struct {
	URL         string              // comma-separated
	Credentials string              // file, "" for none
	Trust       *trust.Certificates // nil is the system's authorities, and no certificate of the client's
	// Inbox is what the subjects of answers begin with. A user whose rights end there cannot
	// read what others are answered. "" is "_INBOX." and the user's name where URL has one,
	// else "_INBOX".
	Inbox string
	Log   *slog.Logger
}

// inboxName is a user's name that can be one token of a subject.
var inboxName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// inbox is the prefix of the subjects of answers. A token is not a name: it stays out of subjects.
func (r Remote) inbox() string {
	if r.Inbox != "" {
		return r.Inbox
	}
	first, _, _ := strings.Cut(r.URL, ",")
	if u, err := url.Parse(strings.TrimSpace(first)); err == nil && u.User != nil {
		if _, password := u.User.Password(); password && inboxName.MatchString(u.User.Username()) {
			return "_INBOX." + u.User.Username()
		}
	}
	return "_INBOX"
}

// Dial connects to an external cluster, and keeps reconnecting for ever with back-off.
func Dial(r Remote) (*nats.Conn, error) {
	options := append(connectOptions(r.Log), nats.CustomInboxPrefix(r.inbox()))
	if r.Credentials != "" {
		options = append(options, nats.UserCredentials(r.Credentials))
	}
	if r.Trust != nil {
		var mine nats.TLSCertHandler
		if len(r.Trust.Config().Certificates) > 0 {
			mine = r.certificate
		}
		options = append(options, nats.ClientTLSConfig(mine, r.roots))
	}
	nc, err := nats.Connect(r.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w (is it running, and are url and credentials right?)", places(r.URL), err)
	}
	return nc, nil
}

// certificate is what the client shows a server that it connects to now.
func (r Remote) certificate() (tls.Certificate, error) { return r.Trust.Config().Certificates[0], nil }

func (r Remote) roots() (*x509.CertPool, error) { return r.Trust.Config().RootCAs, nil }

func connectOptions(log *slog.Logger) []nats.Option {
	options := []nats.Option{
		nats.Name("lineup"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.CustomReconnectDelay(func(attempts int) time.Duration {
			return min(250*time.Millisecond<<min(attempts, 7), 15*time.Second)
		}),
		nats.Timeout(5 * time.Second),
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return append(options,
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("nats connection lost", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("nats connection restored") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("nats error", "error", err) }))
}

// places are the hosts and ports of NATS's servers, without the secrets that their addresses may hold.
func places(urls string) string {
	var hosts []string
	for one := range strings.SplitSeq(urls, ",") {
		if u, err := url.Parse(strings.TrimSpace(one)); err == nil {
			hosts = append(hosts, u.Host)
		}
	}
	return strings.Join(hosts, ", ")
}
