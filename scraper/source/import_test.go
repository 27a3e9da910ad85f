package source_test

import (
	"errors"
	"fmt"
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

// TestWhoIsNotNamedStays: a file that lists a key without a name does not say that the person left: they are kept as last read.
func TestWhoIsNotNamedStays(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/cases/import-photos-same-basename")); err != nil {
		t.Fatal(err)
	}
	src, err := source.Get("import-nsopw")
	if err != nil {
		t.Fatal(err)
	}
	sink := scrapertest.NewSink()
	for _, names := range []string{"", "id,prefix,firstName,middleName,lastName,suffix,comment,primary\n1001,,Alvar,B,Quenby,,,Y\n" +
		"1002,,Bertil,C,Rastrick,,,Y\n"} {
		if names != "" {
			if err := os.WriteFile(filepath.Join(dir, "names.csv"), []byte(names), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		imported, transport, err := src.Import(dir)
		if err != nil {
			t.Fatal(err)
		}
		sum := run(t, imported, sink, transport)
		if want := min(len(names), 1); sum.State != schemas.RunComplete || sum.Unread != want || sum.Delisted != 0 || len(sink.Records) != 3 {
			t.Errorf("%s (%s), %d unread, want %d, %d delisted, %d listed", sum.State, sum.Reason, sum.Unread, want, sum.Delisted, len(sink.Records))
		}
	}
}

// TestImportRefusesTwoCandidates: a bare name that two pictures have is nobody's.
func TestImportRefusesTwoCandidates(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/cases/import-photos-same-basename")); err != nil {
		t.Fatal(err)
	}
	const rows = "id,dob,gender,webUrl,photoUrl,absconder\n1001,1970-01-02,M,,front.jpg,N\n1002,1971-02-03,M,,1002/front.jpg,N\n" +
		"1003,1972-03-04,F,,nowhere/front.jpg,N\n"
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

// TestImportGivesNobodyAnothersPhoto: a photo that is not in the folder is nobody else's of the same name, and one bare name
// that several records give is nobody's; where the agency kept it does not matter, when it is named after the registrant.
func TestImportGivesNobodyAnothersPhoto(t *testing.T) {
	const from = "testdata/cases/import-photos-same-basename/photos/"
	for _, test := range []struct {
		name          string
		urls          [3]string
		files         map[string]string // file in the folder, and whose face it shows
		faces, states [3]string
	}{
		{"one folder left", [3]string{"photos/1001/front.jpg", "photos/1002/front.jpg", "photos/1003/front.jpg"},
			map[string]string{"photos/1001/front.jpg": "1001"}, [3]string{"1001", "", ""}, [3]string{"", "missing", "missing"}},
		{"one bare name for all", [3]string{"front.jpg", "front.jpg", "front.jpg"},
			map[string]string{"photos/front.jpg": "1001"}, [3]string{}, [3]string{"unread", "unread", "unread"}},
		{"paths of the agency's own disk", [3]string{`C:\Export\Photos\1001.jpg`, "/data/img/1002.JPG", `\\server\share\1003_front.jpg`},
			map[string]string{"photos/1001.jpg": "1001", "photos/1002.jpg": "1002", "photos/1003_front.jpg": "1003"},
			[3]string{"1001", "1002", "1003"}, [3]string{}},
		{"dots and blanks", [3]string{"./photos/1001/front.jpg", "photos/../photos/1002/front.jpg", "photos/1003/front%20view.jpg"},
			map[string]string{"photos/1001/front.jpg": "1001", "photos/1002/front.jpg": "1002", "photos/1003/front view.jpg": "1003"},
			[3]string{"1001", "1002", "1003"}, [3]string{}},
		{"another's key in the name", [3]string{"img/10011.jpg", "img/1002.jpg", ""},
			map[string]string{"1001.jpg": "1001", "1002.jpg": "1002", "1003.png": "1003"}, [3]string{"1001", "1002", "1003"}, [3]string{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			rows := "id,dob,gender,webUrl,photoUrl,absconder\n"
			for i, at := range test.urls {
				rows += fmt.Sprintf("100%d,1970-01-02,M,,%s,N\n", i+1, at)
			}
			names, err := os.ReadFile(filepath.Dir(from[:len(from)-1]) + "/names.csv")
			if err != nil {
				t.Fatal(err)
			}
			digests := map[string]schemas.Digest{}
			files := map[string][]byte{"offenders.csv": []byte(rows), "names.csv": names,
				"addresses.csv": []byte("id,locationName,type,streetAddress,city,state,county,zipCode,latitude,longitude\n")}
			for file, face := range test.files {
				if files[file], err = os.ReadFile(from + face + "/front.jpg"); err != nil {
					t.Fatal(err)
				}
				digests[face] = schemas.DigestOf(files[file])
			}
			for file, data := range files {
				if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700),
					os.WriteFile(filepath.Join(dir, file), data, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			sink, sum := imports(t, dir)
			for i, key := range []string{"1001", "1002", "1003"} {
				face, state := "", ""
				for _, p := range sink.Records[key].Photos {
					state += p.Problem
					for whose, digest := range digests {
						if p.Digest == digest {
							face += whose
						}
					}
				}
				if face != test.faces[i] || state != test.states[i] {
					t.Errorf("%s has the photo of %q, %q; want %q, %q", key, face, state, test.faces[i], test.states[i])
				}
			}
			if sum.State != schemas.RunComplete {
				t.Errorf("%s: %s", sum.State, sum.Reason)
			}
		})
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
