package notation

import "testing"

func TestVictimAge(t *testing.T) {
	for text, want := range map[string]string{
		"Minor (under 18)": "minor", "Under 18": "minor", "18 or under": "minor", "18 years or younger": "minor", "Juvenile": "minor",
		"Child under 18 years": "minor", "<18": "minor", "12": "minor", "12-15": "minor", "17 years": "minor", "under 13": "minor",
		"Adult": "adult", "Adult (18 and over)": "adult", "18 or older": "adult", "18+": "adult", "over 18": "adult", "Not a minor": "adult",
		"34": "adult", "18": "adult",
		"0": "", "99": "", "999": "", "Unknown": "", "under 21": "", "over 12": "", "": "",
		"Child (0-13)": "minor", "Teen (14-17)": "minor", "Teenager": "minor", "Preteen": "minor", "Youth": "minor", "Baby": "minor",
		"Young girl": "minor", "Boy": "minor", "under the age of 18": "minor", "Victim under age 18": "minor", "not over 16": "minor",
		"18 yrs or under": "minor", "up to 17": "minor", "no older than 15": "minor", "under age": "minor", "0-12 years": "minor",
		"0 to 5": "minor", "24 months": "minor", "18 mos.": "minor", "3 weeks": "minor", "17yo": "minor", "15F": "minor", "≤ 17": "minor",
		"below the age of consent": "minor", "13 - 17 yrs": "minor", "16/17": "minor", "Minor: Yes": "minor",
		"Minor: No": "adult", "not minor": "adult", "no minor": "adult", "Woman": "adult", "Elderly": "adult", "18-25": "adult",
		"at least 18": "adult", "19 yrs and up": "adult", "over 17": "adult", "Adult (18+)": "adult",
		"17+": "", "17 or older": "", "at least 17": "", "17-19": "", "12 to 20": "", "N/A": "", "none": "", "unk": "", "-": "",
		"Not available": "", "Not known": "", "Unreported": "", "Undetermined": "", "under 20": "", "under age 21": "",
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
		"6800": "06800", "68001-": "68001", "A1B": "", "68001 1234": "68001", "68001-12": "68001", "6.8001": "", "123456": ""} {
		if got := ZipCode(text); got != want {
			t.Errorf("ZIP %q is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"Nebraska": "NE", "ne": "NE", "": "", "N.Y.": "NY", "D.C.": "DC",
		"N. Carolina": "NC", "W Virginia": "WV", "US-NE": "NE", "New  Mexico": "NM", "Calif.": "CA", "FLA": "FL", "W. Va.": "WV", "N.Mex.": "NM",
		"Washington, D.C.": "DC", "U.S. Virgin Islands": "VI", "US Virgin Islands": "VI", "Penna.": "PA", "Unknown": "", "ON": "ON", "N/A": ""} {
		if got := State(text); got != want {
			t.Errorf("state %q is %q, want %q", text, got, want)
		}
	}
}

// TestAHashedKeyKeepsItsRegistrant: a source that has no ids and begins to print a birth date or a
// height in another form still lists the same people.
func TestAHashedKeyKeepsItsRegistrant(t *testing.T) {
	for _, same := range [][]string{
		{"03/09/1971", "3/9/1971", "1971-03-09", "1971/03/09", "1971-03-09T00:00:00", "9-Mar-1971"},
		{"511", "511.0", "0511.00"},
		{"MADEUP, ODO", "Madeup,  Odo"},
		{"", "01/01/1900", "01-01-1900", "1 Jan 1900"},
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

// TestNothingsOfDatabases: what a database writes where it has no date, in any form, is no date, and is not reported.
func TestNothingsOfDatabases(t *testing.T) {
	formats := []string{"m/d/Y", "m-d-Y", "Y-m-d", "d Month Y", "Month d, Y", "d.m.Y", "ms"}
	for _, text := range []string{"01-01-1900", "01.01.1900", "1 Jan 1900", "01-JAN-1900", "Jan 1, 1900", "/Date(-2208988800000)/",
		"-62135596800000", "12/31/9999 23:59:59", "31.12.9999", "99/99/9999", "0", "NULL", "N/A", "Unknown", "Not available", "-",
		"00-00-0000", "0000/00/00", "1753-01-01 00:00:00", "December 30, 1899"} {
		if got, ok := ParseDay(text, formats); !ok || !got.IsZero() {
			t.Errorf("%q is %v, %v", text, got.Date, ok)
		}
	}
}

func TestDatesAsTheyAreSaid(t *testing.T) {
	for _, text := range []string{"March 9th, 1971", "MARCH 09 1971", "9th March 1971", "9th of March 1971", "Tuesday, March 9, 1971",
		"Tue Mar 9 1971",
		"Mar. 9, 1971", "Mar-9-1971"} {
		if got, ok := ParseDay(text, []string{"Month d, Y", "d Month Y"}); !ok || got.String() != "1971-03-09" {
			t.Errorf("%q is %v, %v", text, got.Date, ok)
		}
	}
}

func TestMeasuresInOtherUnits(t *testing.T) {
	for text, want := range map[string]int{`5'11.5"`: 71, `5' 11 1/2"`: 71, "5 11": 71, `5'-11"`: 71, "5 feet, 11 inches": 71, "5`11": 71,
		"511.0": 71,
		"511":   71, "180 cm": 71, "1.80 m": 71, "71.0 in": 71, "5-11.0": 71, `5'11" tall`: 71} {
		if got, ok := Height(text, []string{"feet_inches"}); !ok || got != want {
			t.Errorf("height %q is %d, %v; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"180", "71", "5.11", "5'13", "9.0", "3 m"} {
		if got, ok := Height(text, []string{"feet_inches"}); ok {
			t.Errorf("height %q is taken for %d", text, got)
		}
	}
	if got, ok := Height("71", []string{"inches"}); !ok || got != 71 {
		t.Errorf("71 in inches is %d, %v", got, ok)
	}
	for text, want := range map[string]int{
		"190.0": 190, "190.5": 190, "190#": 190, "190 pds.": 190, "86 kg": 190, "190 lb(s)": 190, "0.0": 0} {
		if got, ok := Weight(text); !ok || got != want {
			t.Errorf("weight %q is %d, %v; want %d", text, got, ok, want)
		}
	}
}

func TestNamesThatAreNone(t *testing.T) {
	for _, text := range []string{"JR", "Sr.", ", JR", "III", "10th", "1st", "JR III", "Jnr", "UNK", "No name",
		"Name unknown", "Not available", "-", "???"} {
		if !IsNoName(text) {
			t.Errorf("%q is taken for a name", text)
		}
	}
	for _, text := range []string{"Junior", "V", "Vi", "Ix Fake", "Nulla Fake", "I"} {
		if IsNoName(text) {
			t.Errorf("%q is taken for none", text)
		}
	}
}
