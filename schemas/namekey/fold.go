package namekey

import (
	"cmp"
	"strings"
	"unicode"

	"lineup/schemas"
)

// accented lists the plain Latin letters, each before the accented letters that are folded into it. Registries of one
// state print accents that others leave out.
const accented = "aàáâãäåāăąǎạảấầẩẫậắằẳẵặ cçćĉċč dďđð eèéêëēĕėęěẹẻẽếềểễệ gĝğġģ hĥħ iìíîïĩīĭįıǐịỉ jĵ kķ lĺļľŀł nñńņňŋ " +
	"oòóôõöøōŏőơǒọỏốồổỗộớờởỡợ rŕŗř sśŝşšș tţťŧț uùúûüũūŭůűųưǔụủứừửữự wŵ yýÿŷỳỵỷỹ zźżž"

// plain maps accented letters to plain ones; ß, æ, œ and þ become two.
var plain = func() map[rune]string {
	m := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th"}
	for _, group := range strings.Fields(accented) {
		for _, r := range group[1:] {
			m[r] = group[:1]
		}
	}
	return m
}()

// Fold gives the form in which names are compared: lower case, without accents and
// apostrophes, every other mark (hyphen, comma, full stop) a single space. "O’Brien-Núñez, Jr."
// becomes "obrien nunez jr". Folding twice changes nothing.
func Fold(name string) string {
	if folded(name) {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	gap := false
	for _, r := range name {
		r = unicode.ToLower(r)
		switch {
		case r == '\'' || r == '’' || r == '‘' || r == '`' || r == 'ʼ' || unicode.Is(unicode.Mn, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		if r < unicode.MaxASCII {
			b.WriteByte(byte(r))
		} else if p, ok := plain[r]; ok {
			b.WriteString(p)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// folded reports whether name is one plain word already, as most that are compared are.
func folded(name string) bool {
	for i := range len(name) {
		if name[i] < 'a' || name[i] > 'z' {
			return false
		}
	}
	return true
}

// Words are the folded words of a name.
func Words(name string) []string { return strings.Fields(Fold(name)) }

// short are words that are often abbreviated when another word follows, in names of people and places.
var short = map[string]string{"saint": "st", "sainte": "ste", "mount": "mt", "fort": "ft"}

// Abbreviate replaces "saint", "mount" and "fort" before another folded word by "st", "mt" and "ft", in place, so
// that "Saint Cloud" and "St. Cloud" are equal.
func Abbreviate(words []string) []string {
	for i := range max(len(words)-1, 0) {
		words[i] = cmp.Or(short[words[i]], words[i])
	}
	return words
}

// umlauts are the German and Nordic letters that are written as two letters where they are not available.
var umlauts = strings.NewReplacer("ä", "ae", "Ä", "Ae", "ö", "oe", "Ö", "Oe", "ü", "ue", "Ü", "Ue", "ø", "oe", "Ø", "Oe", "å", "aa", "Å",
	"Aa",
	"a\u0308", "ae", "A\u0308", "Ae", "o\u0308", "oe", "O\u0308", "Oe", "u\u0308", "ue", "U\u0308", "Ue", "a\u030a", "aa", "A\u030a", "Aa")

// Spellings returns a name as it is and, if it has umlauts, with these written as two letters: registries print
// Müller, Muller (which Fold makes of it) and Mueller.
func Spellings(name schemas.Name) []schemas.Name {
	other := name
	for _, part := range []*string{&other.Full, &other.First, &other.Middle, &other.Last} {
		*part = umlauts.Replace(*part)
	}
	if other == name {
		return []schemas.Name{name}
	}
	return []schemas.Name{name, other}
}

// suffixes are the words that follow a last name without being one, with their common form.
var suffixes = map[string]string{"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr",
	"ii": "ii", "2nd": "ii", "iii": "iii", "3rd": "iii", "iv": "iv", "4th": "iv", "v": "v", "5th": "v"}

// Suffix is the common form of a generation suffix ("Jr." and "JUNIOR" are "jr"), or "".
func Suffix(word string) string { return suffixes[Fold(word)] }

// particles are the words that may stand before the rest of a last name ("de la Cruz").
var particles = map[string]bool{"de": true, "la": true, "las": true, "los": true, "del": true, "da": true, "das": true, "do": true,
	"dos": true,
	"di":  true, "du": true, "le": true, "van": true, "von": true, "der": true, "den": true, "ter": true, "ten": true, "st": true, "san": true,
	"mac": true,
	"el":  true, "al": true, "bin": true, "ibn": true, "abu": true, "y": true}
