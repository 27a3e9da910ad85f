package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"lineup/internal/notify"
)

// TestTheReceiverOfTheDocsKnowsOurDeliveries holds the program of /docs that checks deliveries against how they are signed.
func TestTheReceiverOfTheDocsKnowsOurDeliveries(t *testing.T) {
	body, now := `{"watch":"0d5f6a6e-35a4-4b0a-9d43-2f2a5b7c8d9e","count":1}`, time.Now()
	for name, c := range map[string]struct{ signature, body, want string }{
		"ours":          {notify.Sign("shared", now, []byte(body)), body, "True"},
		"another body":  {notify.Sign("shared", now, []byte(body)), body + " ", "False"},
		"another's":     {notify.Sign("guessed", now, []byte(body)), body, "False"},
		"an old one":    {notify.Sign("shared", now.Add(-time.Hour), []byte(body)), body, "False"},
		"none":          {"", body, "False"},
		"no signature":  {"t=1", body, "False"},
		"half a number": {"t=x,v1=y", body, "False"},
	} {
		check := exec.CommandContext(t.Context(), "python3", "-c",
			"import sys, webhook; print(webhook.genuine('shared', sys.argv[1], sys.argv[2].encode()))", c.signature, c.body)
		check.Dir = "../../queryd/api/snippets"
		check.Env = append(check.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		if out, err := check.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, out, err, c.want)
		}
	}
}
