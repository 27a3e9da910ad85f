package notation

import (
	"regexp"
	"slices"
	"strings"

	"lineup/schemas"
)

// suffixes are what may stand behind a name: Roman and English ordinals, and words.
var suffixes = regexp.MustCompile(`(?i)^(jr|sr|jnr|snr|junior|senior|esq|esquire|i{2,3}|iv|v|vi{1,3}|ix|\d*(?:1st|2nd|3rd|[0-9]th))\.?$`)

// onlySuffix are suffixes that nobody is called by: a name of nothing else is no name. Junior, V
// and Vi are names too.
var onlySuffix = regexp.MustCompile(`(?i)^(jr|sr|jnr|snr|esq|i{2,3}|iv|vi{2,3}|ix|\d*(?:1st|2nd|3rd|[0-9]th))\.?$`)

// noName are texts that stand where a name is missing.
var noName = regexp.MustCompile(`(?i)^(none reported.*|no name.*|name unknown|alias:?|otherdob,?.*|ssn,?.*|moniker,?.*)$`)

// noMiddle is what police records write for somebody who has no middle name.
var noMiddle = regexp.MustCompile(`(?i)^(nmn|nmi|no middle(?: name| initial)?)$`)

// titles are what may stand before a name.
var titles = regexp.MustCompile(`(?i)^(mr|mrs|ms|miss|dr|rev)\.?$`)

// IsNoName reports whether a name names nobody: nothing, a word that stands for nothing, or suffixes alone.
func IsNoName(full string) bool {
	full = strings.Trim(full, " ,.")
	return IsNothing(full) || noName.MatchString(full) || allSuffixes(strings.Fields(strings.ReplaceAll(full, ",", " ")))
}

func allSuffixes(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !onlySuffix.MatchString(word) })
}

// SplitName takes a name apart by the order it is written in.
func SplitName(text, order string) schemas.Name {
	out := splitName(text, order)
	out.Middle = middle(out.Middle)
	return out
}

// Columns puts in its place what a table's columns of a name have elsewhere: "MADEUP JR" as a last name with no suffix beside it, or with
// the same one; "JR" alone as a last or middle name; NMN for no middle name.
func Columns(n schemas.Name) schemas.Name {
	last := strings.Fields(strings.ReplaceAll(n.Last, ",", " "))
	if end := len(last) - 1; end > 0 && n.Suffix != "" && strings.EqualFold(strings.Trim(last[end], "."), strings.Trim(n.Suffix, ".")) {
		last = last[:end]
	}
	n.Last, n.Suffix = takeSuffix(last, n.Suffix)
	n.Middle = middle(n.Middle)
	for _, part := range []*string{&n.Last, &n.Middle, &n.First} {
		words := strings.Fields(*part)
		end := len(words) - 1
		if n.Suffix == "" && end >= 0 && (end > 0 || part != &n.First) && onlySuffix.MatchString(words[end]) {
			*part, n.Suffix = strings.TrimRight(strings.Join(words[:end], " "), ","), words[end]
		}
	}
	return n
}

// middle is a middle name, or nothing where it says that there is none.
func middle(text string) string {
	bare := strings.Trim(text, " ()[].-")
	if IsNothing(text) || noMiddle.MatchString(bare) {
		return ""
	}
	return text
}

func splitName(text, order string) schemas.Name {
	text = Clean(strings.ReplaceAll(text, "\n", " "))
	out := schemas.Name{Full: text}
	switch order {
	case "last_comma_first":
		last, rest, ok := strings.Cut(text, ",")
		if !ok {
			out.Last = last
			return out
		}
		if words := strings.Fields(rest); len(words) > 0 && allSuffixes(words) { // "FIRST LAST, JR" or "LAST, JR"
			out = splitName(last+" "+rest, "first_last")
			out.Full = text
			return out
		}
		if more, again, two := strings.Cut(rest, ","); two && suffixes.MatchString(Clean(more)) {
			out.Suffix, rest = Clean(more), again // "LAST, JR, FIRST"
		}
		out.Last, out.Suffix = takeSuffix(strings.Fields(last), out.Suffix)
		first := strings.Fields(strings.ReplaceAll(rest, ",", " "))
		if n := len(first); n > 1 && out.Suffix == "" && suffixes.MatchString(first[n-1]) && first[n-1] != "V" {
			first, out.Suffix = first[:n-1], first[n-1]
		}
		if n := len(first); n > 1 && out.Suffix != "" && strings.EqualFold(first[n-1], "the") { // WENDELL THE 3RD
			first = first[:n-1]
		}
		out.Prefix, first = takeTitle(first)
		if len(first) > 0 {
			out.First, out.Middle = first[0], strings.Join(first[1:], " ")
		}
	case "comma_tells": // the one before the comma is the last name; without one it is written as it is said
		if strings.Contains(text, ",") {
			return splitName(text, "last_comma_first")
		}
		return splitName(text, "first_last")
	case "capital_last":
		if parts := strings.Fields(text); len(parts) > 2 && !isCapital(parts[0]) {
			at := len(parts)
			for at > 1 && (isCapital(parts[at-1]) || suffixes.MatchString(parts[at-1])) {
				at--
			}
			if at < len(parts) {
				out.First, out.Middle = parts[0], strings.Join(parts[1:at], " ")
				out.Last, out.Suffix = takeSuffix(parts[at:], "")
				return out
			}
		}
		return splitName(text, "first_last")
	case "first_last":
		parts := strings.Fields(strings.ReplaceAll(text, ",", " "))
		if n := len(parts); n > 2 && suffixes.MatchString(parts[n-1]) || n > 1 && onlySuffix.MatchString(parts[n-1]) {
			out.Suffix, parts = parts[n-1], parts[:n-1]
		}
		out.Prefix, parts = takeTitle(parts)
		if n := len(parts); n > 1 {
			out.First, out.Middle, out.Last = parts[0], strings.Join(parts[1:n-1], " "), parts[n-1]
		} else if n == 1 {
			out.Last = parts[0]
		}
	}
	return out
}

// takeTitle takes a title off the front of a name that has more than one word.
func takeTitle(words []string) (string, []string) {
	if len(words) > 1 && titles.MatchString(words[0]) {
		return words[0], words[1:]
	}
	return "", words
}

// isCapital reports whether a part of a name is in capitals: more than an initial, and no small letter.
func isCapital(part string) bool {
	return len(strings.Trim(part, ".'-")) > 1 && part == strings.ToUpper(part)
}

// takeSuffix takes a suffix off the end of a last name. V and Vi stay: they end last names too.
func takeSuffix(last []string, suffix string) (string, string) {
	n := len(last)
	if n > 1 && suffix == "" && suffixes.MatchString(last[n-1]) && !strings.EqualFold(last[n-1], "v") && !strings.EqualFold(last[n-1],
		"vi") {
		return strings.Join(last[:n-1], " "), last[n-1]
	}
	return strings.Join(last, " "), suffix
}
