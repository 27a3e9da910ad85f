package source_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper/source"
)

// imports reads a file or folder into import-nsopw.
func imports(t *testing.T, path string) (*scrapertest.Sink, schemas.RunSummary) {
	t.Helper()
	src, err := source.Get("import-nsopw")
	if err != nil {
		t.Fatal(err)
	}
	imported, transport, err := src.Import(path)
	if err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	return sink, run(t, imported, sink, transport)
}

// TestImportPairsPhotosByPath: three people whose pictures have one name in three folders each
// keep their own.
func TestImportPairsPhotosByPath(t *testing.T) {
	const dir = "testdata/cases/import-photos-same-basename"
	sink, sum := imports(t, dir)
	if sum.State != schemas.RunComplete || len(sink.Records) != 3 {
		t.Fatalf("%d records, %+v", len(sink.Records), sum)
	}
	for key, r := range sink.Records {
		data, err := os.ReadFile(filepath.Join(dir, "photos", key, "front.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Photos) != 1 || r.Photos[0].Digest != schemas.DigestOf(data) {
			t.Errorf("%s has another's photo: %+v", key, r.Photos)
		}
	}
}

// TestImportRefusesTwoCandidates: a bare name that two pictures have is nobody's.
func TestImportRefusesTwoCandidates(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/cases/import-photos-same-basename")); err != nil {
		t.Fatal(err)
	}
	const rows = "id,dob,gender,webUrl,photoUrl,absconder\n1001,1970-01-02,M,,front.jpg,N\n1002,1971-02-03,M,,1002/front.jpg,N\n1003,1972-03-04,F,,nowhere/front.jpg,N\n"
	if err := os.WriteFile(filepath.Join(dir, "offenders.csv"), []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	sink, sum := imports(t, dir)
	got := map[string]string{}
	for key, r := range sink.Records {
		for _, p := range r.Photos {
			got[key] += p.Problem
		}
	}
	// 1002's path ends one photo's path only; 1003's folder is not there.
	if diff := cmp.Diff(map[string]string{"1001": "unread", "1002": "", "1003": "missing"}, got); diff != "" {
		t.Errorf("%s\n%+v", diff, sum)
	}
	if sum.Leftovers["csv: photo that may be any of several files front.jpg"] != 1 {
		t.Errorf("nothing names the photo: %v", sum.Leftovers)
	}
}

// TestImportAsksNoNetwork: addresses on a network are looked up under the registrant's key, and
// the record stays where there is no picture.
func TestImportAsksNoNetwork(t *testing.T) {
	const dir = "testdata/cases/import-absolute-photo-urls"
	sink, sum := imports(t, dir)
	if sum.State != schemas.RunComplete || len(sink.Records) != 3 {
		t.Fatalf("%d records, %+v", len(sink.Records), sum)
	}
	for key, r := range sink.Records {
		data, err := os.ReadFile(filepath.Join(dir, "photos", key+".jpg"))
		if len(r.Photos) != 1 {
			t.Errorf("%s: %+v", key, r.Photos)
		} else if p := r.Photos[0]; err == nil && p.Digest != schemas.DigestOf(data) || err != nil && p.Problem != "unread" {
			t.Errorf("%s: %+v", key, p)
		}
	}
}

// TestImportLeavesLitterAlone reads an archive that a Mac packed.
func TestImportLeavesLitterAlone(t *testing.T) {
	sink, sum := imports(t, "testdata/cases/import-macos.zip")
	if sum.State != schemas.RunComplete || len(sink.Records) != 3 || len(sum.Leftovers) > 0 {
		t.Errorf("%d records, %+v", len(sink.Records), sum)
	}
}

// TestPhotosWithoutACleanEnd: bytes behind a picture's end, or no end at all, are a photo when they come again the same.
func TestPhotosWithoutACleanEnd(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/cases/import-absolute-photo-urls")); err != nil {
		t.Fatal(err)
	}
	want := map[string]schemas.Digest{}
	for key, file := range map[string]string{"1001": "padded-after-eoi.jpg", "1002": "without-eoi.jpg"} {
		data, err := os.ReadFile(filepath.Join("testdata/cases/photos", file))
		if err != nil {
			t.Fatal(err)
		}
		want[key] = schemas.DigestOf(data)
		if err := os.WriteFile(filepath.Join(dir, "photos", key+".jpg"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sink, _ := imports(t, dir)
	for key, digest := range want {
		if p := sink.Records[key].Photos; len(p) != 1 || p[0].Digest != digest || p[0].Problem != "" {
			t.Errorf("%s: %+v", key, p)
		}
	}
}
