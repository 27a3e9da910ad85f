package definition

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
)

func TestDate(t *testing.T) {
	tests := []struct {
		text    string
		formats Texts
		want    string // "" for not understood
	}{
		{"01/02/1970", Texts{"m/d/Y"}, "1970-01-02"},
		{"1/2/1970", Texts{"m/d/Y"}, "1970-01-02"},
		{"01-02-1970", Texts{"m/d/Y", "m-d-Y"}, "1970-01-02"},
		{"19700102", Texts{"Ymd"}, "1970-01-02"},
		{"January 2, 1970", Texts{"Month d, Y"}, "1970-01-02"},
		{"Jan 2, 1970", Texts{"Month d, Y"}, "1970-01-02"},
		{"1970-01-02T00:00:00", Texts{"iso"}, "1970-01-02"},
		{"/Date(86400000)/", Texts{"ms"}, "1970-01-02"},
		{"-86400000", Texts{"ms"}, "1969-12-31"},
		{"1970", Texts{"Y"}, "1970"},
		{"03/1970", Texts{"m/Y"}, "1970-03"},
		{"01/02/1970 01/02/1970", Texts{"m/d/Y"}, "1970-01-02"},
		{"01/02/1970 01/03/1970", Texts{"m/d/Y"}, ""},
		{"13/02/1970", Texts{"m/d/Y"}, ""},
		{"02/30/1970", Texts{"m/d/Y"}, ""},
		{"01/02/70", Texts{"m/d/Y"}, ""},
		{"01/02/0001", Texts{"m/d/Y"}, ""},
		{"01/02/1970", Texts{"Y"}, ""},
	}
	for _, test := range tests {
		got, ok := date(test.text, test.formats)
		if !ok {
			got = schemas.Date{}
		}
		if got.String() != test.want {
			t.Errorf("%q in %v: %q, want %q", test.text, test.formats, got, test.want)
		}
	}
}

func TestHeights(t *testing.T) {
	tests := []struct {
		format, text string
		want         int // -1 for not understood
	}{
		{"feet_inches", `5'11"`, 71}, {"feet_inches", `5' 08"`, 68}, {"feet_inches", "5 ft 07 in", 67}, {"feet_inches", "5 Feet 08 Inches", 68},
		{"feet_inches", "6'", 72}, {"feet_inches", "5’ 9”", 69}, {"feet_inches", "5' 12\"", -1}, {"feet_inches", "511", -1},
		{"feet100", "511", 71}, {"feet100", "600", 72}, {"feet100", "512", -1}, {"feet100", `5'11"`, -1},
		{"inches", "71", 71}, {"inches", "5ft", -1},
	}
	for _, test := range tests {
		got, ok := heights[test.format](test.text)
		if !ok {
			got = -1
		}
		if got != test.want {
			t.Errorf("%s %q: %d, want %d", test.format, test.text, got, test.want)
		}
	}
}

func TestName(t *testing.T) {
	tests := []struct {
		text, order string
		want        schemas.Name
	}{
		{"MADEUP, ODETTE Q", "last_comma_first", schemas.Name{First: "ODETTE", Middle: "Q", Last: "MADEUP"}},
		{"MADEUP,ODETTE", "last_comma_first", schemas.Name{First: "ODETTE", Last: "MADEUP"}},
		{"VAN MADEUP JR, ODO", "last_comma_first", schemas.Name{First: "ODO", Last: "VAN MADEUP", Suffix: "JR"}},
		{"MADEUP, ODO R III", "last_comma_first", schemas.Name{First: "ODO", Middle: "R", Last: "MADEUP", Suffix: "III"}},
		{"MADEUP, JR, ODO", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "JR"}},
		{"MADEUP, ODO V", "last_comma_first", schemas.Name{First: "ODO", Middle: "V", Last: "MADEUP"}},
		{"MADEUP", "last_comma_first", schemas.Name{Last: "MADEUP"}},
		{"Odette Q Madeup", "first_last", schemas.Name{First: "Odette", Middle: "Q", Last: "Madeup"}},
		{"Odo Madeup, Jr.", "first_last", schemas.Name{First: "Odo", Last: "Madeup", Suffix: "Jr."}},
	}
	for _, test := range tests {
		test.want.Full = test.text
		if diff := cmp.Diff(test.want, name(test.text, test.order)); diff != "" {
			t.Errorf("%q -want +got\n%s", test.text, diff)
		}
	}
}

func TestAddress(t *testing.T) {
	tests := []struct {
		text string
		want schemas.Address
	}{
		{"1 Unreal St\nNotown, NY 00001", schemas.Address{Street: "1 Unreal St", City: "Notown", State: "NY", Zip: "00001"}},
		{"1 Unreal St, Notown, NY 00001-1234", schemas.Address{Street: "1 Unreal St", City: "Notown", State: "NY", Zip: "00001"}},
		{"Notown, NY", schemas.Address{City: "Notown", State: "NY"}},
		{"somewhere near the river", schemas.Address{Raw: "somewhere near the river"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, address(test.text)); diff != "" {
			t.Errorf("%q -want +got\n%s", test.text, diff)
		}
	}
}

func TestDenied(t *testing.T) {
	for _, name := range []string{"Driver License No.", "DL_STATE", "driverlicense", "SSN", "Supervising Officer", "supervisionOfficer", "Agent Phone", "employerName",
		"Employer Name", "SCHOOL_NAME", "License Plate No.", "Victim Relation", "Relationship to Victim", "Shoe Size", "Comments", "Case Number", "inmate_id"} {
		if !denied(name) {
			t.Errorf("%q may be stored", name)
		}
	}
	for _, name := range []string{"Name", "License", "Address", "Employment Address", "Victim Age", "School", "Offense", "Status"} {
		if denied(name) {
			t.Errorf("%q may not be stored", name)
		}
	}
}

func TestRefusedPages(t *testing.T) {
	for _, page := range []string{`<div class="g-recaptcha">`, `<title>Just a moment...</title>`, `Our own gate`} {
		if refused([]byte(page), []string{"our own gate"}) == "" {
			t.Errorf("%s was read", page)
		}
	}
	if marker := refused([]byte("<h1>Results</h1>"), nil); marker != "" {
		t.Errorf("an ordinary page refused for %q", marker)
	}
}

func FuzzValues(f *testing.F) {
	f.Add("MADEUP, ODETTE JR", "5'11\"")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, order := range []string{"last_comma_first", "first_last"} {
			name(a, order)
		}
		address(a)
		for format := range dateLayouts {
			if d, ok := date(b, Texts{format}); ok {
				if again, err := schemas.ParseDate(d.String()); err != nil || again != d {
					t.Errorf("%q as %s is %v: %v", b, format, d, err)
				}
			}
		}
		for _, read := range heights {
			read(b)
		}
	})
}

func TestCase(t *testing.T) {
	d := &doc{}
	for _, test := range [][3]string{
		{"lower", "3F2A-BC", "3f2a-bc"}, {"title", "MARY-ANN O'NEIL", "Mary-Ann O'Neil"}, {"title", "ÉLODIE ÑANDÚ", "Élodie Ñandú"}, {"", "As Is", "As Is"},
	} {
		got, err := d.cleanPart(test[1], &Value{Case: test[0]})
		if err != nil || got != test[2] {
			t.Errorf("%s %q: %q, %v; want %q", test[0], test[1], got, err, test[2])
		}
	}
}
