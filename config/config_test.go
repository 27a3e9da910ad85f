package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lineup/config"
)

func TestLoad(t *testing.T) {
	tests := []struct {
		name, file   string
		environ, set []string
		want         func(config.Config) bool
		fails        string
	}{
		{name: "defaults", want: func(c config.Config) bool { return c.Listen == "127.0.0.1:8080" && c.Query.MaxPhoto == 3000000 }},
		{name: "file over defaults", file: "listen: 127.0.0.1:9\nindex: {reconcile: 5m}\n",
			want: func(c config.Config) bool {
				return c.Listen == "127.0.0.1:9" && c.Index.Reconcile == 5*time.Minute && c.NATS.Replicas == 1
			}},
		{name: "environment over file", file: "nats: {url: a}\n", environ: []string{"LINEUP_NATS_URL=b", "OTHER=1"},
			want: func(c config.Config) bool { return c.NATS.URL == "b" }},
		{name: "flags over environment", environ: []string{"LINEUP_INDEX_WORKERS=2"}, set: []string{"index.workers=3"},
			want: func(c config.Config) bool { return c.Index.Workers == 3 }},
		{name: "empty file", file: "# nothing\n", want: func(c config.Config) bool { return c.Data == "data" }},
		{name: "sources", file: "sources:\n  us-ny:\n    enabled: true\n    permission: {who: Agency, when: 2026-01-02, reference: letter 1}\n",
			want: func(c config.Config) bool { return c.Sources["us-ny"].Permission.Who == "Agency" }},
		{name: "unknown key", file: "data: x\nlisten_on: y\n", fails: "listen_on"},
		{name: "unknown set", set: []string{"nope=1"}, fails: "no such key"},
		{name: "wrong type", set: []string{"index.workers=many"}, fails: "whole number"},
		{name: "bad address", set: []string{"listen=here"}, fails: "host:port"},
		{name: "bad permission", file: "sources: {us-ny: {permission: {who: Agency}}}\n", fails: "sources.us-ny.permission"},
		{name: "bad level", set: []string{"log.level=loud"}, fails: "log.level"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := ""
			if test.file != "" {
				file = filepath.Join(t.TempDir(), "lineup.yml")
				if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, err := config.Load(file, test.environ, test.set)
			switch {
			case test.fails != "":
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("error %v, want one with %q", err, test.fails)
				}
			case err != nil:
				t.Error(err)
			case !test.want(c):
				t.Errorf("not as wanted: %+v", c)
			}
		})
	}
}

func TestYAMLHidesSecretsAndLoadsAgain(t *testing.T) {
	c := config.Default()
	c.S3.AccessKey, c.S3.SecretKey = "key", "very secret"
	c.NATS.URL = "tls://index:very secret@a.example.test:4222,tls://b.example.test:4222"
	text, err := c.YAML()
	if err != nil || strings.Contains(text, "very secret") {
		t.Fatalf("%v, or the secret shows:\n%s", err, text)
	}
	if !strings.Contains(text, "tls://(set)@a.example.test:4222,tls://b.example.test:4222") {
		t.Errorf("the servers do not show:\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "lineup.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(file, nil, nil); err != nil {
		t.Errorf("what YAML wrote does not load: %v", err)
	}
}
