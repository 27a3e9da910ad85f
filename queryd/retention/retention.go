// Package retention says what is kept, about whom and for how long. The API, the page and the documentation are made
// from this one list. Times are read from where they are set, so the list cannot differ from what happens.
package retention

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"lineup/ingest/broker"
	"lineup/ingest/ledger"
)

// Rule says how long something is kept.
type Rule string

// The rules.
const (
	NotKept  Rule = "not_kept"     // in memory for the time of a request
	Days     Rule = "days"         // so many days, then it goes by itself
	Listed   Rule = "while_listed" // as long as the registry lists the person
	Capped   Rule = "while_listed_days"
	Last     Rule = "last"     // the last so many
	Holder   Rule = "holder"   // until the key's holder deletes it
	Operator Rule = "operator" // outside Lineup
	ForGood  Rule = "for_good"
)

// rules are the English texts of the rules; %s is the number.
var rules = map[Rule]string{
	NotKept:  "Not kept: in memory only, never written.",
	Days:     "%s days.",
	Listed:   "As long as the registry lists the person; shown no more and deleted when it does not, or when the person is removed here.",
	Capped:   "As long as the registry lists the person, and %s days at most.",
	Last:     "The last %s of each registry.",
	Holder:   "Until the holder of the key deletes it, or the person is removed here.",
	Operator: "As long as the operator keeps it: it lies outside Lineup, which deletes nothing of it.",
	ForGood:  "For good.",
}

// Kept is one kind of things and how long it is kept.
type Kept struct {
	ID      string
	What    string // in English
	Rule    Rule
	Number  int    // of days, of Last of things; 0 for rules without one
	Setting string // of the configuration that decides it, "" for none
}

// For says in English how long.
func (k Kept) For() string {
	if k.Number == 0 {
		return rules[k.Rule]
	}
	return fmt.Sprintf(rules[k.Rule], strconv.Itoa(k.Number))
}

// Source is what a registry's own terms shorten.
type Source struct {
	ID, Name   string
	RecordDays int  // without being read again, 0 for no bound
	PageDays   int  // likewise, of what its page said
	Faceless   bool // no templates are made of its photos
}

// Terms are the parts that the configuration decides.
type Terms struct {
	PageDays      int // 0: pages go with their registrant
	PhotoLinkDays int
	Sources       []Source // those alone that differ from the list
}

// List is everything that is kept, and what is not.
func List(t Terms) []Kept {
	days := func(d time.Duration) int { return int(d.Hours() / 24) }
	pages := Kept{"pages", "The part of a registry's page that speaks of the person", Listed, t.PageDays, "s3.page_days"}
	if t.PageDays > 0 {
		pages.Rule = Capped
	}
	return []Kept{
		{"probes", "Photos that are searched with, and the numbers made from them", NotKept, 0, ""},
		{"questions", "Names, birth dates and places that are searched for", NotKept, 0, ""},
		{"addresses", "Network addresses of clients, by which requests are limited", NotKept, 0, ""},
		{"records", "Records of the registries", Listed, 0, ""},
		{"photos", "Photos of the registries", Listed, 0, ""},
		{"templates", "Numbers made from the registries' photos, by which faces are compared", Listed, 0, "index.enrol_excluded"},
		pages,
		{"evidence", "Proof of a match, without the photo that was searched with, for the key that searched; " +
			"not shown when the registry lists the person no more", Days, days(broker.EvidenceTime), ""},
		{"photo_links", "Links to photos in answers, which open them without a key", Days, t.PhotoLinkDays, "query.photo_link_days"},
		{"changes", "That a record is new, changed or gone, as a number without a name, for who follows the changes", Days,
			days(broker.ChangesTime), ""},
		{"usage", "How many requests of each kind a key made on a day", Days, days(broker.UsageTime), ""},
		{"watches", "Watches: the record, person or small place that a key asks to be told about, and the address that is told", Holder, 0, ""},
		{"keys", "Names that the operator gave to API keys, and hashes of the keys, revoked ones included", ForGood, 0, ""},
		{"tombstones", "That somebody was listed once: a number without a name, so that no older copy brings the person back", ForGood, 0, ""},
		{"removals", "That somebody was removed here, so that no crawl and no backup brings the person back: a number, the registry, " +
			"the day and a reason without a name", ForGood, 0, "removal_log"},
		{"runs", "Reports of crawls: counts, and nobody's name", Last, ledger.KeepRuns, ""},
		{"request_log", "The log of requests: time, kind, number of the key and of answers; no name, photo, question or network address",
			Operator, 0, "log.level"},
		{"backups", "Backups that the operator makes: who is listed, keys and removals; no photos, records or templates", Operator, 0, ""},
	}
}

// Markdown is the list as docs/retention.md, for a configuration nobody has touched.
func Markdown(t Terms) string {
	var b strings.Builder
	b.WriteString("# What is kept, and how long\n\nMade by the test of queryd/retention; do not edit. `GET /v1/retention` and the page " +
		"`/retention` say\n" +
		"the same with the numbers of an installation's own configuration; these are the defaults. What a registry's terms\n" +
		"shorten stands in [sources.md](sources.md), and in the answer.\n\n| id | what | how long | setting |\n|---|---|---|---|\n")
	for _, k := range List(t) {
		setting := ""
		if k.Setting != "" {
			setting = "`" + k.Setting + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.ID, k.What, k.For(), setting)
	}
	return b.String()
}
