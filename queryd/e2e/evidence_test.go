package e2e_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"testing"

	"lineup/queryd/evidence"
	"lineup/schemas"
)

// checkEvidence reads the evidence of a match and verifies its signature as a stranger would.
func checkEvidence(t *testing.T, h *daemon, match string, id schemas.UUID) {
	t.Helper()
	if response, _ := h.do("GET", "/v1/matches/"+match+"/evidence", ""); response.StatusCode != 401 {
		t.Errorf("evidence without a key: %d", response.StatusCode)
	}
	response, body := h.keyed("GET", "/v1/matches/"+match+"/evidence", "")
	if response.StatusCode != 200 {
		t.Fatalf("evidence: %d %s", response.StatusCode, body)
	}
	signed := decode[evidence.Signed](t, body)
	b64 := base64.RawURLEncoding
	key, err1 := b64.DecodeString(signed.PublicKey["x"])
	signature, err2 := b64.DecodeString(signed.Signature)
	payload, err3 := b64.DecodeString(signed.Payload)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	if !ed25519.Verify(key, []byte(signed.Protected+"."+signed.Payload), signature) {
		t.Error("signature does not verify")
	}
	var inside evidence.Match
	if err := json.Unmarshal(payload, &inside); err != nil {
		t.Fatal(err)
	}
	if inside.Registrant != id || inside.ID != match || len(inside.Pages) != 1 || inside.Pages[0].SHA256 == "" || inside.Photo == "" ||
		inside.Model != model.ID || inside.Generation != "g1" {
		t.Errorf("evidence %+v", inside)
	}
}
