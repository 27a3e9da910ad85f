// Package trust holds the certificates for connections to the engines: the authorities that may have signed an
// engine's certificate, and the client's own certificate. They are read again for every new connection, so replaced
// files take effect at once without closing open connections. Files that cannot be used are ignored, and the old ones
// stay in force.
package trust

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// Files names the PEM files of an engine's connections; "" for none.
type Files struct {
	CA        string // authorities to use instead of the system's
	Cert, Key string // the client's certificate and its key
}

// Certificates holds the certificates of one engine. It may be used concurrently; nil stands for the system's
// authorities.
type Certificates struct {
	files Files

	mu      sync.Mutex
	roots   *x509.CertPool // nil is the system's
	pair    *tls.Certificate
	refused error // why the current files are not used
}

// Load reads files. Errors: those of ReadCA and ReadPair.
func Load(files Files) (*Certificates, error) {
	c := &Certificates{files: files}
	roots, pair, err := read(files)
	if err != nil {
		return nil, err
	}
	c.roots, c.pair = roots, pair
	return c, nil
}

func read(files Files) (roots *x509.CertPool, pair *tls.Certificate, err error) {
	if files.CA != "" {
		if roots, _, err = ReadCA(files.CA); err != nil {
			return nil, nil, err
		}
	}
	if files.Cert != "" {
		one, _, err := ReadPair(files.Cert, files.Key)
		if err != nil {
			return nil, nil, err
		}
		pair = &one
	}
	return roots, pair, nil
}

// Reread reads the files again, for new connections. If one of them cannot be used or has expired, it returns why, and
// what was read before stays in force.
func (c *Certificates) Reread() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	roots, pair, err := read(c.files)
	if err == nil && pair != nil && time.Now().After(pair.Leaf.NotAfter) {
		err = fmt.Errorf("the certificate in %s ended at %s", c.files.Cert, pair.Leaf.NotAfter.UTC().Format(time.DateTime))
	}
	if c.refused = err; err == nil {
		c.roots, c.pair = roots, pair
	}
	return err
}

// Refused returns why the files were not used when they were last read; nil if they were.
func (c *Certificates) Refused() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Config returns the settings for a new connection; the caller adds the server's name.
func (c *Certificates) Config() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c == nil {
		return config
	}
	_ = c.Reread() // Refused returns the error
	c.mu.Lock()
	defer c.mu.Unlock()
	config.RootCAs = c.roots
	if c.pair != nil {
		config.Certificates = []tls.Certificate{*c.pair}
	}
	return config
}

// errNoCertificate is what a file says that holds none.
var errNoCertificate = errors.New("no PEM certificate in it (want -----BEGIN CERTIFICATE-----)")

// ReadCA reads a file of authorities. ends is when the first of them expires. Errors: a file that cannot be read,
// holds no certificate, or holds a damaged one, such as half a copied file.
func ReadCA(path string) (pool *x509.CertPool, ends time.Time, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, ends, fmt.Errorf("read certificate authorities: %w", err)
	}
	pool = x509.NewCertPool()
	block, rest := pem.Decode(text)
	for ; block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, ends, fmt.Errorf("read certificate authorities: %s: %w", path, err)
		}
		pool.AddCert(one)
		if ends.IsZero() || one.NotAfter.Before(ends) {
			ends = one.NotAfter
		}
	}
	if ends.IsZero() {
		return nil, ends, fmt.Errorf("read certificate authorities: %s: %w", path, errNoCertificate)
	}
	return pool, ends, nil
}

// ReadPair reads a certificate and its key. ends is when the certificate expires. Errors: files that cannot be read or
// do not belong together.
func ReadPair(cert, key string) (pair tls.Certificate, ends time.Time, err error) {
	if pair, err = tls.LoadX509KeyPair(cert, key); err != nil {
		return pair, ends, fmt.Errorf("read certificate %s and key %s: %w", cert, key, err)
	}
	return pair, pair.Leaf.NotAfter, nil
}

// Store keeps the certificates of each engine that a process connects to.
type Store struct {
	mu sync.Mutex
	of map[string]*Certificates
}

// Load reads the files of an engine and keeps them under its name. For the same files it returns what is kept; for
// Files that name nothing, nil. A nil Store keeps nothing. Errors: those of the package's Load.
func (s *Store) Load(engine string, files Files) (*Certificates, error) {
	if files == (Files{}) {
		return nil, nil
	}
	if s == nil {
		return Load(files)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.of[engine]; kept != nil && kept.files == files {
		return kept, nil
	}
	c, err := Load(files)
	if err != nil {
		return nil, err
	}
	if s.of == nil {
		s.of = make(map[string]*Certificates)
	}
	s.of[engine] = c
	return c, nil
}

// Each goes through those that were loaded, by the engine's name.
func (s *Store) Each() iter.Seq2[string, *Certificates] {
	return func(yield func(string, *Certificates) bool) {
		if s == nil {
			return
		}
		s.mu.Lock()
		all := maps.Clone(s.of)
		s.mu.Unlock()
		for _, engine := range slices.Sorted(maps.Keys(all)) {
			if !yield(engine, all[engine]) {
				return
			}
		}
	}
}
