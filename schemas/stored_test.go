package schemas

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// FuzzDecodeListing: whatever is stored is refused or read, and what was read is stored alike
// from then on.
func FuzzDecodeListing(f *testing.F) {
	whole, err := Listing{ID: RandomID(), Source: "us-ny", Revision: 3, Listed: true, Changed: time.Unix(1, 0).UTC(), Key: "7",
		Photos: []PhotoState{{URL: "u"}},
		Marks:  map[string]Mark{"g": {Revision: 3, Faces: 1}}, Removal: &Removal{Reason: "r"}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), string(whole[:len(whole)/2]), `{"schema":99}`, `{"schema":1,"schema":99}`, `null`, `[]`,
		`{"marks":{"":null},"photos":[null]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeListing(data)
		if err != nil {
			return
		}
		if s.Schema > ListingSchema {
			t.Fatalf("schema %d was read", s.Schema)
		}
		once, err := s.Encode()
		if err != nil {
			return // a time that JSON has no form for
		}
		again, err := DecodeListing(once)
		if err != nil {
			t.Fatalf("%s is not read again: %v", once, err)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("stored as %s, then as %s, %v", once, twice, err)
		}
	})
}

// FuzzDecodeRecord: a record of a blob is refused or read, never one of a newer version.
func FuzzDecodeRecord(f *testing.F) {
	for _, seed := range []string{`{"schema":1,"source":"us-ny","key":"7","name":{"first":"A"},"birth":"1990-02-30"}`, `{"schema":99}`,
		`{"schema":1,"schema":99}`, `null`,
		`{"photos":[null],"addresses":[{}]}`, `{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := DecodeRecord(data); err == nil && r.Schema > RecordSchema || errors.Is(err, ErrNewerSchema) && r.Source != "" {
			t.Fatalf("a newer record was read: %+v", r)
		}
	})
}
