package schemas

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// UUID is a UUID in its canonical lower-case text form (RFC 9562 §4), or "" for none.
type UUID string

// ErrUUID is returned by ParseUUID for text that is not a UUID.
var ErrUUID = errors.New("not a UUID (8-4-4-4-12 hexadecimal digits)")

// namespace is the name space of all name-based ids of Lineup. Changing it changes every id
// that was ever handed out.
var namespace = [16]byte{0x6e, 0x0f, 0x5c, 0x1d, 0x3b, 0x52, 0x5a, 0x8e, 0x9a, 0x41, 0x70, 0x2d, 0x4c, 0x1b, 0x8f, 0x27}

// ParseUUID reads a UUID in its 36-character form, in either letter case.
// Errors: ErrUUID.
func ParseUUID(text string) (UUID, error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return "", fmt.Errorf("%.40q: %w", text, ErrUUID)
	}
	if raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", "")); err != nil || len(raw) != 16 {
		return "", fmt.Errorf("%.40q: %w", text, ErrUUID)
	}
	return UUID(strings.ToLower(text)), nil
}

// Shards is how many shards everybody is divided into, by the first two digits of their ids. Ids are spread evenly over them.
const Shards = 256

// Shard is the shard of an id, 0 and up; 0 too for text that is no id.
func (id UUID) Shard() int {
	if len(id) < 2 {
		return 0
	}
	n, err := strconv.ParseUint(string(id[:2]), 16, 8)
	if err != nil {
		return 0
	}
	return int(n)
}

// Part is everybody whose id is in the shards From and up, below To.
type Part struct{ From, To int }

// Everybody is the part that leaves nobody out.
func Everybody() Part { return Part{0, Shards} }

// Has reports whether an id belongs to the part.
func (p Part) Has(id UUID) bool {
	shard := id.Shard()
	return p.From <= shard && shard < p.To
}

// First is the smallest id that may belong to the part.
func (p Part) First() UUID {
	return UUID(fmt.Sprintf("%02x000000-0000-0000-0000-000000000000", p.From))
}

// RegistrantID is the id of the registrant that a source lists under key: a UUIDv5
// (RFC 9562 §5.5), so importing the same source again gives the same id. Keys are compared
// with their letter case, because some sources' ids differ by case alone.
func RegistrantID(source, key string) UUID {
	return nameBased("registrant\x00" + source + "\x00" + key)
}

// agencyName is what an agency may be called in the id of a source.
var agencyName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)

// ErrAgency is returned by AgencySource for a name that an agency cannot have.
var ErrAgency = Misuse("want 1 to 63 letters, digits, dashes and dots, the first and last a letter or digit")

// AgencySource is the source id of one agency's files, where one definition reads files of several agencies:
// "import-nsopw@omaha-pd". Letter case in an agency's name does not matter. Errors: ErrAgency.
func AgencySource(definition, agency string) (string, error) {
	name := strings.ToLower(agency)
	if strings.Contains(definition, "@") {
		return "", fmt.Errorf("agency %.80q of %s, which is an agency's already: %w", agency, definition, ErrAgency)
	}
	if !agencyName.MatchString(name) {
		return "", fmt.Errorf("agency %.80q: %w", agency, ErrAgency)
	}
	return definition + "@" + name, nil
}

// SplitSource splits the id of a source into that of its definition and the agency; the agency is "" if there is
// none.
func SplitSource(source string) (definition, agency string) {
	definition, agency, _ = strings.Cut(source, "@")
	return definition, agency
}

// PersonID is the id, a UUIDv5, that records with the same linkKey share; "" if linkKey is "". Package person says
// what a linkKey is made of.
func PersonID(linkKey string) UUID {
	if linkKey == "" {
		return ""
	}
	return nameBased("person\x00" + linkKey)
}

// FaceID is the id of the face of one photo of one registrant. It has the shape of a UUIDv4,
// as clients of the wire contract expect, but is derived by SHA-256, so that indexing the
// photo again, in another generation or on another machine, gives the same id.
func FaceID(registrant UUID, photo Digest) UUID {
	sum := sha256.Sum256([]byte("face\x00" + string(registrant) + "\x00" + string(photo)))
	return format([16]byte(sum[:16]), 4)
}

// RandomID is a fresh UUIDv4.
func RandomID() UUID {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return format(b, 4)
}

func nameBased(name string) UUID {
	h := sha1.New()
	h.Write(namespace[:])
	h.Write([]byte(name))
	return format([16]byte(h.Sum(nil)[:16]), 5)
}

func format(b [16]byte, version byte) UUID {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return UUID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// Digest is the SHA-256 of some bytes as 64 lower-case hexadecimal digits, or "" for none.
type Digest string

// DigestOf is the digest of data.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	return Digest(hex.EncodeToString(sum[:]))
}

// Valid reports whether d has the form of a digest.
func (d Digest) Valid() bool {
	if len(d) != 64 {
		return false
	}
	for _, c := range d {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// ErrNewerSchema is returned for data written by a newer version of Lineup: it is reported and
// left alone, never rewritten.
var ErrNewerSchema = errors.New("written by a newer version of lineup")

// decode reads JSON whose "schema", which is read into schema, is at most known. What this version wrote says its schema at the
// beginning and is read once: sweeps of the ledger spend most of their time here.
func decode(data []byte, known int, into any, schema *int) error {
	newer := func(found int) error {
		return fmt.Errorf("schema %d, this version knows %d: %w", found, known, ErrNewerSchema)
	}
	if !bytes.HasPrefix(data, fmt.Appendf(nil, `{"schema":%d,`, known)) {
		var head struct {
			Schema int `json:"schema"`
		}
		if err := json.Unmarshal(data, &head); err != nil {
			return err
		}
		if head.Schema > known {
			return newer(head.Schema)
		}
	}
	if err := json.Unmarshal(data, into); err != nil {
		return err
	}
	if *schema > known { // said twice
		return newer(*schema)
	}
	return nil
}
