// Package photolink signs links to photos: who has one that is not over may see the photo without a key. A
// link says which photo and until when, and carries the HMAC-SHA256 of both.
package photolink

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"sync"
	"time"

	"lineup/ingest/signing"
	"lineup/schemas"
)

// reread is how often at most the secrets are read again because a link did not hold, and renew how old
// they may be: another daemon may sign with a secret that this one has not seen.
const (
	reread = 5 * time.Second
	renew  = time.Minute
	within = 5 * time.Second // for one reading
)

// macSize is how many bytes of the HMAC a link carries.
const macSize = 16

// Links signs and checks links. Make it with New.
type Links struct {
	days int
	load func(context.Context) ([]signing.PhotoSecret, error)
	now  func() time.Time

	mu      sync.Mutex
	secrets []signing.PhotoSecret
	read    time.Time
}

// New reads the secrets for the first time. Links last for so many days at least.
func New(days int, load func(context.Context) ([]signing.PhotoSecret, error), now func() time.Time) (*Links, error) {
	l := &Links{days: days, load: load, now: now}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var err error
	l.secrets, err = load(ctx)
	l.read = now()
	return l, err
}

// Path is the link to a photo of a registrant: the one with a face, or the first for "". It ends with a
// UTC day, so that all links of a day are the same and caches know them.
func (l *Links) Path(id, face schemas.UUID) string {
	const day = 24 * time.Hour
	expiry := l.now().UTC().Truncate(day).Add(time.Duration(l.days+1) * day).Format(time.DateOnly)
	q := url.Values{"e": {expiry}, "s": {sign(l.all(renew)[0].Key, id, face, expiry)}}
	if face != "" {
		q.Set("face", string(face))
	}
	return "/photos/" + string(id) + "?" + q.Encode()
}

// Hold reports whether the parameters of a link to a photo of id are signed and not over.
func (l *Links) Hold(id schemas.UUID, q url.Values) bool {
	face, expiry, given := schemas.UUID(q.Get("face")), q.Get("e"), q.Get("s")
	end, err := time.Parse(time.DateOnly, expiry)
	if err != nil || given == "" || !l.now().Before(end) {
		return false
	}
	return l.signed(l.all(renew), id, face, expiry, given) || l.signed(l.all(reread), id, face, expiry, given)
}

func (l *Links) signed(secrets []signing.PhotoSecret, id, face schemas.UUID, expiry, given string) bool {
	for _, s := range secrets {
		if (s.Until.IsZero() || l.now().Before(s.Until)) && hmac.Equal([]byte(sign(s.Key, id, face, expiry)), []byte(given)) {
			return true
		}
	}
	return false
}

// all are the secrets, read again where they are older than age. Those that were read last hold while they
// cannot be read.
func (l *Links) all(age time.Duration) []signing.PhotoSecret {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.read) >= age {
		l.read = now
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if secrets, err := l.load(ctx); err == nil {
			l.secrets = secrets
		}
	}
	return l.secrets
}

// sign is the HMAC of what a link says.
func sign(key []byte, id, face schemas.UUID, expiry string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(string(id) + "\n" + string(face) + "\n" + expiry))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:macSize])
}
