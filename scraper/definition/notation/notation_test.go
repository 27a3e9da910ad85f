package notation

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lineup/schemas"
)

func TestDate(t *testing.T) {
	tests := []struct {
		text    string
		formats []string
		want    string // "" for not understood
	}{
		{"01/02/1970", []string{"m/d/Y"}, "1970-01-02"},
		{"1/2/1970", []string{"m/d/Y"}, "1970-01-02"},
		{"01-02-1970", []string{"m/d/Y", "m-d-Y"}, "1970-01-02"},
		{"19700102", []string{"Ymd"}, "1970-01-02"},
		{"January 2, 1970", []string{"Month d, Y"}, "1970-01-02"},
		{"Jan 2, 1970", []string{"Month d, Y"}, "1970-01-02"},
		{"1970-01-02T00:00:00", []string{"iso"}, "1970-01-02"},
		{"/Date(86400000)/", []string{"ms"}, "1970-01-02"},
		{"-86400000", []string{"ms"}, "1969-12-31"},
		{"1970", []string{"Y"}, "1970"},
		{"03/1970", []string{"m/Y"}, "1970-03"},
		{"01/02/1970 01/02/1970", []string{"m/d/Y"}, "1970-01-02"},
		{"01/02/1970 01/03/1970", []string{"m/d/Y"}, ""},
		{"13/02/1970", []string{"m/d/Y"}, ""},
		{"02/30/1970", []string{"m/d/Y"}, ""},
		{"1970-01-02 00:00:00.000", []string{"Y-m-d"}, "1970-01-02"},
		{"1/2/1970 12:00:00 AM", []string{"m/d/Y"}, "1970-01-02"},
		{"1970-01-02T05:00:00Z", []string{"iso"}, "1970-01-02"},
		{"1970-01-02T05:00:00-05:00", []string{"iso"}, "1970-01-02"},
		{"2-Jan-1970", []string{"d Month Y"}, "1970-01-02"},
		{"02 SEPT 1970", []string{"d Month Y"}, "1970-09-02"},
		{"2 January, 1970", []string{"d Month Y"}, "1970-01-02"},
		{"02/01/1970", []string{"d/m/Y"}, "1970-01-02"},
		{"02.01.1970", []string{"d.m.Y"}, "1970-01-02"},
		{"2/Jan/1970", []string{"d/Month/Y"}, "1970-01-02"},
		{"2-Jan-1970", []string{"d-Month-Y"}, "1970-01-02"},
		{"1970 January 2", []string{"Y Month d"}, "1970-01-02"},
		{"January 1970", []string{"Month Y"}, "1970-01"},
		{"02011970", []string{"dmY"}, "1970-01-02"},
		{"01/02/1970", []string{"d, Month"}, ""},
		{"25570", []string{"m/d/Y"}, "1970-01-02"},
		{"25570.5", []string{"Y-m-d"}, "1970-01-02"},
		{"25570", nil, ""},
		{"1970-01-02", []string{"m/d/Y"}, "1970-01-02"},
		{"1970-01-02T00:00:00.000Z", []string{"d.m.Y"}, "1970-01-02"},
		{"1970/01/02", []string{"m/d/Y"}, "1970-01-02"},
		{"02-JAN-70", []string{"m/d/Y"}, "1970-01-02"},
		{"January 2nd, 1970", []string{"Ymd"}, "1970-01-02"},
		{"1970-01-02", nil, ""},
		{"01/01/1900", []string{"m/d/Y"}, ""},
		{"1900-01-01T00:00:00", []string{"iso"}, ""},
		{"0000-00-00", []string{"Y-m-d"}, ""},
		{"0001-01-01T00:00:00", []string{"iso"}, ""},
		{"01/02/0001", []string{"m/d/Y"}, ""},
		{"01/02/1970", []string{"Y"}, ""},
	}
	for _, test := range tests {
		got, ok := ParseDay(test.text, test.formats)
		if !ok {
			got = Day{}
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
		{"feet_inches", `5'11"`, 71}, {"feet_inches", `5' 08"`, 68}, {"feet_inches", "5 ft 07 in", 67}, {"feet_inches", "5 Feet 08 Inches",
			68},
		{"feet_inches", "6'", 72}, {"feet_inches", "5’ 9”", 69}, {"feet_inches", "5' 12\"", -1}, {"feet_inches", "511", -1},
		{"feet100", "511", 71}, {"feet100", "600", 72}, {"feet100", "512", -1}, {"feet100", `5'11"`, -1},
		{"inches", "71", 71}, {"inches", "71 in", 71}, {"inches", "5ft", -1}, {"feet_inches", "5-11", 71},
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
		{"MADEUP, ODO JUNIOR", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "JUNIOR"}},
		{"MADEUP, JUNIOR", "last_comma_first", schemas.Name{First: "JUNIOR", Last: "MADEUP"}},
		{"MADEUP 2ND, ODO", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "2ND"}},
		{"MADEUP, ODO VI", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "VI"}},
		{"Odo Q Madeup Esq", "first_last", schemas.Name{First: "Odo", Middle: "Q", Last: "Madeup", Suffix: "Esq"}},
		{"Odo Q Madeup 3rd", "first_last", schemas.Name{First: "Odo", Middle: "Q", Last: "Madeup", Suffix: "3rd"}},
		{"MADEUP", "last_comma_first", schemas.Name{Last: "MADEUP"}},
		{"Odette Q Madeup", "first_last", schemas.Name{First: "Odette", Middle: "Q", Last: "Madeup"}},
		{"Odette Jo MADEUP", "capital_last", schemas.Name{First: "Odette", Middle: "Jo", Last: "MADEUP"}},
		{"Odette J DE LA MADEUP", "capital_last", schemas.Name{First: "Odette", Middle: "J", Last: "DE LA MADEUP"}},
		{"Odo MADEUP JR", "capital_last", schemas.Name{First: "Odo", Last: "MADEUP", Suffix: "JR"}},
		{"ODO J MADEUP", "capital_last", schemas.Name{First: "ODO", Middle: "J", Last: "MADEUP"}},
		{"Odo MADEUP", "capital_last", schemas.Name{First: "Odo", Last: "MADEUP"}},
		{"Odo O'MADEUP-SAMPLE", "capital_last", schemas.Name{First: "Odo", Last: "O'MADEUP-SAMPLE"}},
		{"Odo Madeup", "comma_tells", schemas.Name{First: "Odo", Last: "Madeup"}},
		{"MADEUP, ODO Q", "comma_tells", schemas.Name{First: "ODO", Middle: "Q", Last: "MADEUP"}},
		{"MADEUP, ODO THE 3RD", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "3RD"}},
		{"MADEUP, ODO 1ST", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "1ST"}},
		{"MADEUP, ODO SNR", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "SNR"}},
		{"ODO Q MADEUP, JR.", "last_comma_first", schemas.Name{First: "ODO", Middle: "Q", Last: "MADEUP", Suffix: "JR."}},
		{"MADEUP, JR", "last_comma_first", schemas.Name{Last: "MADEUP", Suffix: "JR"}},
		{"Madeup Jr", "first_last", schemas.Name{Last: "Madeup", Suffix: "Jr"}},
		{"Odo V", "first_last", schemas.Name{First: "Odo", Last: "V"}},
		{"Mr. Odo Madeup", "first_last", schemas.Name{Prefix: "Mr.", First: "Odo", Last: "Madeup"}},
		{"MADEUP, DR. ODO Q", "last_comma_first", schemas.Name{Prefix: "DR.", First: "ODO", Middle: "Q", Last: "MADEUP"}},
		{"Odo Madeup, Jr.", "first_last", schemas.Name{First: "Odo", Last: "Madeup", Suffix: "Jr."}},
		{"MADEUP, ODO NMN", "last_comma_first", schemas.Name{First: "ODO", Last: "MADEUP"}},
		{"Odo (NMN) Madeup", "first_last", schemas.Name{First: "Odo", Last: "Madeup"}},
	}
	for _, test := range tests {
		test.want.Full = test.text
		if diff := cmp.Diff(test.want, SplitName(test.text, test.order)); diff != "" {
			t.Errorf("%q -want +got\n%s", test.text, diff)
		}
	}
}

