package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// handOver writes what an agency hands over: people under keys that begin at 1001, without photos.
func handOver(t *testing.T, dir string, surnames ...string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	offenders, names := "id,dob,gender,webUrl,photoUrl,absconder\n", "id,prefix,firstName,middleName,lastName,suffix,comment,primary\n"
	for i, surname := range surnames {
		offenders += fmt.Sprintf("%d,1970-01-%02d,M,,,N\n", 1001+i, 2+i)
		names += fmt.Sprintf("%d,,Alvar,,%s,,,Y\n", 1001+i, surname)
	}
	must(t, os.WriteFile(filepath.Join(dir, "offenders.csv"), []byte(offenders), 0o600),
		os.WriteFile(filepath.Join(dir, "names.csv"), []byte(names), 0o600),
		os.WriteFile(filepath.Join(dir, "addresses.csv"), []byte("id,type,streetAddress,city,county,state,zipCode,latitude,longitude\n"), 0o600))
	return dir
}

// TestImportsOfTwoAgencies imports files of two agencies with equal keys under one definition: neither sees the other,
// when one hands over fewer people, or others, the other's stay, and an import without an agency is a third.
func TestImportsOfTwoAgencies(t *testing.T) {
	t.Setenv("LINEUP_MODELS", modelsForTests(t))
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	does := func(want int, args ...string) string {
		t.Helper()
		code, out := lineup(t, append(args, "--data", data)...)
		if code != want {
			t.Errorf("lineup %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out)
		}
		return out
	}
	imports := func(want int, files, agency string, more ...string) (sum schemas.RunSummary) {
		t.Helper()
		out := does(want, append([]string{"import", files, "--source", "import-nsopw", "--json", "--agency", agency}, more...)...)
		must(t, json.Unmarshal([]byte(out), &sum))
		return sum
	}
	var omaha, lincoln []string
	for i := range 12 {
		omaha, lincoln = append(omaha, fmt.Sprintf("Omahason%c", 'a'+i)), append(lincoln, fmt.Sprintf("Lincolnsen%c", 'a'+i))
	}
	first, second := handOver(t, filepath.Join(dir, "omaha"), omaha...), handOver(t, filepath.Join(dir, "lincoln"), lincoln...)
	if sum := imports(0, first, "Omaha.PD"); sum.Source != "import-nsopw@omaha.pd" || sum.New != 12 {
		t.Errorf("first agency: %+v", sum)
	}
	if sum := imports(0, second, "lincoln-so"); sum.Source != "import-nsopw@lincoln-so" || sum.New != 12 || sum.Delisted != 0 {
		t.Errorf("second agency, under the same keys: %+v", sum)
	}
	does(2, "import", first, "--source", "import-nsopw", "--agency", "two words")

	// One hands over two fewer, and is believed; then six fewer, and is not. The other's twelve have nothing to do with it.
	if sum := imports(0, handOver(t, first, omaha[:10]...), "omaha.pd"); sum.State != schemas.RunComplete || sum.Delisted != 2 {
		t.Errorf("two fewer: %+v", sum)
	}
	if sum := imports(1, handOver(t, first, omaha[:4]...), "omaha.pd"); sum.State != schemas.RunRefused || sum.Delisted != 0 {
		t.Errorf("six fewer: %+v", sum)
	}
	if out := does(1, "status"); !strings.Contains(out, "import-nsopw@omaha.pd") || !strings.Contains(out, "import-nsopw@lincoln-so") {
		t.Errorf("status does not name the agencies:\n%s", out)
	}
	if out := does(0, "sources", "show", "import-nsopw@omaha.pd"); !strings.Contains(out, "id: import-nsopw") {
		t.Errorf("the definition:\n%s", out)
	}
	does(1, "scrape", "import-nsopw@omaha.pd", "--once")
	// An id that is none is said before anything is made or loaded.
	nowhere := filepath.Join(dir, "nowhere")
	if code, _ := lineup(t, "scrape", "us-nope", "--once", "--data", nowhere); code != exitMisuse {
		t.Errorf("an unknown source: exit %d", code)
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("an unknown source made a house")
	}
	// A shell is told of the agencies too.
	asks := testApp(t, data, "http://127.0.0.1:1")
	if got := strings.Join(asks.SourceNames(t.Context()), "\n"); !strings.Contains(got, "import-nsopw@lincoln-so\t") {
		t.Errorf("completion does not know the agencies:\n%s", got)
	}
	holdAgencies(t, data, omaha[:10], lincoln)
}

// holdAgencies opens what data holds and asks for the people of two agencies.
func holdAgencies(t *testing.T, data string, omaha, lincoln []string) {
	t.Helper()
	app := testApp(t, data, "http://127.0.0.1:1")
	h, err := node.Open(t.Context(), app.Options)
	must(t, err)
	defer func() { must(t, h.Close()) }()
	h.Metrics = prometheus.NewRegistry()
	faces, err := h.OpenFaces(t.Context())
	must(t, err)
	defer faces.Close()
	api, err := h.NewServer(t.Context(), faces)
	must(t, err)
	key, _, err := h.Keys.Add(t.Context(), "asks", keys.Limits{})
	must(t, err)
	get := func(path string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+key)
		api.ServeHTTP(w, r)
		return w.Body.String()
	}
	for source, names := range map[string][]string{"import-nsopw@omaha.pd": omaha, "import-nsopw@lincoln-so": lincoln} {
		var got []string
		for l, err := range h.Ledger.Each(t.Context(), source) {
			must(t, err)
			if l.Listed {
				got = append(got, l.Key)
			}
		}
		if len(got) != len(names) {
			t.Errorf("%s lists %d, want %d: %v", source, len(got), len(names), got)
		}
		for _, name := range names {
			if out := get("/sexoffender?lastName=" + name); !strings.Contains(out, `"id":"`+source+`"`) {
				t.Errorf("%s of %s is not found: %.300s", name, source, out)
			}
		}
		if out := get("/v1/coverage"); !strings.Contains(out, `"id":"`+source+`"`) {
			t.Errorf("coverage lacks %s", source)
		}
	}
	report, err := h.Audit(t.Context(), operate.Share(1), false, nil)
	if must(t, err); len(report.Differences) > 0 {
		t.Errorf("audit: %+v", report.Differences)
	}
	runs, err := h.Runs(t.Context(), "import-nsopw@omaha.pd", 1)
	if must(t, err); len(runs) != 1 || runs[0].State != schemas.RunRefused {
		t.Errorf("runs of one agency: %+v", runs)
	}
	id := schemas.RegistrantID("import-nsopw@lincoln-so", "1003")
	gone, err := h.Ingest.Remove(t.Context(), id, schemas.Removal{Reason: "court_order"})
	must(t, err)
	receipt, err := h.Forget(t.Context(), gone, nil)
	if must(t, err); receipt.Source != "import-nsopw@lincoln-so" {
		t.Errorf("receipt: %+v", receipt)
	}
	const like = "import-nsopw@omaha.pd" // lists somebody under the key of the removed
	if l, err := h.Ledger.Listing(t.Context(), like, schemas.RegistrantID(like, "1003")); err != nil || !l.Listed {
		t.Errorf("who has the key of the removed: %+v %v", l, err)
	}
	if out := get("/sexoffender?lastName=Omahasonk"); strings.Contains(out, `"firstName"`) {
		t.Errorf("who was delisted answers: %s", out)
	}
}
