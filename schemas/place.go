package schemas

import (
	"maps"
	"slices"
	"strings"
)

// states are the states, the District and the territories by their USPS code.
var states = map[string]string{
	"AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
	"CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii",
	"ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana",
	"ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
	"MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
	"NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
	"OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
	"TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
	"WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
	"AS": "American Samoa", "GU": "Guam", "MP": "Northern Mariana Islands", "PR": "Puerto Rico", "VI": "U.S. Virgin Islands",
}

// State is a state, the District or a territory.
type State struct{ Code, Name string }

// States are all of them in the order of their names.
func States() []State {
	all := make([]State, 0, len(states))
	for _, code := range slices.SortedFunc(maps.Keys(states), func(a, b string) int { return strings.Compare(states[a], states[b]) }) {
		all = append(all, State{code, states[code]})
	}
	return all
}

// StateName is the full name of a two-letter code, or text itself when it is none.
func StateName(text string) string {
	if name, ok := states[strings.ToUpper(strings.TrimSpace(text))]; ok {
		return name
	}
	return text
}

// StateCode is the two-letter code of a state, district or territory given by its code or its
// full name, in any letter case.
func StateCode(text string) (code string, ok bool) {
	text = strings.Join(strings.Fields(text), " ")
	if code = strings.ToUpper(text); states[code] != "" {
		return code, true
	}
	for code, name := range states {
		if strings.EqualFold(text, name) {
			return code, true
		}
	}
	if strings.EqualFold(text, "Virgin Islands") {
		return "VI", true
	}
	return "", false
}
