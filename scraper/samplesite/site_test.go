package samplesite_test

import (
	"bytes"
	"encoding/csv"
	"image/jpeg"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

func newSite(t *testing.T, people int) *samplesite.Site {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{People: people})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func start(t *testing.T, site *samplesite.Site) *samplesite.Server {
	t.Helper()
	server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func get(t *testing.T, address string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error(), resp.Header
	}
	return resp.StatusCode, string(body), resp.Header
}

func post(t *testing.T, address, body string) int {
	t.Helper()
	resp, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestPeopleAreTheSameEveryTime(t *testing.T) {
	a, b := slices.Collect(newSite(t, 100).People()), slices.Collect(newSite(t, 200).People())
	if d := cmp.Diff(a, b[:100]); d != "" {
		t.Errorf("a larger registry begins with other people:\n%s", d)
	}
}

func TestPeopleAgreeWithTheFaces(t *testing.T) {
	f, err := faces.Files.Open("manifest.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sex, age := map[string]string{}, map[string]int{}
	for _, row := range rows {
		sex[row[0]] = row[6]
		age[row[0]], _ = strconv.Atoi(row[7])
	}
	n, names := 0, map[string]bool{}
	for p := range newSite(t, 0).People() {
		names[p.First+" "+p.Last] = true
		if years := 2026 - p.Born.Year; years < 18 {
			t.Errorf("%d is %d years old", p.ID, years)
		}
		for _, photo := range p.Photos {
			if sex[photo.File] == "" {
				continue // the placeholder
			}
			if n++; sex[photo.File] != p.Sex || age[photo.File] != 2026-p.Born.Year {
				t.Errorf("%d: %s of %d with the face of a %s of %d", p.ID, p.Sex, 2026-p.Born.Year, sex[photo.File], age[photo.File])
			}
		}
	}
	if n < 41 || len(names) != samplesite.DefaultPeople {
		t.Errorf("%d faces, %d names", n, len(names))
	}
}

func TestPhotosInOrder(t *testing.T) {
	site := newSite(t, 0)
	for i := range 40 {
		p, _ := site.Person(samplesite.FirstID + i)
		if want := "p" + strconv.Itoa(1001 + i)[1:] + "a.jpg"; p.Photos[0].File != want {
			t.Errorf("person %d has %s, want %s", i, p.Photos[0].File, want)
		}
	}
	shares, _ := site.Person(samplesite.FirstID + samplesite.Shares)
	with, _ := site.Person(samplesite.FirstID + samplesite.SharedWith)
	if shares.Photos[0].File != with.Photos[0].File || shares.Last == with.Last {
		t.Errorf("the shared photo: %+v, %+v", shares.Photos, with.Photos)
	}
}

func TestFaultsAreServed(t *testing.T) {
	site := newSite(t, 0)
	server := start(t, site)
	detail := server.URL + "/SomsSUBDirectory/offenderDetails.jsp?offenderid=10001"
	_, right, _ := get(t, detail)
	for kind, broken := range map[samplesite.Kind]func(status int, body string) bool{
		samplesite.NotFound:    func(s int, _ string) bool { return s == 404 },
		samplesite.ServerError: func(s int, _ string) bool { return s == 500 },
		samplesite.Unavailable: func(s int, _ string) bool { return s == 503 },
		samplesite.TooMany:     func(s int, _ string) bool { return s == 429 },
		samplesite.Forbidden:   func(s int, _ string) bool { return s == 403 },
		samplesite.Truncated:   func(_ int, body string) bool { return strings.Contains(body, "unexpected EOF") },
		samplesite.Cut:         func(_ int, body string) bool { return len(body) == len(right)/2 },
		samplesite.Layout:      func(_ int, body string) bool { return !strings.Contains(body, "label-value") },
		samplesite.Block:       func(s int, body string) bool { return s == 200 && strings.Contains(body, "g-recaptcha") },
		samplesite.Gate:        func(s int, body string) bool { return s == 200 && strings.Contains(body, "I agree") },
		samplesite.Empty:       func(s int, body string) bool { return s == 200 && body == "" },
	} {
		if err := site.Fault(samplesite.Fault{Kind: kind, Path: "offenderDetails.jsp", Skip: 1, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if _, body, _ := get(t, detail); body != right {
			t.Errorf("%s: came too early", kind)
		}
		if status, body, _ := get(t, detail); !broken(status, body) {
			t.Errorf("%s: %d %.200s", kind, status, body)
		}
		if _, body, _ := get(t, detail); body != right {
			t.Errorf("%s: came twice", kind)
		}
		site.Heal()
	}
	if err := site.Fault(samplesite.Fault{Kind: "unheard of"}); err == nil {
		t.Error("took a fault it does not know")
	}
}

func TestConditionalAnswers(t *testing.T) {
	site := newSite(t, 0)
	server := start(t, site)
	for _, path := range []string{"/SomsSUBDirectory/offenderDetailsServletOther?imageid=100021",
		"/SomsSUBDirectory/offenderDetails.jsp?offenderid=10002", "/SORT_PUBLIC/sor.csv"} {
		site.Heal()
		_, _, header := get(t, server.URL+path)
		if status, _, _ := get(t, server.URL+path, "If-None-Match", header.Get("ETag")); status != http.StatusNotModified {
			t.Errorf("%s: unchanged gives %d", path, status)
		}
		if err := site.Move(10002); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := get(t, server.URL+path, "If-Modified-Since", header.Get("Last-Modified")); status != http.StatusOK {
			t.Errorf("%s: changed gives %d", path, status)
		}
	}
}

func TestControl(t *testing.T) {
	site := newSite(t, 0)
	server := start(t, site)
	if post(t, server.Control+"/change", `{"do":"delist","ids":[10001]}`) != 200 {
		t.Error("delist refused")
	}
	if _, listed := site.Person(10001); listed {
		t.Error("still listed")
	}
	if post(t, server.Control+"/fault", `{"kind":"500","path":"sor.csv","times":1}`) != 200 {
		t.Error("fault refused")
	}
	if status, _, _ := get(t, server.URL+"/SORT_PUBLIC/sor.csv"); status != 500 {
		t.Errorf("fault not served: %d", status)
	}
	for _, bad := range []string{`{"do":"delist","ids":[1]}`, `{"do":"vanish"}`, `{"unknown":1}`, `nonsense`} {
		if post(t, server.Control+"/change", bad) != 400 {
			t.Errorf("took %s", bad)
		}
	}
	if _, body, _ := get(t, server.Control+"/count?path=/SORT_PUBLIC/*"); strings.TrimSpace(body) != "1" {
		t.Errorf("count %s", body)
	}
	if post(t, server.URL+"/change", `{"do":"delist","ids":[10002]}`) == 200 {
		t.Error("the site itself takes orders")
	}
}

func TestExport(t *testing.T) {
	site := newSite(t, 0)
	for form, files := range map[string]int{"csv": 3, "json": 1} {
		dir := t.TempDir()
		if err := site.Export(dir, form); err != nil {
			t.Fatal(err)
		}
		records, err := filepath.Glob(filepath.Join(dir, "sample*"))
		if err != nil || len(records) != files {
			t.Errorf("%s: %v %v", form, records, err)
		}
		if photos, err := filepath.Glob(filepath.Join(dir, "photos", "*.jpg")); err != nil || len(photos) != samplesite.DefaultPeople-1 {
			t.Errorf("%s: %d photos, %v", form, len(photos), err)
		}
	}
	if err := site.Export(t.TempDir(), "xml"); err == nil {
		t.Error("exported a form it does not know")
	}
}

func TestSizes(t *testing.T) {
	for _, bad := range []int{-1, samplesite.MaxPeople + 1} {
		if _, err := samplesite.New(samplesite.Options{People: bad}); err == nil {
			t.Errorf("took %d people", bad)
		}
	}
	if _, err := samplesite.Start(t.Context(), newSite(t, 0), "nonsense", ""); err == nil {
		t.Error("listens on nonsense")
	}
}

// TestFramesMakeEveryPictureAnother: with frames no two people's pictures are near each other for
// who looks at the brightness of its fields, as a placeholder's would be.
func TestFramesMakeEveryPictureAnother(t *testing.T) {
	site, err := samplesite.New(samplesite.Options{People: 300, Framed: true})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for p := range site.People() {
		if len(p.Photos) == 0 || p.Photos[0].Tag == 0 {
			continue
		}
		data, err := p.Photos[0].Bytes()
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		top := ""
		for x := range 9 { // the frame's upper blocks, brighter or darker than the one before
			y, _, _, _ := img.At(img.Bounds().Dx()*(2*x+1)/18, img.Bounds().Dy()/16).RGBA()
			top += string(rune('a' + y>>13))
		}
		if other, ok := seen[top]; ok {
			t.Errorf("%d and %d have the same frame %s", p.ID, other, top)
		}
		seen[top] = p.ID
	}
	if len(seen) < 200 {
		t.Errorf("%d framed photos", len(seen))
	}
}
