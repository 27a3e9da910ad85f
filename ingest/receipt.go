package ingest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lineup/schemas"
)

// ErrSignature is returned for a receipt that was changed, or signed by another installation.
var ErrSignature = errors.New("signature does not fit")

// Receipt proves a removal: what was removed, where and when. It names content by digests alone.
type Receipt struct {
	Schema      int              `json:"schema"`
	Registrant  schemas.UUID     `json:"registrant"`
	Source      string           `json:"source"`
	Removed     time.Time        `json:"removed"`
	Reason      string           `json:"reason,omitempty"`
	Record      schemas.Digest   `json:"record,omitempty"`
	Photos      []schemas.Digest `json:"photos,omitempty"`
	Pages       []schemas.Digest `json:"pages,omitempty"`
	Generations []string         `json:"generations,omitempty"` // index generations that held the registrant
	Places      []Place          `json:"places,omitempty"`
	PublicKey   string           `json:"publicKey"`           // Ed25519, base64
	Signature   string           `json:"signature,omitempty"` // over the JSON of all fields above
}

// Place is a store that held the registrant, and what happened to the data there.
type Place struct {
	Name string `json:"name"`
	Says string `json:"says"`
	// Within says in words how long bytes may still stay in the store's files; "" means that none stay.
	Within string `json:"within,omitempty"`
}

// Sign makes the receipt of a removal.
func (r Removed) Sign(key ed25519.PrivateKey, places []Place) (Receipt, error) {
	receipt := Receipt{Schema: 1, Registrant: r.Listing.ID, Source: r.Listing.Source, Removed: r.At, Reason: r.Reason,
		Record: r.Listing.Record,
		Places: places, PublicKey: base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))}
	for _, p := range r.Listing.Photos {
		if p.Digest != "" {
			receipt.Photos = append(receipt.Photos, p.Digest)
		}
	}
	for _, p := range r.Listing.Pages {
		receipt.Pages = append(receipt.Pages, p.Digest)
	}
	for generation := range r.Listing.Marks {
		receipt.Generations = append(receipt.Generations, generation)
	}
	data, err := receipt.signed()
	if err != nil {
		return receipt, err
	}
	receipt.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, data))
	return receipt, nil
}

func (r Receipt) signed() ([]byte, error) {
	r.Signature = ""
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	return data, nil
}

// Verify checks that the receipt is as it was signed, and by key unless that is nil.
// Errors: ErrSignature.
func (r Receipt) Verify(key ed25519.PublicKey) error {
	public, err := base64.StdEncoding.DecodeString(r.PublicKey)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("receipt's public key: %w", ErrSignature)
	}
	if key != nil && !key.Equal(ed25519.PublicKey(public)) {
		return fmt.Errorf("receipt is of another installation: %w", ErrSignature)
	}
	signature, err := base64.StdEncoding.DecodeString(r.Signature)
	if err != nil {
		return fmt.Errorf("receipt: %w", ErrSignature)
	}
	data, err := r.signed()
	if err != nil {
		return err
	}
	if !ed25519.Verify(public, data, signature) {
		return fmt.Errorf("receipt: %w", ErrSignature)
	}
	return nil
}
