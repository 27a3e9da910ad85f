package notation

import (
	"regexp"
	"strings"

	"lineup/schemas"
)

// nothing are words and marks that stand where a source has nothing to say.
var nothing = regexp.MustCompile(`(?i)^(?:none|null|nil|n/?a|n\.a\.|unk|unknown|unreported|unspecified|undetermined|` +
	`not (?:available|applicable|known|reported|specified|provided|given|listed|stated|determined)|no data)?$`)

// IsNothing reports whether a text says nothing: it is empty, a mark without letters and digits, or a word that stands for nothing.
func IsNothing(text string) bool {
	text = Clean(text)
	return nothing.MatchString(strings.Trim(text, " ()[].-*")) || !Meaningful(text) && !strings.ContainsAny(text, "<>+")
}

// Sexes are the usual words and letters for a sex; "" for those that leave it unsaid.
var Sexes = map[string]string{
	"m": "male", "male": "male", "f": "female", "female": "female", "u": "", "unknown": "", "x": "",
}

// Races are the letters police records use, and the words registries print for them.
var Races = map[string]string{
	"w": "white", "b": "black", "a": "asian", "i": "american indian", "u": "unknown", "h": "hispanic", "o": "other",
	"p": "pacific islander",
}

// Colours are the three-letter codes of eyes and hair that police records use.
var Colours = map[string]string{
	"bal": "bald", "blk": "black", "bln": "blond", "blo": "blond", "blu": "blue", "bro": "brown", "grn": "green", "gry": "gray",
	"haz": "hazel", "mar": "maroon", "mul": "multicolored", "pnk": "pink", "red": "red", "sdy": "sandy", "whi": "white",
	"xxx": "unknown", "unk": "unknown",
}

// Kinds are the usual words for kinds of address.
var Kinds = map[string]string{
	"home": schemas.AddressHome, "residence": schemas.AddressHome, "residential": schemas.AddressHome, "res": schemas.AddressHome,
	"r": schemas.AddressHome, "h": schemas.AddressHome, "primary": schemas.AddressHome, "permanent": schemas.AddressHome,
	"work": schemas.AddressWork, "employment": schemas.AddressWork, "employer": schemas.AddressWork, "w": schemas.AddressWork,
	"e":      schemas.AddressWork,
	"school": schemas.AddressSchool, "s": schemas.AddressSchool, "education": schemas.AddressSchool,
	"temporary": schemas.AddressTemporary, "temp": schemas.AddressTemporary, "t": schemas.AddressTemporary,
	"transient": schemas.AddressTransient, "homeless": schemas.AddressTransient,
	"inmate": schemas.AddressInmate, "incarcerated": schemas.AddressInmate, "mailing": schemas.AddressMailing,
	"other": schemas.AddressOther, "o": schemas.AddressOther, "secondary": schemas.AddressOther,
}

// Places are streets that are really a state of affairs.
var Places = map[string]string{
	"transient": "transient", "homeless": "transient", "hmls homeless": "transient", "incarcerated": "incarcerated",
	"in custody":   "incarcerated",
	"out of state": "out_of_state", "whereabouts unknown": "unknown", "unknown": "unknown", "deported": "deported",
	"non-compliant": "non_compliant", "noncompliant": "non_compliant", "absconded": "absconded", "not reported": "unknown",
	"none": "unknown",
}
