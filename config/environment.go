package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// otherNames are what the program and its tests take from the environment besides settings.
var otherNames = []string{"LINEUP_CONFIG", "LINEUP_URL", "LINEUP_KEY", "LINEUP_KEY_FILE", "LINEUP_MARCH", "LINEUP_CXX",
	"LINEUP_BLAS_KERNEL", "LINEUP_BLAS_CHECK"} // the matrix library's, for itself

// otherPrefixes are those of names that only tests and benchmarks read.
var otherPrefixes = []string{"LINEUP_TEST_", "LINEUP_BENCH_", "LINEUP_SOAK_", "LINEUP_CRASH_"}

// environment reads the settings that the environment has.
func (l *loader) environment(environ []string) {
	names := make(map[string]string, len(l.scalars))
	for key := range l.scalars {
		names[environmentName(key)] = key
	}
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "LINEUP_") {
			continue
		}
		from := Origin("environment " + name)
		if key, ok := names[name]; ok {
			l.set(l.scalars[key], key, value, from)
			continue
		}
		key := names[strings.TrimSuffix(name, "_FILE")]
		if s, ok := setting(key); ok && s.Secret {
			l.fromFile(key, value, from)
			continue
		}
		if !foreign(name, value) {
			var known []string
			for name := range names { // those of secrets have another, of a file
				known = append(known, strings.TrimPrefix(name, "LINEUP_"))
				if s, ok := setting(names[name]); ok && s.Secret {
					known = append(known, strings.TrimPrefix(name, "LINEUP_")+"_FILE")
				}
			}
			like := strings.Replace(nearest(strings.TrimPrefix(name, "LINEUP_"), known), "mean ", "mean LINEUP_", 1)
			l.Warnings = append(l.Warnings, fmt.Sprintf("the environment has %s, which is no setting%s", name, like))
		}
	}
}

// foreign reports whether a name that is no setting belongs to somebody else: a test, or Kubernetes, which sets such
// variables in every process for a service named "lineup".
func foreign(name, value string) bool {
	if slices.Contains(otherNames, name) || slices.ContainsFunc(otherPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return true
	}
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") || strings.Contains(name, "_TCP_") ||
		strings.Contains(name, "_PORT") && strings.Contains(value, "://")
}

// keysLike are the keys at the depth of key, with its source's id where it has one.
func keysLike(key string) (keys []string) {
	for _, s := range settings {
		like := s.Key
		if rest, ok := strings.CutPrefix(like, "sources.ID."); ok {
			id, _, _ := strings.Cut(strings.TrimPrefix(key, "sources."), ".")
			like = "sources." + id + "." + rest
		}
		keys = append(keys, like)
		if s.Secret {
			keys = append(keys, like+"_file")
		}
	}
	return append(keys, "sources")
}

// meant names the known key that key seems to stand for, as a question: one of that name in another section, or the nearest.
func meant(key string) string {
	name := key[strings.LastIndexByte(key, '.')+1:]
	var elsewhere []string
	for _, s := range settings {
		if strings.HasSuffix(s.Key, "."+name) {
			elsewhere = append(elsewhere, s.Key)
		}
	}
	if len(elsewhere) == 1 {
		return ": did you mean " + elsewhere[0] + "?"
	}
	return nearest(key, keysLike(key))
}

// nearest names the known word that is nearest to word, as a question; "" where none is near. Of those alike near it is one that begins
// as word does for longest: who types seldom errs at the beginning.
func nearest(word string, known []string) string {
	best, least, longest := "", len(word)/3+1, -1
	for _, k := range slices.Sorted(slices.Values(known)) {
		d, same := distance(word, k), 0
		for same < min(len(k), len(word)) && k[same] == word[same] {
			same++
		}
		if d < least || d == least && best != "" && same > longest {
			best, least, longest = k, d, same
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// distance is the number of letters to insert, delete or replace to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// example is what may stand at a key, "" for a key nobody knows.
func example(key string) string {
	for _, s := range settings {
		if strings.HasPrefix(s.Key, general(key)) {
			rest := strings.TrimPrefix(s.Key, strings.TrimSuffix(general(key), "."))
			return cmp.Or(strings.TrimPrefix(rest, "."), lastKey(s.Key)) + ": " + s.Example
		}
	}
	return ""
}
