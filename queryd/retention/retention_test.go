package retention_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"lineup/config"
	"lineup/ingest/broker"
	"lineup/queryd/retention"
)

var update = flag.Bool("update", false, "write docs/retention.md")

// TestDocumentation holds docs/retention.md to the list.
func TestDocumentation(t *testing.T) {
	const path = "../../docs/retention.md"
	c := config.Default()
	want := retention.Markdown(retention.Terms{PageDays: c.S3.PageDays, PhotoLinkDays: c.Query.PhotoLinkDays})
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || string(have) != want {
		t.Errorf("docs/retention.md is not as the list says (go test ./queryd/retention -update): %v", err)
	}
}

// TestEveryStoreThatExpiresIsTold holds that a time after which something goes by itself is on the list: who sets another
// is reminded to tell.
func TestEveryStoreThatExpiresIsTold(t *testing.T) {
	told := map[int]bool{}
	for _, k := range retention.List(retention.Terms{}) {
		if k.Rule == retention.Days {
			told[k.Number] = true
		}
	}
	for _, s := range broker.Stores() {
		if days := int(s.TTL.Hours() / 24); days > 0 && !told[days] {
			t.Errorf("%s keeps entries for %d days, and the list does not say it", s.Name, days)
		}
	}
}

// TestTheConfigurationDecides holds that numbers of the configuration reach the list, and that settings it names are there.
func TestTheConfigurationDecides(t *testing.T) {
	settings := map[string]bool{}
	for _, s := range config.Settings() {
		settings[s.Key] = true
	}
	var pages, links string
	for _, k := range retention.List(retention.Terms{PageDays: 90, PhotoLinkDays: 3}) {
		if k.For() == "" || strings.Contains(k.For(), "%") || k.Setting != "" && !settings[k.Setting] {
			t.Errorf("%+v: %q", k, k.For())
		}
		switch k.ID {
		case "pages":
			pages = k.For()
		case "photo_links":
			links = k.For()
		}
	}
	if !strings.Contains(pages, "90 days at most") || links != "3 days." {
		t.Errorf("pages %q, links %q", pages, links)
	}
}
