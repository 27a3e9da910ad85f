package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"lineup/scraper/samplesite"
)

// TestAThirdPartyVerifies has evidence and a receipt signed, rotates both keys, and verifies with what the daemon serves: what the old keys
// signed, what the new ones sign, and that nothing else is taken for genuine.
func TestAThirdPartyVerifies(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	r.crawl("")
	served := func() []byte {
		t.Helper()
		code, body := r.get("/.well-known/lineup-keys.json")
		if code != http.StatusOK {
			t.Fatalf("the keys: %d %s", code, body)
		}
		return []byte(body)
	}
	prove := func() string {
		t.Helper()
		status, body := r.postWith("p006c.jpg", map[string]any{"details": true})
		var answer struct{ FaceMatches []struct{ MatchID string } }
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer.FaceMatches) == 0 {
			t.Fatalf("search: %d %s", status, body)
		}
		code, text := r.get("/v1/matches/" + answer.FaceMatches[0].MatchID + "/evidence?key=" + r.key)
		if code != http.StatusOK {
			t.Fatalf("evidence: %d %s", code, text)
		}
		return text
	}
	var out bytes.Buffer
	r.app.Stdout = &out
	remove := func(id int) string {
		t.Helper()
		out.Reset()
		r.renewMetrics()
		must(t, r.h.WithWorker(ctx, func(context.Context) error {
			return (&Remove{UUID: string(sampleID(id)), Reason: "court_order"}).Run(ctx, r.app)
		}))
		return out.String()
	}
	genuine := func(document string, keys []byte) error {
		return (&SigningVerify{File: []byte(document), Keys: keys}).Run(&App{Stdout: io.Discard})
	}
	before := served()
	proof, receipt := prove(), remove(samplesite.FirstID+8)
	for _, purpose := range []string{"evidence", "removals"} {
		must(t, (&SigningRotate{Purpose: purpose}).Run(ctx, r.app))
	}
	after := served()
	newProof, newReceipt := prove(), remove(samplesite.FirstID+9)
	for name, document := range map[string]string{"old evidence": proof, "old receipt": receipt, "new evidence": newProof,
		"new receipt": newReceipt} {
		if err := genuine(document, after); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		changed := strings.Replace(document, `"distance":0`, `"distance":1`, 1)
		changed = strings.Replace(changed, "court_order", "person", 1)
		if err := genuine(changed, after); err == nil || changed == document {
			t.Errorf("%s, changed, is taken for genuine", name)
		}
	}
	for name, document := range map[string]string{"evidence": newProof, "receipt": newReceipt} {
		if err := genuine(document, before); err == nil {
			t.Errorf("%s of the new key is verified by the old ones", name)
		}
	}
	if strings.Contains(string(after), `"d"`) {
		t.Error("a private key is served")
	}
}
