package operate

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"lineup/ingest"
	"lineup/ingest/removals"
	"lineup/ingest/signing"
	"lineup/queryd/evidence"
	"lineup/schemas"
)

// RotateSigning makes a new key for a purpose: "evidence" or "removals". What the old key signed can still be
// verified, and the log of removals vouches for a new removals key. Query daemons sign with the new key from then on.
func (s *Stores) RotateSigning(ctx context.Context, purpose string) (signing.KeySet, error) {
	p := signing.Purpose(purpose)
	if p != signing.Evidence && p != signing.Removals {
		return signing.KeySet{}, fmt.Errorf("purpose %.20q: want %s or %s", purpose, signing.Evidence, signing.Removals)
	}
	if err := s.Prepare(ctx); err != nil {
		return signing.KeySet{}, err
	}
	before, err := signing.Key(ctx, s.JS, p)
	if err != nil {
		return signing.KeySet{}, err
	}
	public, err := signing.Rotate(ctx, s.JS, p)
	if err != nil {
		return signing.KeySet{}, err
	}
	if p == signing.Removals {
		if err := s.vouch(ctx, before, public); err != nil {
			return signing.KeySet{}, err
		}
	}
	if err := signing.Publish(ctx, s.JS); err != nil {
		return signing.KeySet{}, err
	}
	return signing.KeySetOf(ctx, s.JS)
}

// vouch records in the log of removals, signed with the old key, that a new key signs from now on. A backup from
// before the rotation knows only the old key.
func (s *Stores) vouch(ctx context.Context, before ed25519.PrivateKey, public ed25519.PublicKey) error {
	e, err := removals.Entry{Kind: removals.Rotation, At: time.Now(), NewKey: base64.StdEncoding.EncodeToString(public)}.Sign(before)
	if err != nil {
		return err
	}
	return s.Removals.Append(ctx, e)
}

// Signed describes a document that one of the keys signed.
type Signed struct {
	Kind string `json:"kind"` // evidence, receipt
	ID   string `json:"id"`   // of the match, or of the registrant who was removed
	Says string `json:"says"`
}

// VerifyOffline verifies a receipt of a removal, or evidence of a match, with public keys alone, and describes it.
func VerifyOffline(document, keySet []byte) (Signed, error) {
	var proof evidence.Signed
	if err := json.Unmarshal(document, &proof); err == nil && proof.Payload != "" {
		keys, err := signing.ParseKeySet(keySet, signing.Evidence)
		if err != nil {
			return Signed{}, schemas.Misuse("--keys: %w", err)
		}
		return Signed{"evidence", proof.Evidence.ID, "genuine evidence of match " + proof.Evidence.ID}, proof.Verify(keys)
	}
	var receipt ingest.Receipt
	if err := json.Unmarshal(document, &receipt); err != nil || receipt.Registrant == "" {
		return Signed{}, schemas.Misuse("want a receipt that lineup remove printed, or evidence that /v1/matches/{id}/evidence gave")
	}
	keys, err := signing.ParseKeySet(keySet, "") // older versions signed receipts with the evidence key
	if err != nil {
		return Signed{}, schemas.Misuse("--keys: %w", err)
	}
	for _, key := range keys {
		if err = receipt.Verify(key); err == nil {
			return Signed{"receipt", string(receipt.Registrant), fmt.Sprintf("genuine receipt: %s of %s was removed at %s", receipt.Registrant,
				receipt.Source, receipt.Removed.UTC().Format(time.RFC3339))}, nil
		}
	}
	return Signed{}, err
}
