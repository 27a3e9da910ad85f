package definition

import (
	"regexp"
	"strings"

	"lineup/schemas"
)

var sexes = map[string]string{
	"m": "male", "male": "male", "f": "female", "female": "female", "u": "", "unknown": "", "x": "",
}

// races are the letters police records use, and the words registries print for them.
var races = map[string]string{
	"w": "white", "b": "black", "a": "asian", "i": "american indian", "u": "unknown", "h": "hispanic", "o": "other", "p": "pacific islander",
}

// colours are the three-letter codes of eyes and hair that police records use.
var colours = map[string]string{
	"bal": "bald", "blk": "black", "bln": "blond", "blo": "blond", "blu": "blue", "bro": "brown", "grn": "green", "gry": "gray",
	"haz": "hazel", "mar": "maroon", "mul": "multicolored", "pnk": "pink", "red": "red", "sdy": "sandy", "whi": "white",
	"xxx": "unknown", "unk": "unknown",
}

// statuses are the words a definition's status map may map to.
var statuses = map[string]bool{
	schemas.StatusRegistered: true, schemas.StatusIncarcerated: true, schemas.StatusSupervised: true, schemas.StatusCommitted: true,
	schemas.StatusAbsconded: true, schemas.StatusNonCompliant: true, schemas.StatusNonResident: true, schemas.StatusPending: true,
	schemas.StatusMoved: true, schemas.StatusDeported: true, schemas.StatusDeceased: true, "": true,
}

// kinds are the usual words for kinds of address.
var kinds = map[string]string{
	"home": schemas.AddressHome, "residence": schemas.AddressHome, "residential": schemas.AddressHome, "res": schemas.AddressHome,
	"r": schemas.AddressHome, "h": schemas.AddressHome, "primary": schemas.AddressHome, "permanent": schemas.AddressHome,
	"work": schemas.AddressWork, "employment": schemas.AddressWork, "employer": schemas.AddressWork, "w": schemas.AddressWork, "e": schemas.AddressWork,
	"school": schemas.AddressSchool, "s": schemas.AddressSchool, "education": schemas.AddressSchool,
	"temporary": schemas.AddressTemporary, "temp": schemas.AddressTemporary, "t": schemas.AddressTemporary,
	"transient": schemas.AddressTransient, "homeless": schemas.AddressTransient,
	"inmate": schemas.AddressInmate, "incarcerated": schemas.AddressInmate, "mailing": schemas.AddressMailing,
	"other": schemas.AddressOther, "o": schemas.AddressOther, "secondary": schemas.AddressOther,
}

// places are streets that are really a state of affairs.
var places = map[string]string{
	"transient": "transient", "homeless": "transient", "hmls homeless": "transient", "incarcerated": "incarcerated", "in custody": "incarcerated",
	"out of state": "out_of_state", "whereabouts unknown": "unknown", "unknown": "unknown", "deported": "deported",
	"non-compliant": "non_compliant", "noncompliant": "non_compliant", "absconded": "absconded", "not reported": "unknown", "none": "unknown",
}

// deny are the fields that sites publish and that are never stored, by the names they go under
// (registries.md §7). A definition that reads one does not load.
var deny = regexp.MustCompile(`(?i)(driver'?s?[ -]*licen[cs]e|\bdl[ ]?(no|num|number|state)\b|\b(dln|oln)\b|operator'?s?[ -]*licen[cs]e|\bssn\b|social security|` +
	`\bdna\b|finger ?print|palm ?print|biometric|professional licen[cs]e|officer|supervis(?:ing|ion) (agent|agency)|\bsupervisor\b|^agents?$|agent (name|phone|contact)|` +
	`employers? ?name|name of employer|\bemployer$|schools? ?name|name of school|clothing|shoe ?size|plate\b|plate ?(no|num|number|state)|` +
	`probation conditions?|special conditions|\bcomments?\b|\bremarks?\b|victim ?(name|relation)|relation(ship)? to victim|` +
	`inmate ?(id|number|num|no)\b|doc ?num|corrections ?(number|no)\b|(case|docket|cause) ?(number|num|no)\b|phone)`)

// plainName takes out of a name what only programs put there.
var plainName = strings.NewReplacer("_", " ", ".", " ", "/", " ", "[*]", "")

var humps = regexp.MustCompile(`([a-z])([A-Z])`)

// denied reports whether name is that of a field that is never stored.
func denied(name string) bool {
	return deny.MatchString(plainName.Replace(humps.ReplaceAllString(name, "$1 $2")))
}

// blocks are texts of pages that mean a site refuses automated reading. They are looked for in
// small pages and in what a page asks its reader to do, so a registry that merely names its
// protection in a footer is not taken for one.
var blocks = []string{
	"g-recaptcha", "h-captcha", "cf-turnstile", "cf-chl-", "challenge-platform", "captcha-delivery.com", "datadome", "perfdrive.com", "shieldsquare",
	"_incapsula_resource", "botdetect", "attention required! | cloudflare", "just a moment...", "access denied", "request rejected",
	"unusual traffic", "verify you are human", "please enable cookies", "you have been logged out", "your session has expired",
}

// refused gives the marker of a refusal in body, or "".
func refused(body []byte, more []string) string {
	text := strings.ToLower(string(body[:min(len(body), 256<<10)]))
	for _, marker := range append(append([]string{}, blocks...), more...) {
		if strings.Contains(text, strings.ToLower(marker)) {
			return marker
		}
	}
	return ""
}
