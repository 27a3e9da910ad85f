package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lineup/schemas"
	"lineup/scraper/samplesite"
)

// desk is an operator at a terminal, with a sample site for one source.
type desk struct {
	t    *testing.T
	site *samplesite.Site
	args []string
}

func newDesk(t *testing.T, source string) *desk {
	t.Helper()
	site, err := samplesite.New(samplesite.Options{})
	must(t, err)
	server, err := samplesite.Start(t.Context(), site, "127.0.0.1:0", "")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	dir := t.TempDir()
	settings := filepath.Join(dir, "lineup.yml")
	must(t, os.WriteFile(settings, fmt.Appendf(nil, "models: %q\nsources: {%s: {base_url: %q}}\nlog: {level: error}\n", modelsForTests(t),
		source, server.URL), 0o600))
	return &desk{t, site, []string{"--config", settings, "--data", filepath.Join(dir, "data")}}
}

// says runs a command that must end with code, and whose output and errors must match each pattern.
func (d *desk) says(code int, command string, patterns ...string) string {
	d.t.Helper()
	var out, errs bytes.Buffer
	if got := run(append(strings.Fields(command), d.args...), &out, &errs); got != code {
		d.t.Errorf("%s: code %d, want %d\n%s%s", command, got, code, &out, &errs)
	}
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(out.String() + errs.String()) {
			d.t.Errorf("%s: want %q in\n%s%s", command, pattern, &out, &errs)
		}
	}
	return out.String()
}

// TestCrawlAsAnOperator goes through what a source does to whoever runs it.
func TestCrawlAsAnOperator(t *testing.T) {
	d := newDesk(t, "us-ga")
	const crawl = "scrape us-ga --once"
	d.says(0, crawl, `us-ga: complete, 44 registrants: 44 new`)
	d.says(0, crawl, `us-ga: same`, `nothing changed`)

	must(t, d.site.Delist(samplesite.FirstID), d.site.Move(samplesite.FirstID+1))
	d.says(0, crawl+" --dry-run", `43 registrants: 0 new, 1 changed, 42 unchanged, 0 returned, 1 delisted`, `would be changed `,
		`would be delisted `)
	d.says(0, "status", `us-ga .* complete|us-ga .* same`, ` 44 `)
	d.says(0, crawl, `1 changed, .* 1 delisted`)

	// The site says no: the run stops, and no run after it asks until a human gives a reason.
	must(t, d.site.Fault(samplesite.Fault{Kind: samplesite.Block}), d.site.Move(samplesite.FirstID+2))
	d.says(1, crawl, `us-ga: blocked`, `refuses automated reading`)
	d.site.Heal()
	asked := d.site.Requests("*")
	d.says(1, crawl, `--unblock REASON`)
	d.says(1, crawl+" --dry-run", `--unblock REASON`)
	if now := d.site.Requests("*"); now != asked {
		t.Errorf("a blocked site was asked %d times", now-asked)
	}
	d.says(0, crawl+" --unblock agency-wrote-it-was-a-mistake", `us-ga: complete, 43 registrants`)

	// Half of the registry is gone: a human must believe it.
	var half []int
	for i := 1; i < 23; i++ {
		half = append(half, samplesite.FirstID+i)
	}
	must(t, d.site.Delist(half...))
	d.says(1, crawl+" --dry-run", `us-ga: refused`, `22 of 43 registrants`)
	d.says(1, crawl, `us-ga: refused`, `0 delisted`, `--accept-drop REASON`)
	d.says(0, crawl+" --accept-drop the-law-changed", `us-ga: complete, 21 registrants: .* 22 delisted`)

	d.says(0, "runs", `us-ga +blocked`, `us-ga +refused`, `accepted by a human: the-law-changed`, `unblocked by a human: agency-wrote-it`)
	var reports []schemas.RunSummary
	must(t, json.Unmarshal([]byte(d.says(0, "runs us-ga --json -n 50")), &reports))
	var states []string
	for _, r := range reports {
		states = append(states, string(r.State))
	}
	if got := strings.Join(states, " "); got != "complete refused complete blocked complete same complete" {
		t.Errorf("reports, the newest first: %s", got)
	}
	d.says(1, "runs us-zz", `never crawled here`)
	d.says(1, "scrape us-or --once", `set contact`)
	fresh := newDesk(t, "us-ga")
	fresh.says(1, "scrape us-or --once", `set contact`)
	fresh.says(1, "scrape us-ny --once --set contact=me@example.org", `set sources.us-ny.permission`)
	if _, err := os.Stat(fresh.args[3]); err == nil {
		t.Error("a data directory was made for a source that is not crawled")
	}
	fresh.says(2, "report --year soon", `want a whole number, not "soon"`)
	fresh.says(2, "gallery check --since soon", `like 30s, 10m or 24h, not "soon"`)
	fresh.says(2, "remove nobody --reason other", `not a UUID`)
	fresh.says(2, "link show nobody", `not a UUID`)
}

// TestImportAsAnOperator reads a folder that an agency handed over.
func TestImportAsAnOperator(t *testing.T) {
	d := newDesk(t, "us-ga")
	for _, form := range samplesite.ExportForms {
		folder := filepath.Join(t.TempDir(), form)
		must(t, d.site.Export(folder, form))
		want := `import-nsopw: complete, 44 registrants: 44 new`
		if form == "json" { // the same people again
			want = `import-nsopw: complete, 44 registrants: 0 new, 0 changed, 44 unchanged`
		}
		d.says(0, "import "+folder+" --source import-nsopw", want)
	}
	d.says(0, "status", `import-nsopw .* complete +44 +43 +41 `)
	d.says(1, "import "+t.TempDir()+" --source import-nsopw", `holds 0 files`, `\*offenders\*\.csv`)
	d.says(2, "import /nothing/there --source import-nsopw", `no such file`)
	d.says(2, "import . --source us-zz", `lineup sources list`)

	// A folder with a part of the people is no reason to delist the others.
	part := t.TempDir()
	must(t, d.site.Delist(samplesite.FirstID, samplesite.FirstID+1, samplesite.FirstID+2, samplesite.FirstID+3, samplesite.FirstID+4),
		d.site.Export(part, "json"))
	d.says(1, "import "+part+" --source import-nsopw", `refused`, `5 of 44`)
	d.says(0, "import "+part+" --source import-nsopw --accept-drop checked", `5 delisted`)
}
