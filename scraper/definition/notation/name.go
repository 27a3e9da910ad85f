package notation

import (
	"regexp"
	"strings"

	"lineup/schemas"
)

// suffixes are what may stand behind a name: Roman and English ordinals, and words.
var suffixes = regexp.MustCompile(`(?i)^(jr|sr|junior|senior|esq|esquire|i{2,3}|iv|v|vi{1,3}|ix|2nd|3rd|[4-9]th)\.?$`)

// onlySuffix are suffixes that nobody is called by: a name of nothing else is no name. Junior, V
// and Vi are names too.
var onlySuffix = regexp.MustCompile(`(?i)^(jr|sr|esq|i{2,3}|iv|vi{2,3}|ix|2nd|3rd|[4-9]th)\.?$`)

// noName are texts that stand where a name is missing.
var noName = regexp.MustCompile(`(?i)^(none|unknown|null|n/a|none reported.*|alias:?|otherdob,?.*|ssn,?.*|moniker,?.*)$`)

// IsNoName reports whether a name names nobody: nothing, a word that stands for nothing, or a suffix alone.
func IsNoName(full string) bool {
	full = strings.Trim(full, " ,.")
	return full == "" || noName.MatchString(full) || onlySuffix.MatchString(full)
}

// SplitName takes a name apart by the order it is written in.
func SplitName(text, order string) schemas.Name {
	text = Clean(strings.ReplaceAll(text, "\n", " "))
	out := schemas.Name{Full: text}
	switch order {
	case "last_comma_first":
		last, rest, ok := strings.Cut(text, ",")
		if !ok {
			out.Last = last
			return out
		}
		if more, again, two := strings.Cut(rest, ","); two && suffixes.MatchString(Clean(more)) {
			out.Suffix, rest = Clean(more), again // "LAST, JR, FIRST"
		}
		out.Last, out.Suffix = TakeSuffix(strings.Fields(last), out.Suffix)
		first := strings.Fields(strings.ReplaceAll(rest, ",", " "))
		if n := len(first); n > 1 && out.Suffix == "" && suffixes.MatchString(first[n-1]) && first[n-1] != "V" {
			first, out.Suffix = first[:n-1], first[n-1]
		}
		if len(first) > 0 {
			out.First, out.Middle = first[0], strings.Join(first[1:], " ")
		}
	case "first_last":
		parts := strings.Fields(strings.ReplaceAll(text, ",", " "))
		if n := len(parts); n > 2 && suffixes.MatchString(parts[n-1]) {
			out.Suffix, parts = parts[n-1], parts[:n-1]
		}
		if n := len(parts); n > 1 {
			out.First, out.Middle, out.Last = parts[0], strings.Join(parts[1:n-1], " "), parts[n-1]
		} else if n == 1 {
			out.Last = parts[0]
		}
	}
	return out
}

// TakeSuffix takes a suffix off the end of a last name. V and Vi stay: they end last names too.
func TakeSuffix(last []string, suffix string) (string, string) {
	n := len(last)
	if n > 1 && suffix == "" && suffixes.MatchString(last[n-1]) && !strings.EqualFold(last[n-1], "v") && !strings.EqualFold(last[n-1],
		"vi") {
		return strings.Join(last[:n-1], " "), last[n-1]
	}
	return strings.Join(last, " "), suffix
}
