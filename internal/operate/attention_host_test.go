package operate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lineup/config"
)

// TestAttentionLooksAtTheMachine: a full disk, certificates that end and audits that found something, or did not run.
func TestAttentionLooksAtTheMachine(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		report StatusReport
		want   string // kinds
	}{
		"well": {StatusReport{Disk: &Disk{"d", 50 << 30, 100 << 30}, Certificates: []Certificate{{Of: "nats.ca", Ends: now.Add(15 * day)}},
			Audit: &Audited{Ended: now.Add(-day)}}, ""},
		"little":        {StatusReport{Disk: &Disk{"d", 1 << 30, 8 << 30}}, "disk_full"},
		"a small share": {StatusReport{Disk: &Disk{"d", 4 << 30, 100 << 30}}, "disk_full"},
		"certificates": {StatusReport{Certificates: []Certificate{{Of: "nats.ca", Ends: now.Add(13 * day)}, {Of: "s3.ca", Ends: now.Add(-day)},
			{Of: "qdrant.ca", Wrong: "no PEM"}}}, "certificate certificate certificate"},
		"audit": {StatusReport{Audit: &Audited{Ended: now.Add(-4 * day), Differences: map[string]int{"missing_photo": 1}}},
			"audit audit_old"},
		"counted":          {StatusReport{Counted: Counted{At: now.Add(-2 * time.Hour), Written: 9}}, ""},
		"counted long ago": {StatusReport{Counted: Counted{At: now.Add(-25 * time.Hour)}}, "counts_old"},
	} {
		tc.report.Attend(now)
		var kinds []string
		for _, c := range tc.report.Attention {
			kinds = append(kinds, c.Kind)
		}
		if got := strings.Join(kinds, " "); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestCertificatesOfTheConfiguration reads the one of a chain that ends first, and says what is none.
func TestCertificatesOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	first, second := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC)
	file := filepath.Join(dir, "ca.pem")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for i, ends := range []time.Time{second, first} {
		template := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), NotAfter: ends}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.NATS.CA, c.S3.CA = file, filepath.Join(dir, "none.pem")
	found := Certificates(c)
	if len(found) != 2 || found[1].Of != "s3.ca" || found[1].Wrong == "" || found[0].Wrong != "" || found[0].Of != "nats.ca" ||
		!found[0].Ends.Equal(first) {
		t.Errorf("found %v", found)
	}
}
