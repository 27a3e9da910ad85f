// Package removals is the log of what must never come back: registrants who were removed and API keys that were
// revoked. It is kept apart from the ledger, written at once, only added to, and each entry is signed, so that a
// restore of an older backup can be told what has happened since.
package removals

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"lineup/schemas"
)

// Schema is the version of Entry's stored form. History: 1, the first.
const Schema = 1

// Errors of entries.
var (
	// ErrSignature is an entry that was changed, or signed by nobody known.
	ErrSignature = errors.New("signature does not fit")
	// ErrDamaged is an entry that cannot be read.
	ErrDamaged = errors.New("entry cannot be read")
)

// Kind is what an entry says.
type Kind string

// The kinds of entries.
const (
	Removal    Kind = "removal"    // a registrant is never listed again
	Revocation Kind = "revocation" // an API key works no longer than At
	Rotation   Kind = "rotation"   // NewKey signs removals from now on
)

// Entry is one line of the log. It names nobody: ids, and a reason in the operator's words.
type Entry struct {
	Schema int       `json:"schema"`
	Kind   Kind      `json:"kind"`
	At     time.Time `json:"at"`

	Source     string       `json:"source,omitempty"` // of a removal
	Registrant schemas.UUID `json:"registrant,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	Note       string       `json:"note,omitempty"`
	Key        string       `json:"key,omitempty"`    // of a revocation: the key's public id
	NewKey     string       `json:"newKey,omitempty"` // of a rotation: Ed25519, base64

	PublicKey string `json:"publicKey"`           // that verifies Signature: Ed25519, base64
	Signature string `json:"signature,omitempty"` // over the JSON of all fields above
}

// Sign gives the entry with its signature.
func (e Entry) Sign(key ed25519.PrivateKey) (Entry, error) {
	e.Schema, e.At = Schema, e.At.UTC().Truncate(time.Second)
	e.PublicKey = base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	data, err := e.signed()
	if err != nil {
		return e, err
	}
	e.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, data))
	return e, nil
}

func (e Entry) signed() ([]byte, error) {
	e.Signature = ""
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an entry of the log of removals: %w", err)
	}
	return data, nil
}

// Verify checks that the entry is as one of the keys signed it. Errors: ErrSignature, schemas.ErrNewerSchema.
func (e Entry) Verify(keys []ed25519.PublicKey) error {
	if e.Schema > Schema {
		return fmt.Errorf("entry of schema %d, this version knows %d: %w", e.Schema, Schema, schemas.ErrNewerSchema)
	}
	public, err := base64.StdEncoding.DecodeString(e.PublicKey)
	known := func(k ed25519.PublicKey) bool { return k.Equal(ed25519.PublicKey(public)) }
	if err != nil || !slices.ContainsFunc(keys, known) {
		return fmt.Errorf("entry of %s is signed by nobody known: %w", e.At.Format(time.RFC3339), ErrSignature)
	}
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil {
		return fmt.Errorf("entry of %s: %w", e.At.Format(time.RFC3339), ErrSignature)
	}
	data, err := e.signed()
	if err != nil {
		return err
	}
	if !ed25519.Verify(public, data, signature) {
		return fmt.Errorf("entry of %s: %w", e.At.Format(time.RFC3339), ErrSignature)
	}
	return nil
}

// name is what the entry is about: an object's name, and what an entry that says the same has too.
func (e Entry) name() string {
	switch e.Kind {
	case Removal:
		return "removal/" + string(e.Registrant) + ".json"
	case Revocation:
		return fmt.Sprintf("revocation/%s-%d.json", e.Key, e.At.Unix())
	}
	return fmt.Sprintf("%s/%x.json", e.Kind, schemas.DigestOf([]byte(e.NewKey)))
}

// Log is where entries are kept.
type Log interface {
	// Append adds an entry, durably. One that says what another says already is not added.
	Append(ctx context.Context, e Entry) error
	// Entries yields all, in the order in which they were added or in time. What cannot be read is ErrDamaged, and
	// the others follow; any other error ends it.
	Entries(ctx context.Context) iter.Seq2[Entry, error]
	// Where says for people where the log lies.
	Where() string
}

// Trusted sorts out the entries that keys, or those that took their place, have signed. refused counts the others,
// with an example of why.
func Trusted(all iter.Seq2[Entry, error], keys []ed25519.PublicKey) (good []Entry, refused int, why error, err error) {
	for e, rerr := range all {
		if rerr != nil && !errors.Is(rerr, ErrDamaged) {
			return good, refused, why, rerr
		}
		if rerr == nil {
			rerr = e.Verify(keys)
		}
		if rerr != nil {
			refused, why = refused+1, rerr
			continue
		}
		if next, derr := base64.StdEncoding.DecodeString(e.NewKey); e.Kind == Rotation && derr == nil && len(next) == ed25519.PublicKeySize {
			keys = append(keys, next)
		}
		good = append(good, e)
	}
	return good, refused, why, nil
}
