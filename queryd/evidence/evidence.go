// Package evidence stores the proof of each match of a face search for a set time: which photo of which record, when
// it was read, and at which distance under which model it matched. The probe is not part of it. What is read back is
// signed, so that a copy can be verified later.
package evidence

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/indexer/score"
	"lineup/ingest/broker"
	"lineup/ingest/signing"
	"lineup/schemas"
)

// Match is the stored proof of one match of one search.
type Match struct {
	ID                   string         `json:"id"`              // "<search id>-<rank>"
	Owner                string         `json:"owner,omitempty"` // whose key searched (keys.Key.Owner); not part of what is signed
	Searched             time.Time      `json:"searched"`
	Source               string         `json:"source"`
	Registrant           schemas.UUID   `json:"uuid"`
	Face                 schemas.UUID   `json:"faceId"`
	Photo                schemas.Digest `json:"photoSha256"`
	Pages                []Page         `json:"pages"`
	Record               schemas.Digest `json:"recordSha256"`
	Sighted              time.Time      `json:"sighted"` // when a crawl last read the registrant
	SourceURL            string         `json:"sourceUrl"`
	Model                string         `json:"model"`
	Generation           string         `json:"generation"`
	Distance             float64        `json:"distance"`
	Similarity           float64        `json:"similarity"`
	ExpectedFalseMatches float64        `json:"expectedFalseMatches"`
	Calibration          string         `json:"calibration"`
	Self                 *score.Self    `json:"selfCalibration,omitempty"` // with calibration "neighbours+self"
}

// Page is a page of the source that the record was read from.
type Page struct {
	URL    string         `json:"url"`
	SHA256 schemas.Digest `json:"sha256"`
	Read   time.Time      `json:"read"`
}

// Signed is a JSON Web Signature in its flattened JSON form (RFC 7515 §7.2.2, algorithm EdDSA over Ed25519), with the
// payload in clear beside it.
type Signed struct {
	Evidence  Match             `json:"evidence"`
	Payload   string            `json:"payload"`   // base64url of the JSON that is signed
	Protected string            `json:"protected"` // base64url of the header
	Signature string            `json:"signature"` // base64url
	PublicKey map[string]string `json:"publicKey"` // JSON Web Key
	Expires   time.Time         `json:"expires"`   // not kept after
	Owner     string            `json:"-"`         // owner of the key that searched; "" in evidence of versions without owners
}

// Store keeps evidence in a JetStream key-value bucket whose entries expire.
type Store struct {
	bucket *broker.Bucket
	js     jetstream.JetStream
}

// Open opens the evidence. All daemons of one JetStream sign with the same key.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (*Store, error) {
	bucket, err := broker.OpenBucket(ctx, js, broker.Evidence, replicas)
	if err != nil {
		return nil, fmt.Errorf("open the evidence: %w", err)
	}
	if _, err := signing.Key(ctx, js, signing.Evidence); err != nil {
		return nil, err
	}
	return &Store{bucket, js}, nil
}

// Keys are the public keys that verify evidence and receipts, old ones too, as a JSON Web Key Set.
func (s *Store) Keys(ctx context.Context) ([]byte, error) { return signing.Published(ctx, s.js) }

// Put keeps the matches of one search and sets their IDs.
func (s *Store) Put(ctx context.Context, search schemas.UUID, matches []Match) error {
	for i := range matches {
		matches[i].ID = MatchID(search, i)
	}
	data, err := json.Marshal(matches)
	if err != nil {
		return fmt.Errorf("encode evidence: %w", err)
	}
	if _, err := s.bucket.Create(ctx, string(search), data); err != nil {
		return fmt.Errorf("store evidence: %w", err)
	}
	return nil
}

// MatchID returns the id of a search's match at rank i, from 0.
func MatchID(search schemas.UUID, i int) string { return string(search) + "-" + strconv.Itoa(i+1) }

// Get returns the signed evidence of a match. Errors: fs.ErrNotExist for an id that never existed or has expired.
func (s *Store) Get(ctx context.Context, id string, now time.Time) (Signed, error) {
	i := strings.LastIndexByte(id, '-')
	search, err := schemas.ParseUUID(id[:max(i, 0)])
	if err != nil {
		return Signed{}, schemas.NotFound("%.60q is no id of a match", id)
	}
	entry, err := s.bucket.Get(ctx, string(search))
	if errors.Is(err, broker.ErrNoEntry) {
		return Signed{}, schemas.NotFound("there is no evidence of match %s", id)
	}
	if err != nil {
		return Signed{}, fmt.Errorf("read evidence: %w", err)
	}
	var matches []Match
	if err := json.Unmarshal(entry.Value, &matches); err != nil {
		return Signed{}, fmt.Errorf("decode evidence: %w", err)
	}
	for _, m := range matches {
		if m.ID == string(search)+id[i:] {
			expires := entry.Written
			if m.Searched.Before(expires) && !m.Searched.IsZero() { // the entry was rewritten without a removed registrant
				expires = m.Searched
			}
			if expires = expires.Add(broker.EvidenceTime); !now.Before(expires) {
				break
			}
			return s.sign(ctx, m, expires)
		}
	}
	return Signed{}, schemas.NotFound("there is no evidence of match %s", id)
}

// sign signs with the current key; the one before may have been rotated out.
func (s *Store) sign(ctx context.Context, m Match, expires time.Time) (Signed, error) {
	key, err := signing.Key(ctx, s.js, signing.Evidence)
	if err != nil {
		return Signed{}, err
	}
	owner := m.Owner
	m.Owner = ""
	payload, err := json.Marshal(m)
	if err != nil {
		return Signed{}, fmt.Errorf("encode evidence: %w", err)
	}
	b64 := base64.RawURLEncoding
	out := Signed{
		Evidence:  m,
		Owner:     owner,
		Payload:   b64.EncodeToString(payload),
		Protected: b64.EncodeToString([]byte(`{"alg":"EdDSA","typ":"JOSE"}`)),
		Expires:   expires.UTC().Truncate(time.Second),
		PublicKey: map[string]string{
			"kty": "OKP", "crv": "Ed25519", "x": b64.EncodeToString(key.Public().(ed25519.PublicKey)),
		},
	}
	out.Signature = b64.EncodeToString(ed25519.Sign(key, []byte(out.Protected+"."+out.Payload)))
	return out, nil
}
