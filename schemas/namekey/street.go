package namekey

import (
	"cmp"
	"strings"

	"lineup/schemas"
)

// streetTypes are the abbreviations that registries use in addresses, by the long form.
var streetTypes = map[string]string{
	"street": "st", "road": "rd", "avenue": "ave", "av": "ave", "drive": "dr", "lane": "ln", "boulevard": "blvd", "court": "ct",
	"place": "pl", "terrace": "ter", "highway": "hwy", "parkway": "pkwy", "circle": "cir", "square": "sq", "trail": "trl",
	"route": "rte", "north": "n", "south": "s", "east": "e", "west": "w", "northeast": "ne", "northwest": "nw",
	"southeast": "se", "southwest": "sw", "apartment": "apt", "suite": "ste", "unit": "apt",
}

// common are the words that many streets share.
var common = func() map[string]bool {
	all := map[string]bool{}
	for _, types := range []map[string]string{streetTypes, short} {
		for _, word := range types {
			all[word] = true
		}
	}
	return all
}()

// maxStreetWords bounds the words of an address that are looked at.
const maxStreetWords = 16

// StreetWords are the folded words of an address in their order, with street types and points of
// the compass abbreviated: "1 Main Street" and "1 MAIN ST." are the same.
func StreetWords(address string) []string {
	words := Words(address)
	words = words[:min(len(words), maxStreetWords)]
	for i, w := range words {
		words[i] = cmp.Or(streetTypes[w], short[w], w)
	}
	return words
}

// StreetKeys are the keys to look up for an address that has at least one word of the street, and
// perhaps city, state and ZIP behind it: a record with all its words in one address, and its house
// number if it begins with one, has at least one of them. None without words.
func StreetKeys(address string) []string {
	k := set{}
	words := StreetWords(address)
	if len(words) == 0 {
		return nil
	}
	number := ""
	if isNumber(words[0]) && len(words) > 1 {
		number, words = words[0]+" ", words[1:]
	}
	k.add("a", number+words[0]) // "Court Street" has no telling word
	for _, w := range telling(words) {
		k.add("a", number+w)
	}
	return k.sorted()
}

// street adds the keys of a record's address.
func (k set) street(a schemas.Address) {
	words := StreetWords(cmp.Or(a.Street, a.Raw))
	if len(words) > 1 && isNumber(words[0]) {
		for _, w := range words[1:] {
			k.add("a", words[0]+" "+w)
		}
		words = words[1:]
	}
	for _, w := range telling(words) {
		k.add("a", w)
	}
}

// telling are the words that few streets share, or all of them when there are no such words.
func telling(words []string) []string {
	var kept []string
	for _, w := range words {
		if !common[w] && len(w) <= maxWordBytes {
			kept = append(kept, w)
		}
	}
	if kept == nil {
		return words
	}
	return kept
}

func isNumber(word string) bool { return strings.Trim(word, "0123456789") == "" }
