package s3server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lineup/internal/testkit/loopback"
)

// The administrator of every server started here.
const (
	AccessKey = "lineup-test"
	SecretKey = "lineup-test-secret"
)

// Domain is the base of virtual-host style names: buckets are BUCKET.Domain.
const Domain = "s3.test"

// readyLimit bounds the wait for a server to answer.
const readyLimit = 90 * time.Second

// Server is a running server. It is stopped when the test that started it ends.
type Server struct {
	Engine   Engine
	Addr     string // host:port on loopback
	Endpoint string // URL
	CAFile   string // PEM, with TLS
	Dir      string // where it keeps what it is given

	program string
	home    string
	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{} // closed when cmd has ended
	log     *bytes.Buffer // what cmd said; read it after done
}

// Start builds the engine where needed and runs it over an empty directory, with TLS by a
// certificate authority of its own when asked.
func Start(t *testing.T, e Engine, withTLS bool) *Server {
	t.Helper()
	program, err := Build(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	s := &Server{Engine: e, program: program, home: home, Dir: filepath.Join(home, "data")}
	for _, dir := range []string{s.Dir, filepath.Join(home, "certs", "CAs"), filepath.Join(home, "iam"), filepath.Join(home, "meta")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	scheme := "http://"
	if withTLS {
		scheme = "https://"
		s.CAFile = filepath.Join(home, "ca.pem")
		if err := s.writeCertificate(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.Stop)
	s.Addr = loopback.Address(t)
	s.Endpoint = scheme + s.Addr
	s.Restart(t)
	return s
}

// Restart runs a stopped server again: same address, same data.
func (s *Server) Restart(t *testing.T) {
	t.Helper()
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Stop kills the server, as a machine that goes away does, and waits for its end.
func (s *Server) Stop() {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	cmd.Process.Signal(syscall.SIGCONT)
	cmd.Process.Kill()
	<-done
}

// Freeze makes the server stop answering while its connections stay open; Thaw ends it.
func (s *Server) Freeze(t *testing.T) {
	s.signal(t, syscall.SIGSTOP)
	// The signal is on its way when the call returns; each thread stops when it sees it.
	for end := time.Now().Add(10 * time.Second); !s.stopped(t); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not stop", s.Engine.Name)
		}
	}
}

// stopped reports whether every thread of the server stands still.
func (s *Server) stopped(t *testing.T) bool {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	states, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.cmd.Process.Pid))
	if err != nil || len(states) == 0 {
		t.Fatalf("look at the threads of %s: %v", s.Engine.Name, err)
	}
	for _, file := range states {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		if _, state, ok := strings.Cut(string(line), ") "); !ok || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// Thaw lets a frozen server go on.
func (s *Server) Thaw(t *testing.T) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		t.Fatalf("%s is not running", s.Engine.Name)
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) command() *exec.Cmd {
	if s.Engine == MinIO {
		cmd := exec.Command(s.program, "server", "--quiet", "--address", s.Addr, "--console-address", "127.0.0.1:0",
			"--certs-dir", filepath.Join(s.home, "certs"), s.Dir)
		cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+AccessKey, "MINIO_ROOT_PASSWORD="+SecretKey, "MINIO_BROWSER=off",
			"MINIO_UPDATE=off", "MINIO_DOMAIN="+Domain, "MINIO_CI_CD=1",
			"MINIO_KMS_SECRET_KEY=lineup-test:bGluZXVwLXRlc3Qta2V5LW9mLTMyLWJ5dGVzISEhISE=")
		return cmd
	}
	args := []string{"--port", s.Addr, "--access", AccessKey, "--secret", SecretKey, "--virtual-domain", Domain,
		"--iam-dir", filepath.Join(s.home, "iam"), "--quiet"}
	if s.CAFile != "" {
		args = append(args, "--cert", filepath.Join(s.home, "certs", "public.crt"), "--key", filepath.Join(s.home, "certs", "private.key"))
	}
	return exec.Command(s.program, append(args, "posix", "--sidecar", filepath.Join(s.home, "meta"), s.Dir)...)
}

func (s *Server) run(ctx context.Context) error {
	cmd, log := s.command(), &bytes.Buffer{}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.home, log, log
	// The server ends with this process however that ends. The kernel ties it to the thread
	// that started it, so that thread stays until the server is gone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", s.Engine.Name, err)
	}
	s.mu.Lock()
	s.cmd, s.done, s.log = cmd, done, log
	s.mu.Unlock()
	return s.waitReady(ctx)
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true}}
	path := "/"
	if s.Engine == MinIO {
		path = "/minio/health/ready"
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+path, nil); err == nil {
			if resp, err := client.Do(req); err == nil {
				resp.Body.Close()
				if s.Engine != MinIO || resp.StatusCode == http.StatusOK {
					return nil
				}
			}
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("%s ended before it answered: %s", s.Engine.Name, s.log)
		case <-ctx.Done():
			return fmt.Errorf("%s on %s does not answer: %w", s.Engine.Name, s.Addr, ctx.Err())
		}
	}
}

// writeCertificate makes an authority and a certificate of 127.0.0.1 and the test domain.
func (s *Server) writeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lineup test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{Domain, "*." + Domain},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		return err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for file, block := range map[string]pem.Block{
		s.CAFile: {Type: "CERTIFICATE", Bytes: caDER},
		filepath.Join(s.home, "certs", "public.crt"):  {Type: "CERTIFICATE", Bytes: leafDER},
		filepath.Join(s.home, "certs", "private.key"): {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(&block), 0o600); err != nil {
			return err
		}
	}
	return nil
}
