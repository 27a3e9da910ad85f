package operate

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lineup/config"
)

// TestDoorIsExamined holds what doctor says of public and of proxies.
func TestDoorIsExamined(t *testing.T) {
	forwarded := 0
	process := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# HELP x y\nlineup_query_unnamed_proxy_requests_total %d\nother 7\n", forwarded)
	}))
	defer process.Close()
	for name, c := range map[string]struct {
		set       func(*config.Config)
		forwarded int
		want      string // what is advised, and of what; "" for nothing
	}{
		"on this machine":       {func(*config.Config) {}, 0, ""},
		"named localhost":       {func(c *config.Config) { c.Listen = "localhost:8080" }, 0, ""},
		"to everybody":          {func(c *config.Config) { c.Listen = "0.0.0.0:8080" }, 0, "public"},
		"on every address":      {func(c *config.Config) { c.Listen = ":8080" }, 0, "public"},
		"by a proxy":            {func(c *config.Config) { c.Public = "https://lineup.example.org" }, 0, "proxies"},
		"by a named proxy":      {func(c *config.Config) { c.Public, c.Query.Proxies = "https://lineup.example.org", "10.0.0.1" }, 0, ""},
		"by one nobody named":   {func(*config.Config) {}, 3, "proxies"},
		"without anything live": {func(c *config.Config) { c.Private = "127.0.0.1:1" }, 3, ""},
	} {
		set := config.Default()
		set.Private = strings.TrimPrefix(process.URL, "http://")
		c.set(&set)
		forwarded = c.forwarded
		var found Checkup
		found.CheckDoor(t.Context(), set)
		said := ""
		for _, f := range found {
			said += f.What
		}
		if said != c.want {
			t.Errorf("%s: %v, want %q", name, found, c.want)
		}
	}
}
