package source_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lineup/internal/testkit/scrapertest"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/fetch"
	"lineup/scraper/samplesite"
	"lineup/scraper/source"
)

// county is a county's registry of the product that Utah's is of, as an operator writes it.
const county = `id: ut-sample
name: Sample County Sheriff
jurisdiction: UT-SAMPLE
home: https://www.sheriffalerts.com/cap_main.php?office=99999
mode: permission_required
like: us-ut
values: {office: "99999"}
guards: {min_count: 10}
policy: {evidence: asked the sheriff}
`

// noting notes what is asked.
type noting struct {
	inside
	asked *[]string
}

func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	*n.asked = append(*n.asked, r.URL.String())
	return n.inside.RoundTrip(r)
}

func folder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "ut-sample"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ut-sample", "source.yml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Registries of one product differ by a number: no two may ask for the same people.
func TestRegistriesOfOneProductAskForTheirOwn(t *testing.T) {
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{}
	for _, src := range all {
		if d := src.Definition(); d.ID != "us-ut" && d.Like != "us-ut" {
			continue
		}
		info := src.Info()
		start, err := src.Start()
		if err != nil || len(start) != 1 {
			t.Fatalf("%s: %v, %v", info.ID, start, err)
		}
		if other, twice := asked[start[0].URL]; twice {
			t.Errorf("%s and %s ask for the same: %s", info.ID, other, start[0].URL)
		}
		asked[start[0].URL] = info.ID
		if info.Mode != scraper.PermissionRequired || info.Policy.Attribution == "" ||
			info.ID != "us-ut" && strings.Contains(info.Policy.Attribution, "Utah") ||
			info.Policy.KeepPages <= 0 || !strings.HasPrefix(info.ID, "us-"+strings.ToLower(info.Jurisdiction)) {
			t.Errorf("%s: %+v", info.ID, info)
		}
	}
	if len(asked) != 13 {
		t.Errorf("%d states, want 13", len(asked))
	}
	if text, err := source.In("").YAML("us-ri"); err != nil || !strings.Contains(string(text), "id: us-ut") {
		t.Errorf("the text of us-ri's definition: %v", err)
	}
}

func TestCountyLikeAState(t *testing.T) {
	src, err := source.In(folder(t, county)).Get("ut-sample")
	if err != nil {
		t.Fatal(err)
	}
	if src, err = src.Sample(insideURL); err != nil {
		t.Fatal(err)
	}
	site := newSite(t)
	var asked []string
	sink := scrapertest.NewSink()
	c := scraper.Crawl{Source: src, Sink: sink, Fetcher: fetch.Config{Version: "test", Tries: 1, Transport: noting{inside{site}, &asked}}}
	sum, err := c.Run(t.Context())
	if err != nil || sum.State != schemas.RunComplete || sum.Registrants != samplesite.DefaultPeople || len(sum.Leftovers) > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for key, r := range sink.Records {
		if r.Source != "ut-sample" || r.Jurisdiction != "UT-SAMPLE" {
			t.Errorf("%s is of %s, %s", key, r.Source, r.Jurisdiction)
		}
	}
	if slices.ContainsFunc(asked, func(url string) bool {
		return strings.Contains(url, "AgencyID=") && !strings.Contains(url, "AgencyID=99999")
	}) {
		t.Error("asked for another office's people")
	}
}

func TestLikenessThatIsRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"no value":             {`values: {office: "99999"}`, ""},
		"another value":        {"{office:", "{agency:"},
		"a value too many":     {"{office:", `{agency: "1", office:`},
		"nobody":               {"like: us-ut", "like: us-zz"},
		"one without values":   {"like: us-ut", "like: us-nd"},
		"one that is like one": {"like: us-ut", "like: us-ri"},
		"steps of its own":     {"like: us-ut", "like: us-ut\nbase: https://x.example/"},
	} {
		text := strings.Replace(county, change[0], change[1], 1)
		if text == county {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if _, err := source.In(folder(t, text)).All(); err == nil || !strings.Contains(err.Error(), "ut-sample") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
