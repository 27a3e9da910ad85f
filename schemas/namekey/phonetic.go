package namekey

import "strings"

// Phonetic is the sound of one name word by the NYSIIS code (New York State Identification and
// Intelligence System; R. L. Taft, "Name Search Techniques", 1970), made to file the names of a
// state's criminal-justice records: Stephen and Steven are both "STAFAN". With two changes: a Y inside
// a word is a vowel, so Smith and Smyth are both "SNAT", and the code is kept whole, where the
// original cut it at six letters. "" for a word without a letter a-z.
func Phonetic(word string) string {
	folded := Fold(word)
	letters := make([]byte, 0, len(folded))
	for _, r := range folded {
		if r >= 'a' && r <= 'z' {
			letters = append(letters, byte(r)-'a'+'A')
		}
	}
	if len(letters) == 0 {
		return ""
	}
	w := string(letters)
	for _, p := range [][2]string{{"MAC", "MCC"}, {"KN", "NN"}, {"K", "C"}, {"PH", "FF"}, {"PF", "FF"}, {"SCH", "SSS"}} {
		if strings.HasPrefix(w, p[0]) {
			w = p[1] + w[len(p[0]):]
			break
		}
	}
	for _, p := range [][2]string{{"EE", "Y"}, {"IE", "Y"}, {"DT", "D"}, {"RT", "D"}, {"RD", "D"}, {"NT", "D"}, {"ND", "D"}} {
		if len(w) > len(p[0]) && strings.HasSuffix(w, p[0]) {
			w = w[:len(w)-len(p[0])] + p[1]
			break
		}
	}
	code := []byte{w[0]}
	in := []byte(w)
	for i := 1; i < len(in); i++ {
		for _, c := range transcode(in, i) {
			if code[len(code)-1] != c {
				code = append(code, c)
			}
		}
	}
	return ending(code)
}

// transcode rewrites in at i by the rules for letters after the first and gives what stands
// there then.
func transcode(in []byte, i int) []byte {
	rest := string(in[i:])
	put := func(s string) []byte {
		copy(in[i:], s)
		return in[i : i+1]
	}
	switch c := in[i]; {
	case strings.HasPrefix(rest, "EV"):
		return put("AF")
	case vowel(c) || c == 'Y' && i+1 < len(in):
		return put("A")
	case c == 'Q':
		return put("G")
	case c == 'Z':
		return put("S")
	case c == 'M':
		return put("N")
	case strings.HasPrefix(rest, "KN"):
		return put("NN")
	case c == 'K':
		return put("C")
	case strings.HasPrefix(rest, "SCH"):
		return put("SSS")
	case strings.HasPrefix(rest, "PH"):
		return put("FF")
	case c == 'H' && (!vowel(in[i-1]) || i+1 == len(in) || !vowel(in[i+1])):
		return put(string(in[i-1]))
	case c == 'W' && vowel(in[i-1]):
		return put(string(in[i-1]))
	}
	return in[i : i+1]
}

// ending applies the rules for the end of a code.
func ending(code []byte) string {
	s := string(code)
	if len(s) > 1 {
		s = strings.TrimSuffix(s, "S")
	}
	if len(s) > 2 && strings.HasSuffix(s, "AY") {
		s = s[:len(s)-2] + "Y"
	}
	if len(s) > 1 {
		s = strings.TrimSuffix(s, "A")
	}
	return s
}

func vowel(c byte) bool { return c == 'A' || c == 'E' || c == 'I' || c == 'O' || c == 'U' }
