package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"lineup/config"
	"lineup/internal/node"
	"lineup/internal/notify"
	"lineup/internal/operate/report"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// TestReportCountsAYear holds that the report counts what was done in its year, and names nobody.
func TestReportCountsAYear(t *testing.T) {
	d := newDesk(t, "us-ga")
	d.says(0, "scrape us-ga --once", "")
	d.says(2, "report --year 2999", "that has begun")
	now := time.Now().UTC()
	options, _, invalid := node.Configured(config.Input{File: d.args[1], Sets: []string{"data=" + d.args[3]}}, io.Discard)
	must(t, invalid)
	n, err := node.Open(t.Context(), options)
	must(t, err)
	_, key, err := n.Keys.Add(t.Context(), "holder", keys.Limits{})
	must(t, err)
	_, spent, err := n.Keys.Add(t.Context(), "spent", keys.Limits{})
	must(t, err)
	for day, kinds := range map[time.Time]map[string]int{now: {"faces": 3, "sexoffender": 2, "refused": 1},
		now.AddDate(-1, 0, 0): {"faces": 50}} {
		_, err := n.Keys.AddUse(t.Context(), key.ID, keys.DayOf(day), kinds)
		must(t, err)
	}
	_, err = n.Keys.Revoke(t.Context(), spent.ID)
	must(t, err)
	var removed []schemas.Listing
	for listing, err := range n.Ledger.Each(t.Context(), "us-ga") {
		if must(t, err); len(removed) < 3 {
			removed = append(removed, listing)
		}
	}
	for i, why := range []schemas.Removal{{Reason: "mistake"}, {Reason: "in words"}, {Reason: "mistake", At: now.AddDate(-1, 0, 0)}} {
		_, err := n.Remove(t.Context(), removed[i].ID, why)
		must(t, err)
	}
	notices, err := notify.OpenNotices(t.Context(), n.JS, 1)
	must(t, err)
	for range 2 {
		must(t, notices.Look(t.Context(), []notify.Condition{{Kind: "blocked", Source: "us-ga"}}, now, nil))
	}
	must(t, n.Close())

	out := d.says(0, "report --json", "")
	var r report.Report
	must(t, json.Unmarshal([]byte(out), &r))
	if r.Year != now.Year() || len(r.Searches.Keys) != 1 || r.Searches.Keys[0].Name != "holder" || r.Searches.Keys[0].Faces != 3 ||
		r.Searches.Keys[0].Records != 2 || r.Searches.Keys[0].Refused != 1 {
		t.Errorf("searches %+v", r.Searches)
	}
	if r.Removals.Registrants != 2 || r.Removals.Reasons["mistake"] != 1 || r.Removals.Reasons["other"] != 1 || r.Removals.Keys != 1 {
		t.Errorf("removals %+v", r.Removals)
	}
	if len(r.Corrections.Sources) != 1 || r.Corrections.Sources[0].New < 3 || r.Corrections.Sources[0].Since.IsZero() {
		t.Errorf("corrections %+v", r.Corrections)
	}
	if r.Alarms.Kinds["blocked"] != 1 || r.Alarms.Since.IsZero() {
		t.Errorf("alarms %+v", r.Alarms)
	}
	for _, listing := range removed {
		if strings.Contains(out, string(listing.ID)) || strings.Contains(out, listing.Key) && listing.Key != "" {
			t.Errorf("the report names a registrant:\n%s", out)
		}
	}
	d.says(0, fmt.Sprint("report --year ", now.Year()), `holder +3 +2 +1`, `Removed for ever: 2 \(.*mistake`, `us-ga`, `blocked`)
	d.says(0, fmt.Sprint("report --year ", now.Year()-1), `holder +50`, `Removed for ever: 1`, `Alarms: none`)
}
