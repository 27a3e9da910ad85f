package web

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"lineup/indexer/face"
	"lineup/queryd/keys"
	"lineup/queryd/serve"
)

func english(t *testing.T) texts {
	t.Helper()
	all, err := readTexts(pageFiles)
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

// sources are the page's files that match a pattern, by name.
func sources(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no files match %s (%v)", pattern, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				out[name] = string(data)
			}
		}
	}
	return out
}

var (
	actions    = regexp.MustCompile(`{{[^}]*}}`)
	tags       = regexp.MustCompile(`<[^>]*>`)
	spoken     = regexp.MustCompile(`(?:alt|title|placeholder|aria-label|aria-roledescription|content|data-label)="([^"]*)"`)
	words      = regexp.MustCompile(`\p{L}{2,}`)
	comments   = regexp.MustCompile(`(?m)(^|\s)//.*$`)
	literals   = regexp.MustCompile("\"[^\"\n]*\"|'[^'\n]*'|`[^`]*`")
	sentence   = regexp.MustCompile(`\p{L}{2,}[,.…]?\s+\p{L}{2,}|^\p{Lu}\p{Ll}+ ?$`)
	scriptKeys = regexp.MustCompile(`\bt\((?:[^"()]*\? )?"([a-z]+)"(?: : "([a-z]+)")?`)
)

// notText are words in templates that are not to be translated.
var notText = []string{"width=device-width, initial-scale=1", "light dark", "noindex", "openapi.json", "1"}

// notSpoken are names in scripts that look like words: keys and classes.
var notSpoken = []string{"Accept", "Enter", "Escape", "facebox used"}

// strayTexts are the words a template says by itself.
func strayTexts(html string) []string {
	var found []string
	plain := actions.ReplaceAllString(html, "")
	for _, m := range spoken.FindAllStringSubmatch(plain, -1) {
		found = append(found, m[1])
	}
	found = append(found, tags.Split(plain, -1)...)
	return slices.DeleteFunc(found, func(s string) bool {
		return !words.MatchString(s) || slices.Contains(notText, strings.TrimSpace(s))
	})
}

// strayScript are the sentences a script says by itself.
func strayScript(js string) []string {
	return slices.DeleteFunc(literals.FindAllString(comments.ReplaceAllString(js, ""), -1), func(s string) bool {
		s = s[1 : len(s)-1]
		return !sentence.MatchString(s) || slices.Contains(notSpoken, s) || strings.ContainsAny(s, ".#[") // selectors
	})
}

func TestAllTextsStandInTheLanguageFile(t *testing.T) {
	for name, html := range sources(t, "page/*.html") {
		for _, text := range strayTexts(html) {
			t.Errorf("%s says %q by itself", name, text)
		}
	}
	for name, js := range sources(t, "page/*.js") {
		for _, text := range strayScript(js) {
			t.Errorf("%s says %s by itself", name, text)
		}
	}
	if len(strayTexts(`<p aria-label="Say it">{{t "x"}} Hello</p>`)) != 2 || len(strayScript(`say("Not yet done"); say('Sorry')`)) != 2 {
		t.Error("this test would not find a stray text")
	}
}

func TestTheLanguageFileHasWhatIsUsedAndNothingElse(t *testing.T) {
	text := english(t)
	used := map[string]bool{"lang": true, "thousands": true, "decimal": true}
	for name, js := range sources(t, "page/*.js") {
		for _, m := range scriptKeys.FindAllStringSubmatch(js, -1) {
			for _, key := range m[1:] {
				if key != "" && text["js."+key] == "" {
					t.Errorf("%s: no text %q in the language file", name, key)
				}
				used["js."+key] = true
			}
		}
	}
	var all strings.Builder
	for _, source := range sources(t, "page/*.html", "*.go") {
		all.WriteString(source)
	}
	// made from codes
	prefixes := []string{"problem.", "warning.", "short.", "kind.", "mode.", "fresh.", "advice.", "calibration.", "month.", "why.",
		"scheme.", "value.",
		"retention.what.", "retention.rule."}
	for key := range text {
		stem := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if !used[key] && !strings.Contains(all.String(), `"`+stem+`"`) && !slices.ContainsFunc(prefixes,
			func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nothing says %q", key)
		}
	}
}

// reasons finds the reasons that failures are made with, in all of the daemon's code.
var reasons = regexp.MustCompile(`(?:BadRequest\(|BadParam\(|Reason: +)"([a-z_A-Z ]+)"`)

