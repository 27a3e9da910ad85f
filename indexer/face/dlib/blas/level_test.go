package blas

import (
	"strings"
	"testing"
)

// TestRunnable holds what is said to whoever has the package for other processors.
func TestRunnable(t *testing.T) {
	nehalem := map[string]bool{"SSE4.2": true, "POPCNT": true}
	haswell := map[string]bool{"SSE4.2": true, "POPCNT": true, "AVX2": true, "FMA": true, "BMI2": true}
	for name, c := range map[string]struct {
		level string
		has   map[string]bool
		says  string // "" for one that runs
	}{
		"as released":             {"x86-64-v3", haswell, ""},
		"too new":                 {"x86-64-v3", nehalem, "lacks AVX2, FMA, BMI2: install lineup-x86-64-v2"},
		"for older ones":          {"x86-64-v2", nehalem, ""},
		"for older ones on new":   {"x86-64-v2", haswell, ""},
		"older than any":          {"x86-64-v2", nil, "older than any"},
		"built for this machine":  {"", nehalem, ""},
		"another architecture's ": {"", nil, ""},
	} {
		err := runnable(c.level, c.has)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if err := Runnable(); err != nil || Level() != "" {
		t.Errorf("this test, built for this machine (%q): %v", Level(), err)
	}
}
