package blob_test

import (
	"errors"
	"strings"
	"testing"

	"lineup/ingest/blob"
	"lineup/schemas"
)

const owner = schemas.UUID("6f1d2c3b-0a4e-5b6c-8d7e-9f0a1b2c3d4e")

func TestValidate(t *testing.T) {
	good := blob.Ref{Owner: owner, Kind: blob.Photo, Digest: schemas.DigestOf([]byte("x"))}
	if err := good.Validate(); err != nil {
		t.Fatalf("good ref refused: %v", err)
	}
	for name, change := range map[string]func(*blob.Ref){
		"no owner":         func(r *blob.Ref) { r.Owner = "" },
		"upper-case owner": func(r *blob.Ref) { r.Owner = schemas.UUID(strings.ToUpper(string(owner))) },
		"owner climbs":     func(r *blob.Ref) { r.Owner = "../../../../../../../../../../../../" },
		"no kind":          func(r *blob.Ref) { r.Kind = "" },
		"unknown kind":     func(r *blob.Ref) { r.Kind = "probe" },
		"kind climbs":      func(r *blob.Ref) { r.Kind = "../photo" },
		"no digest":        func(r *blob.Ref) { r.Digest = "" },
		"short digest":     func(r *blob.Ref) { r.Digest = r.Digest[:63] },
		"digest with path": func(r *blob.Ref) { r.Digest = "../" + r.Digest[3:] },
	} {
		t.Run(name, func(t *testing.T) {
			ref := good
			change(&ref)
			if err := ref.Validate(); !errors.Is(err, blob.ErrRef) {
				t.Errorf("Validate(%q) = %v, want ErrRef", ref.Key(), err)
			}
		})
	}
}

func TestRefOfRefusesLargeData(t *testing.T) {
	if _, err := blob.RefOf(owner, blob.Page, make([]byte, blob.MaxSize+1)); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if _, err := blob.RefOf(owner, blob.Page, make([]byte, blob.MaxSize)); err != nil {
		t.Errorf("data of exactly the limit refused: %v", err)
	}
}

// What ParseKey takes is exactly what Key gives.
func FuzzParseKey(f *testing.F) {
	digest := string(schemas.DigestOf([]byte("x")))
	for _, seed := range []string{
		"photo/" + string(owner) + "/" + digest,
		"page/" + string(owner) + "/" + digest,
		"record/" + string(owner) + "/" + digest + "/",
		"photo/" + strings.ToUpper(string(owner)) + "/" + digest,
		"../../../etc/passwd", "", "//", "a/b/c", "../" + string(owner) + "/" + digest,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		ref, err := blob.ParseKey(key)
		if err != nil {
			if !errors.Is(err, blob.ErrRef) {
				t.Fatalf("ParseKey(%q): %v is not ErrRef", key, err)
			}
			return
		}
		if ref.Key() != key {
			t.Fatalf("ParseKey(%q).Key() = %q", key, ref.Key())
		}
		if strings.ContainsAny(key, ".\\\x00") || strings.Count(key, "/") != 2 {
			t.Fatalf("ParseKey takes %q, which can leave its directory", key)
		}
	})
}
