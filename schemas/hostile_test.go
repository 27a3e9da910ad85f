package schemas

import (
	"reflect"
	"testing"
)

func TestWebLink(t *testing.T) {
	for address, want := range map[string]bool{
		"https://registry.example.test/a?b=c": true, "HTTP://registry.example.test": true, "": false, "javascript:alert(1)": false,
		"JavaScript:alert(1)": false, " javascript:alert(1)": false, "java\nscript:alert(1)": false,
		"data:text/html,x": false, "file:///etc/passwd": false,
		"//registry.example.test/": false, "/a": false, "https:alert": false, "ftp://registry.example.test/": false,
	} {
		if got := WebLink(address); got != "" != want || want && got != address {
			t.Errorf("%q: %q", address, got)
		}
	}
}

func TestRecordsAreCleaned(t *testing.T) {
	const bad, good = "A\u202eB\u2066C\x00D\x1b[2JE\u200bF\U000e0041G\ufeffH\u0085I\U000e0101\tJ\nK", "ABCD[2JEFGHI\tJ\nK"
	yes := true
	r := Record{Source: "us-zz", Key: "k\u200b", URL: "javascript:alert(1)", Name: Name{Full: bad}, Aliases: []Alias{{Name: Name{Last: bad}}},
		Marks: []string{bad}, Offenses: []Offense{{Description: bad, Charges: []Charge{{Title: bad}}}}, Predator: &yes,
		Photos: []Photo{{URL: "data:image/png;base64,", Digest: DigestOf(nil)}}, SourceFields: []Field{{Name: bad,
			Value: bad}}, Sex: Coded{Raw: bad}}
	got := r.Cleaned()
	want := Record{Source: "us-zz", Key: "k\u200b", Name: Name{Full: good}, Aliases: []Alias{{Name: Name{Last: good}}},
		Marks: []string{good}, Offenses: []Offense{{Description: good, Charges: []Charge{{Title: good}}}}, Predator: &yes,
		Photos: []Photo{{Digest: DigestOf(nil)}}, SourceFields: []Field{{Name: good, Value: good}}, Sex: Coded{Raw: good}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if r.Marks[0] != bad || r.Photos[0].URL == "" {
		t.Error("the record itself was changed")
	}
	if clean := got.Cleaned(); !reflect.DeepEqual(clean, got) {
		t.Errorf("cleaned twice: %+v", clean)
	}
}