// onlyForPrograms are reasons that no form of the page can cause.
var onlyForPrograms = []string{"bad_json", "bad_base64", "data_prefix", "bad_query", "repeated_param", "bad_mode", "bad_fuzzy",
	"bad_prefix_match", "bad_source", "unknown_param", "client_left", "bad_", "bad_limit", "bad_cursor", "cursor_expired", "bad_watch",
	"bad_webhook", "too_many_watches"}

func TestEveryReasonIsExplained(t *testing.T) {
	text := english(t)
	codes := []face.Code{face.CodeNoFace, face.CodeSeveralFaces, face.CodeFaceTooSmall, face.CodeBlurred, face.CodeTooDark, face.CodeTooBright,
		face.CodeTurnedAway,
		face.CodeNotAnImage, face.CodeUnsupportedFormat, face.CodeTooLarge, face.CodeTruncated, face.CodePartlyOutside, face.CodeDrawn}
	all := []string{"index_unavailable", "ledger_unavailable", "key_store_unavailable", "photo_store_unavailable",
		"evidence_store_unavailable", "bad_page", "bad_perPage", "bad_lng", "bad_radius", "bad_createdAtStart"}
	for _, code := range codes {
		all = append(all, string(code))
	}
	for _, source := range sources(t, "../*/*.go") {
		for _, m := range reasons.FindAllStringSubmatch(source, -1) {
			all = append(all, m[1])
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d reasons were found", len(all))
	}
	for _, reason := range all {
		if !slices.Contains(onlyForPrograms, reason) && (text["problem."+reason] == "" || text["problem."+reason+".do"] == "") {
			t.Errorf("the language file does not explain %q", reason)
		}
	}
	for _, code := range append(codes[1:7], face.CodePartlyOutside, face.CodeDrawn) {
		if text["warning."+string(code)] == "" || text["short."+string(code)] == "" {
			t.Errorf("the language file has no warning %q", code)
		}
	}
}

func TestThePagesNoticesAreThoseOfTheHeaders(t *testing.T) {
	text := english(t)
	here, _ := text.text("notice.correct.here", "operator@lineup.test")
	said := []string{text["notice.authority"], text["notice.similarity"], text["notice.name"], text["notice.misuse"], here,
		text["notice.correct"], text["notice.fcra"]}
	for _, notice := range append(serve.Notices("operator@lineup.test"), serve.Notices("")...) {
		if !slices.Contains(said, notice) {
			t.Errorf("the page does not say %q", notice)
		}
	}
}

func TestChanceInWords(t *testing.T) {
	text := english(t)
	for _, c := range []struct {
		expected float64
		want     string
	}{
		{0, "Fewer than one stranger in a million searches would look this alike."},
		{9e-7, "Fewer than one stranger in a million searches would look this alike."},
		{1.04e-6, "One stranger in 960,000 searches would look this alike."},
		{0.0001, "One stranger in 10,000 searches would look this alike."},
		{0.00123, "One stranger in 810 searches would look this alike."},
		{0.0101, "One stranger in 99 searches would look this alike."},
		{0.0099, "One stranger in 100 searches would look this alike."},
		{0.025, "One stranger in 40 searches would look this alike."},
		{0.1, "One stranger in 10 searches would look this alike."},
		{0.2, "One stranger in 5 searches would look this alike."},
		{0.25, "About 3 strangers in 10 searches would look this alike."},
		{0.5, "About 5 strangers in 10 searches would look this alike."},
		{0.94, "About 9 strangers in 10 searches would look this alike."},
		{0.95, "About one stranger in each search would look this alike."},
		{1.4, "About one stranger in each search would look this alike."},
		{1.6, "About 2 strangers in each search would look this alike."},
		{31.4, "About 31 strangers in each search would look this alike."},
		{12_345, "About 12,000 strangers in each search would look this alike."},
	} {
		if got := text.chance(c.expected); got != c.want {
			t.Errorf("E = %g: %q, want %q", c.expected, got, c.want)
		}
	}
}

// TestSpanishIsComplete holds that each text is there, that it is not the English one, and that what is
// made from codes, dates and numbers reads as Spanish.
func TestSpanishIsComplete(t *testing.T) {
	all, err := readTexts(pageFiles)
	if err != nil || len(all) != 2 || all[1]["lang"] != "es" {
		t.Fatalf("%d languages, %v", len(all), err)
	}
	english, spanish := all[0], all[1]
	same := []string{"name", "nav.docs", "none.value", "no", "thousands", "decimal", "date.time", "sexo", "js.seconds", "js.percent"}
	for key, text := range english {
		if spanish[key] == text && !slices.Contains(same, key) {
			t.Errorf("%q is %q in Spanish too", key, text)
		}
	}
	if got := spanish.date("1971-03-09"); got != "9 de marzo de 1971" {
		t.Errorf("a date is written %q", got)
	}
	for text, want := range map[string]string{"9 de marzo de 1971": "1971-03-09", "Marzo de 1971": "1971-03", "1971-03-09": "", "1971": "",
		"nueve de marzo": ""} {
		if got, _ := spanish.written(text); got != want {
			t.Errorf("%q is read as %q", text, got)
		}
	}
	if got := spanish.value("civil_commitment"); got != "En internamiento civil" {
		t.Errorf("a code is told as %q", got)
	}
	if got := spanish.scheme("ny-risk-level"); got != "nivel de riesgo de New York" {
		t.Errorf("a scheme is told as %q", got)
	}
	if got, _ := spanish.miles(2.46); got != "2.5 millas" {
		t.Errorf("a distance is told as %q", got)
	}
}

func TestASecondLanguageIsOneFile(t *testing.T) {
	data, err := fs.ReadFile(pageFiles, "page/lang/en.json")
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`"lang": "en"`, `"lang": "es"`, `"thousands": ","`, `"thousands": "."`).Replace(string(data))
	files := fstest.MapFS{"page/lang/en.json": {Data: data}, "page/lang/es.json": {Data: []byte(other)}}
	all, err := readTexts(files)
	if err != nil || len(all) != 2 || all[0]["lang"] != "en" || all[1].number(1234567) != "1.234.567" {
		t.Fatalf("%d languages, %v", len(all), err)
	}
	s := &Pages{languages: []language{{texts: all[0]}, {texts: all[1]}}}
	for accept, want := range map[string]string{"": "en", "fr, de;q=0.9": "en", "es-MX,en;q=0.8": "es", "en;q=0.8, es;q=0.9": "es",
		"en-US,es;q=0.7": "en"} {
		if got := s.languageOf(accept).texts["lang"]; got != want {
			t.Errorf("Accept-Language %q gets %s, want %s", accept, got, want)
		}
	}
	files["page/lang/es.json"].Data = []byte(strings.Replace(other, `"submit": "Submit",`, "", 1))
	if _, err := readTexts(files); err == nil || !strings.Contains(err.Error(), `lacks "submit"`) {
		t.Errorf("a language file that lacks a text: %v", err)
	}
}

