package evidence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrSignature is returned for evidence that was changed or that no known key has signed.
var ErrSignature = errors.New("signature does not fit")

// Verify checks offline that one of the keys has signed the evidence. Errors: ErrSignature.
func (s Signed) Verify(keys []ed25519.PublicKey) error {
	signature, err := base64.RawURLEncoding.DecodeString(s.Signature)
	if err != nil {
		return fmt.Errorf("evidence: %w", ErrSignature)
	}
	known := false
	for _, key := range keys {
		known = known || ed25519.Verify(key, []byte(s.Protected+"."+s.Payload), signature)
	}
	if !known {
		return fmt.Errorf("evidence is signed by no key that was given: %w", ErrSignature)
	}
	payload, err := base64.RawURLEncoding.DecodeString(s.Payload)
	if err != nil {
		return fmt.Errorf("evidence: %w", ErrSignature)
	}
	clear, err := json.Marshal(s.Evidence)
	if err != nil {
		return err
	}
	if !bytes.Equal(payload, clear) { // the readable part must be what was signed
		return fmt.Errorf("evidence says in clear what was not signed: %w", ErrSignature)
	}
	return nil
}
