package schemas_test

import (
	"fmt"
	"testing"

	"lineup/schemas"
)

func TestStateOfZip(t *testing.T) {
	for zip, want := range map[string]string{
		"00501": "NY", "00601": "PR", "00802": "VI", "01001": "MA", "02903": "RI", "03301": "NH", "04330": "ME", "05602": "VT", "06103": "CT",
		"07102": "NJ",
		"10001": "NY", "17101": "PA", "19901": "DE", "20001": "DC", "20105": "VA", "21401": "MD", "23219": "VA", "25301": "WV", "27601": "NC",
		"29201": "SC",
		"30303": "GA", "32301": "FL", "36104": "AL", "37201": "TN", "39201": "MS", "40601": "KY", "43215": "OH", "46204": "IN", "48933": "MI",
		"50309": "IA", "53703": "WI",
		"55101": "MN", "57501": "SD", "58501": "ND", "59601": "MT", "62701": "IL", "65101": "MO", "66603": "KS", "68502": "NE", "70802": "LA",
		"72201": "AR", "73102": "OK",
		"78701": "TX", "80202": "CO", "82001": "WY", "83702": "ID", "84111": "UT", "85001": "AZ", "87501": "NM", "89701": "NV", "95814": "CA",
		"96813": "HI", "96910": "GU",
		"97301": "OR", "98501": "WA", "99801": "AK", "96799": "AS", "96950": "MP", "00001": "", "34002": "", "1234": "", "abcde": "",
	} {
		if got := schemas.StateOfZip(zip); got != want {
			t.Errorf("%s: %q, want %q", zip, got, want)
		}
	}
	seen := map[string]bool{}
	for prefix := range 1000 {
		seen[schemas.StateOfZip(fmt.Sprintf("%03d01", prefix))] = true
	}
	for _, s := range schemas.States() {
		if !seen[s.Code] && s.Code != "AS" && s.Code != "MP" { // share Guam's prefix
			t.Errorf("no ZIP code of %s", s.Name)
		}
	}
}