func TestTimesAgoAndSchemesInWords(t *testing.T) {
	text := english(t)
	for since, want := range map[time.Duration]string{0: "less than an hour ago", 59 * time.Minute: "less than an hour ago",
		time.Hour:      "1 hour ago",
		23 * time.Hour: "23 hours ago", 24 * time.Hour: "yesterday", 47 * time.Hour: "yesterday", 48 * time.Hour: "2 days ago",
		2000 * time.Hour: "83 days ago"} {
		if got, err := text.ago(since); err != nil || got != want {
			t.Errorf("%v: %q, %v", since, got, err)
		}
	}
	for id, want := range map[string]string{"ny-risk-level": "New York risk level", "ga-leveling": "Georgia level",
		"ca-risk-score": "California risk score",
		"dc-class":      "District of Columbia class", "something-else": "something else"} {
		if got := text.scheme(id); got != want {
			t.Errorf("%s: %q", id, got)
		}
	}
}

func TestTermsAreAList(t *testing.T) {
	terms := termsOf(keys.Terms)
	if len(terms.Points) < 6 || !strings.HasPrefix(terms.Title, "Terms for holders") ||
		strings.Contains(strings.Join(terms.Points, ""), "\n") {
		t.Errorf("%q has %d points", terms.Title, len(terms.Points))
	}
	words := strings.Fields(keys.Terms)
	for _, w := range strings.Fields(terms.Title + " " + strings.Join(terms.Points, " ")) {
		if at := slices.Index(words, w); at >= 0 {
			words = slices.Delete(words, at, at+1)
		}
	}
	if left := strings.Trim(strings.Join(words, ""), "0123456789."); left != "" {
		t.Errorf("of the terms these words are lost: %s", left)
	}
}