// TestNameColumns: tables of people put suffixes and words for nothing where the next column should have them.
func TestNameColumns(t *testing.T) {
	for _, test := range []struct{ got, want schemas.Name }{
		{schemas.Name{First: "ODO", Last: "MADEUP JR"}, schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "JR"}},
		{schemas.Name{First: "ODO", Last: "MADEUP, JR."}, schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "JR."}},
		{schemas.Name{First: "ODO", Last: "MADEUP JR", Suffix: "Jr."}, schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "Jr."}},
		{schemas.Name{First: "ODO", Last: "JR"}, schemas.Name{First: "ODO", Suffix: "JR"}},
		{schemas.Name{First: "ODO", Middle: "Q III", Last: "MADEUP"}, schemas.Name{First: "ODO", Middle: "Q", Last: "MADEUP", Suffix: "III"}},
		{schemas.Name{First: "ODO", Middle: "SR", Last: "MADEUP"}, schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "SR"}},
		{schemas.Name{First: "ODO 2ND", Last: "MADEUP"}, schemas.Name{First: "ODO", Last: "MADEUP", Suffix: "2ND"}},
		{schemas.Name{First: "ODO", Middle: "NMN", Last: "MADEUP"}, schemas.Name{First: "ODO", Last: "MADEUP"}},
		{schemas.Name{First: "ODO", Middle: "N/A", Last: "DE LA MADEUP"}, schemas.Name{First: "ODO", Last: "DE LA MADEUP"}},
		{schemas.Name{First: "JUNIOR", Middle: "V", Last: "MADEUP VI"}, schemas.Name{First: "JUNIOR", Middle: "V", Last: "MADEUP VI"}},
	} {
		if diff := cmp.Diff(test.want, Columns(test.got)); diff != "" {
			t.Errorf("%+v -want +got\n%s", test.got, diff)
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
		{"1 Unreal St\nNotown, New Mexico 00001-1234", schemas.Address{Street: "1 Unreal St", City: "Notown", State: "NM", Zip: "00001"}},
		{"1 Unreal St\nNotown, Nowhere 00001", schemas.Address{Raw: "1 Unreal St, Notown, Nowhere 00001"}},
		{"somewhere near the river", schemas.Address{Raw: "somewhere near the river"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, SplitAddress(test.text)); diff != "" {
			t.Errorf("%q -want +got\n%s", test.text, diff)
		}
	}
}

func FuzzValues(f *testing.F) {
	f.Add("MADEUP, ODETTE JR", "5'11\"")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, order := range []string{"last_comma_first", "first_last", "capital_last", "comma_tells"} {
			SplitName(a, order)
		}
		SplitAddress(a)
		for _, format := range DateFormats {
			if d, ok := ParseDay(b, []string{format}); ok {
				if again, err := schemas.ParseDate(d.String()); err != nil || again != d.Date {
					t.Errorf("%q as %s is %v: %v", b, format, d, err)
				}
			}
		}
		for _, read := range heights {
			read(b)
		}
	})
}
