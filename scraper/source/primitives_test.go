package source_test

import (
	"slices"
	"strings"
	"testing"

	"lineup/scraper/source"
)

// primitives are what registries ask of the engine and a shipped source needs, with the text by
// which that source's definition uses it. Those that only registries behind a gate need
// (layouts of Virginia, Wisconsin and OffenderWatch) have their tests beside the engine.
var primitives = map[string]struct{ state, text string }{
	"posted form":                   {"us-id", "form: {form: \"5\""},
	"posted JSON":                   {"us-ca", "json: '{\"City\""},
	"hidden inputs and postback":    {"us-nc", "hidden: form, target:"},
	"token into the body":           {"us-tx", "__RequestVerificationToken: \"{token}\""},
	"account":                       {"us-tx", "{account.password}"},
	"charset":                       {"us-or", "charset: iso-8859-1"},
	"requests an hour":              {"us-ia", "per_hour: 50"},
	"records kept at most":          {"us-ia", "keep_records: 336h"},
	"coordinates never stored":      {"us-ia", "no_coords: true"},
	"paging by number":              {"us-ne", "pages: {by: page}"},
	"paging by next link":           {"us-id", "pages: {by: next"},
	"paging by offset and total":    {"us-tn", "pages: {by: offset, size: 100}"},
	"people across pages":           {"us-mt", "join_pages: true"},
	"partition read from a page":    {"us-ny", "as: county, over:"},
	"phrase of an empty list":       {"us-ny", "empty: There are no offenders"},
	"total in a text":               {"us-ne", "regex: 'of\\s+(?P<total>"},
	"fixed width by ruler":          {"us-nc", "as: fixed"},
	"workbook with title rows":      {"us-mo", "as: xlsx, header: Name"},
	"TSV":                           {"us-tx", "as: tsv"},
	"layer of a map":                {"us-dc", "as: arcgis"},
	"JSON inside JSON":              {"us-tn", "unwrap: [searchresults]"},
	"n-th match":                    {"us-ny", "nth: 1"},
	"match by content":              {"us-ny", "having: \"a[href*=offenderDetails]\""},
	"cell pairs":                    {"us-id", "layout: table"},
	"definition lists":              {"us-nd", "layout: dl"},
	"label and value in a row":      {"us-ny", "layout: row"},
	"label, colon, value":           {"us-ne", "layout: colon"},
	"section by heading":            {"us-nd", "section: Qualifying Offense Information"},
	"repeats two deep":              {"us-ny", "charges:"},
	"numbered ids":                  {"us-ca", "numbered: \"#PDescription_{n}\""},
	"table without a header row":    {"us-tx", "columns: [IND_IDN, DPS_NBR]"},
	"join over a third table":       {"us-tx", "join: [{table: person"},
	"the latest of several":         {"us-tx", "latest: EventId"},
	"where the site was before":     {"us-nd", "earlier: [offender/name-search]"},
	"photo that few have":           {"us-nc", "view: left, optional: true"},
	"parameter of an address":       {"us-ny", "query: offenderid"},
	"parameters that stay":          {"us-ca", "params: [t, f, p]"},
	"constant":                      {"us-dc", "const: Washington"},
	"lookup table":                  {"us-tx", "on: {COU_COD: COU_COD}, column: COU_TXT"},
	"names of columns beside":       {"us-tx", "format: INDV.xml"},
	"one value or another":          {"us-mt", "or: {column: ADDRESS_DESCR"},
	"the gravest of several codes":  {"us-or", "split: \",\""},
	"join on several columns":       {"us-tx", "on: {COO_COD: COO_COD, COJ_COD: COJ_COD"},
	"weak key":                      {"us-ga", "weak: [{column: NAME}"},
	"rows of one person":            {"us-ga", "group: [NAME, YEAR OF BIRTH, RACE, SEX, HEIGHT]"},
	"aliases that are junk":         {"us-ca", "drop: [\"^OTHERDOB,\""},
	"aliases that run together":     {"us-id", "raw: true"},
	"juveniles left out":            {"us-fl", "name: juvenile"},
	"other offences left out":       {"us-mt", "name: not sexual"},
	"the deceased left out":         {"us-tn", "name: deceased"},
	"moved away left out":           {"us-mo", "name: moved"},
	"photo that is none":            {"us-mt", "reject: [NoPhoto, no_photo]"},
	"photo of a template":           {"us-nc", "photo.aspx?srn={SexRegistrationNumber}"},
	"agency's files":                {"import-nsopw", "mode: import"},
	"adults alone are asked for":    {"us-id", "rad: A"},
	"notice that a law asks for":    {"us-fl", "only by fingerprints"},
	"limits of use":                 {"us-ca", "290.46(l)(2)"},
	"damages":                       {"us-ca", "290.46(l)(4)"},
	"attribution a licence demands": {"us-dc", "CC BY 4.0"},
}

func TestEveryPrimitiveHasItsState(t *testing.T) {
	for what, use := range primitives {
		text, err := source.YAML(use.state)
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(text), use.text) {
			t.Errorf("%s: %s no longer says %q", what, use.state, use.text)
		}
	}
}

// Shipped is the list of the issue; nothing of it may be lost, in the mode it names.
func TestShippedSourcesAreThere(t *testing.T) {
	want := map[string][]string{
		"enabled":    {"us-ga", "us-or", "us-mo", "us-nc", "us-tn", "us-mt", "us-tx", "us-fl", "us-ia", "us-il-chicago"},
		"unverified": {"us-dc", "us-mo-map", "us-tn-map"},
		"permission_required": {"us-ny", "us-ca", "us-id", "us-ne", "us-nd", "us-mn-doc", "us-sd", "us-gu", "us-mi", "us-va", "us-wi", "us-ut",
			"us-al", "us-ct", "us-in", "us-la", "us-md", "us-nj", "us-nm", "us-oh", "us-ri", "us-vt", "us-wa", "us-wy"},
		"import": {"import-nsopw"},
	}
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range all {
		i := src.Info()
		listed := slices.Contains(want[string(i.Mode)], i.ID)
		if i.Mode == "link_only" && (len(src.Definition().Steps) > 0 || i.Home == "" || i.Policy.Evidence == "") {
			t.Errorf("%s: a link without a home or a reason, or with steps", i.ID)
		}
		if i.Mode != "link_only" && !listed {
			t.Errorf("%s is %s, which the list does not say", i.ID, i.Mode)
		}
		if listed && (i.Policy.Attribution == "" || i.Policy.KeepPages <= 0) {
			t.Errorf("%s: no attribution, or pages without a retention time", i.ID)
		}
	}
	for mode, ids := range want {
		for _, id := range ids {
			if src, err := source.Get(id); err != nil || string(src.Info().Mode) != mode {
				t.Errorf("%s is not %s (%v)", id, mode, err)
			}
		}
	}
}
