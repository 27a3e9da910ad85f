package operate_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"lineup/config"
	"lineup/internal/operate"
)

// TestDoctorAsksForACorrectionContact holds that who opens an installation to others is asked where people turn to.
func TestDoctorAsksForACorrectionContact(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		asks   string
	}{
		"this machine alone":     {func(*config.Config) {}, ""},
		"public":                 {func(c *config.Config) { c.Public = "https://lineup.example.org" }, "nobody"},
		"listening to others":    {func(c *config.Config) { c.Listen, c.Contact = "0.0.0.0:80", "ops@example.org" }, "ops@example.org"},
		"with a contact of that": {func(c *config.Config) { c.Public, c.Corrections = "https://lineup.example.org", "c@example.org" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := config.Loaded{Config: config.Default()}
			c.change(&set.Config)
			var found operate.Checkup
			found.CheckConfig(set, nil)
			asked := slices.ContainsFunc(found, func(f operate.Finding) bool {
				return f.What == "corrections" && f.State == "advice" && strings.Contains(f.Say, c.asks)
			})
			if asked != (c.asks != "") {
				t.Errorf("asked: %v in %+v", asked, found)
			}
		})
	}
}

// TestDoctorNamesTheRole holds that whose credentials of NATS are configured is said with what they are for.
func TestDoctorNamesTheRole(t *testing.T) {
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	claims := jwt.NewUserClaims(public)
	claims.Name = "index"
	token, err := claims.Encode(account)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(token, seed)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, broken := filepath.Join(dir, "index.creds"), filepath.Join(dir, "broken.creds")
	if err := errors.Join(os.WriteFile(file, creds, 0o600), os.WriteFile(broken, []byte("nothing"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set         config.NATS
		state, says string
	}{
		"a role in the URL": {config.NATS{URL: "tls://query:secret@nats-0:4222,tls://query:secret@nats-1:4222"}, "ok",
			"credentials of query: for lineup query"},
		"admin":             {config.NATS{URL: "tls://admin:secret@nats-0:4222"}, "ok", "every command"},
		"a file":            {config.NATS{URL: "tls://nats-0:4222", Credentials: file}, "ok", "credentials of index: for lineup index"},
		"no such file":      {config.NATS{URL: "tls://nats-0:4222", Credentials: filepath.Join(dir, "none")}, "wrong", "read nats.credentials"},
		"a file of nothing": {config.NATS{URL: "tls://nats-0:4222", Credentials: broken}, "wrong", "nsc generate creds"},
		"somebody else":     {config.NATS{URL: "tls://ops:secret@nats-0:4222"}, "ok", "user ops, which is none of"},
		"nobody":            {config.NATS{URL: "nats://127.0.0.1:4222"}, "advice", "names no user"},
	} {
		t.Run(name, func(t *testing.T) {
			var found operate.Checkup
			found.CheckRole(c.set)
			if len(found) != 1 || found[0].State != c.state || !strings.Contains(found[0].Say, c.says) || strings.Contains(found[0].Say, "secret") {
				t.Errorf("%+v, want %s: %s", found, c.state, c.says)
			}
		})
	}
}
