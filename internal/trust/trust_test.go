package trust_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"lineup/internal/testkit/certtest"
	"lineup/internal/trust"
)

// TestReplacedFiles holds what files may take the place of those read before.
func TestReplacedFiles(t *testing.T) {
	dir := t.TempDir()
	files := certtest.Write(t, dir)
	c, err := trust.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	first := c.Config()
	if first.RootCAs == nil || len(first.Certificates) != 1 {
		t.Fatalf("loaded: %+v", first)
	}
	half := func(path string) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text[:len(text)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []struct {
		name, says string
		replace    func()
	}{
		{"half an authority", "no PEM certificate", func() { half(files.CA) }},
		{"an authority that is none", "x509", func() {
			text := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
			if err := os.WriteFile(files.CA, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"no authority", "no such file", func() { os.Remove(files.CA) }},
		{"half a key", "key", func() { half(files.Key) }},
		{"a key of another", "private key does not match", func() {
			other, err := os.ReadFile(certtest.Write(t, t.TempDir()).Key)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files.Key, other, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"one that has ended", "ended at", func() { certtest.WriteUntil(t, dir, time.Now().Add(-time.Hour)) }},
	} {
		t.Run(bad.name, func(t *testing.T) {
			certtest.Write(t, dir)
			if err := c.Reread(); err != nil {
				t.Fatal(err)
			}
			before := c.Config()
			bad.replace()
			after := c.Config()
			if !after.RootCAs.Equal(before.RootCAs) || !after.Certificates[0].Leaf.Equal(before.Certificates[0].Leaf) {
				t.Error("it is used")
			}
			if err := c.Refused(); err == nil || !strings.Contains(err.Error(), bad.says) {
				t.Errorf("refused with %v, want %q", err, bad.says)
			}
			if err := c.Reread(); err == nil {
				t.Error("read anew without an error")
			}
		})
	}
	certtest.Write(t, dir)
	if now := c.Config(); now.RootCAs.Equal(first.RootCAs) || c.Refused() != nil {
		t.Errorf("good files are not used: %v", c.Refused())
	}
}

func TestStore(t *testing.T) {
	files := certtest.Write(t, t.TempDir())
	var store trust.Store
	a, err := store.Load("nats", files)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := store.Load("nats", files); err != nil || a != b {
		t.Errorf("loaded again: %v", err)
	}
	if none, err := store.Load("s3", trust.Files{}); none != nil || err != nil || none.Config().RootCAs != nil || none.Reread() != nil {
		t.Errorf("no files: %v", err)
	}
	if _, err := store.Load("s3", trust.Files{CA: files.CA + "x"}); err == nil {
		t.Error("a file that is not there")
	}
	var names []string
	for engine := range store.Each() {
		names = append(names, engine)
	}
	if strings.Join(names, " ") != "nats" {
		t.Errorf("kept: %v", names)
	}
}
