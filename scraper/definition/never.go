package definition

import (
	"regexp"
	"strings"
)

// deny are the fields that sites publish and that are never stored, by the names they go under: what tells of victims,
// officers, employers and schools, numbers that open other files, and what is not needed to know a person again. A
// definition that reads one does not load.
var deny = regexp.MustCompile(`(?i)(driver'?s?[ -]*licen[cs]e|\bdl[ ]?(no|num|number|state)\b|\b(dln|oln)\b|operator'?s?[ -]*licen[cs]e|` +
	`\bssn\b|social security|` +
	`\bdna\b|finger ?print|palm ?print|biometric|professional licen[cs]e|officer|supervis(?:ing|ion) (agent|agency)|\bsupervisor\b|` +
	`^agents?$|agent (name|phone|contact)|` +
	`employers? ?name|name of employer|\bemployer$|schools? ?name|name of school|clothing|shoe ?size|plate\b|plate ?(no|num|number|state)|` +
	`probation conditions?|special conditions|\bcomments?\b|\bremarks?\b|victim ?(name|relation)|relation(ship)? to victim|` +
	`inmate ?(id|number|num|no)\b|doc ?num|corrections ?(number|no)\b|(case|docket|cause) ?(number|num|no)\b|phone)`)

// plainName takes out of a name what only programs put there.
var plainName = strings.NewReplacer("_", " ", ".", " ", "/", " ", "[*]", "")

var humps = regexp.MustCompile(`([a-z])([A-Z])`)

// Denied reports whether name is that of a field that is never stored.
func Denied(name string) bool {
	return deny.MatchString(plainName.Replace(humps.ReplaceAllString(name, "$1 $2")))
}
