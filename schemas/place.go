package schemas

import (
	"maps"
	"slices"
	"strconv"
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

// abbreviated are the states as they were abbreviated before the two letters, without points: the Government Publishing Office's
// Style Manual, with what the Associated Press and older police records write instead.
var abbreviated = map[string]string{
	"ALA": "AL", "ARIZ": "AZ", "ARK": "AR", "CALIF": "CA", "CAL": "CA", "COLO": "CO", "CONN": "CT", "DEL": "DE", "FLA": "FL",
	"ILL": "IL", "IND": "IN", "KANS": "KS", "KAN": "KS", "MASS": "MA", "MICH": "MI", "MINN": "MN", "MISS": "MS", "MONT": "MT",
	"NEBR": "NE", "NEB": "NE", "NEV": "NV", "N MEX": "NM", "N DAK": "ND", "S DAK": "SD", "OKLA": "OK", "ORE": "OR", "OREG": "OR",
	"PENN": "PA", "PENNA": "PA", "TENN": "TN", "TEX": "TX", "WASH": "WA", "W VA": "WV", "WIS": "WI", "WISC": "WI", "WYO": "WY",
	"WASHINGTON DC": "DC", "VIRGIN ISLANDS": "VI", "US VIRGIN ISLANDS": "VI", "USVI": "VI", "CNMI": "MP",
	"COMMONWEALTH OF THE NORTHERN MARIANA ISLANDS": "MP", "COMMONWEALTH OF PUERTO RICO": "PR",
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
// full name or as it used to be abbreviated, in any letter case.
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
	code, ok = abbreviated[strings.Join(strings.Fields(strings.NewReplacer(".", " ", ",", " ").Replace(strings.ToUpper(text))), " ")]
	if !ok { // D.C., N.Y., U.S.V.I.
		code = strings.ToUpper(strings.ReplaceAll(text, ".", ""))
		if ok = states[code] != ""; !ok {
			code, ok = abbreviated[code]
		}
	}
	return code, ok
}

// zips are the first three digits of ZIP codes by state: pairs of the first and the last prefix of a
// range. Source: the Postal Service's list of three-digit prefixes. Military mail (APO, FPO) is nowhere.
var zips = map[string][]int{
	"AL": {350, 352, 354, 369}, "AK": {995, 999}, "AZ": {850, 853, 855, 857, 859, 860, 863, 865}, "AR": {716, 729},
	"CA": {900, 908, 910, 928, 930, 961},
	"CO": {800, 816}, "CT": {60, 62, 64, 69}, "DE": {197, 199}, "DC": {200, 200, 202, 205},
	"FL": {320, 339, 341, 342, 344, 344, 346, 347, 349, 349},
	"GA": {300, 319, 398, 399}, "HI": {967, 968}, "ID": {832, 838}, "IL": {600, 620, 622, 629}, "IN": {460, 479}, "IA": {500, 516, 520, 528},
	"KS": {660, 662, 664, 679}, "KY": {400, 418, 420, 427}, "LA": {700, 701, 703, 708, 710, 714}, "ME": {39, 49}, "MD": {206, 212, 214, 219},
	"MA": {10, 27}, "MI": {480, 499}, "MN": {550, 551, 553, 567}, "MS": {386, 397}, "MO": {630, 631, 633, 641, 644, 658}, "MT": {590, 599},
	"NE": {680, 681, 683, 693}, "NV": {889, 891, 893, 895, 897, 898}, "NH": {30, 38}, "NJ": {70, 89}, "NM": {870, 871, 873, 884},
	"NY": {5, 5, 100, 149}, "NC": {270, 289}, "ND": {580, 588}, "OH": {430, 459}, "OK": {730, 731, 734, 741, 743, 749}, "OR": {970, 979},
	"PA": {150, 196}, "PR": {6, 7, 9, 9}, "RI": {28, 29}, "SC": {290, 299}, "SD": {570, 577}, "TN": {370, 385},
	"TX": {733, 733, 750, 799, 885, 885},
	"UT": {840, 847}, "VT": {50, 54, 56, 59}, "VA": {201, 201, 220, 246}, "VI": {8, 8}, "WA": {980, 986, 988, 994}, "WV": {247, 268},
	"WI": {530, 532, 534, 535, 537, 549}, "WY": {820, 831}, "GU": {969, 969},
}

// StateOfZip is the code of the state that a ZIP code lies in, "" for none known. A few ZIP codes at
// borders serve two states.
func StateOfZip(zip string) string {
	if len(zip) < 5 {
		return ""
	}
	switch { // among Hawaii's and Guam's prefixes
	case strings.HasPrefix(zip, "96799"):
		return "AS"
	case strings.HasPrefix(zip, "9695"):
		return "MP"
	}
	prefix, err := strconv.Atoi(zip[:3])
	if err != nil {
		return ""
	}
	for code, ranges := range zips {
		for i := 0; i+1 < len(ranges); i += 2 {
			if prefix >= ranges[i] && prefix <= ranges[i+1] {
				return code
			}
		}
	}
	return ""
}
