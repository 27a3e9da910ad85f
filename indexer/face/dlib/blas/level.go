package blas

import (
	"fmt"
	"strings"

	"golang.org/x/sys/cpu"
)

// level is which processors dlib's code in this program is for, as a release sets it: "x86-64-v2" or "x86-64-v3"; "" for a
// build for the machine it was made on.
var level string

// Level is which processors this program is for; "" for those like the one it was built on.
func Level() string { return level }

// Runnable is nil where this processor has what dlib's code in this program needs, which would else end the process at the
// first photo.
func Runnable() error {
	x := cpu.X86
	return runnable(level, map[string]bool{"AVX2": x.HasAVX2, "FMA": x.HasFMA, "BMI2": x.HasBMI2, "SSE4.2": x.HasSSE42,
		"POPCNT": x.HasPOPCNT})
}

func runnable(level string, has map[string]bool) error {
	needs := map[string][]string{"x86-64-v2": {"SSE4.2", "POPCNT"}, "x86-64-v3": {"AVX2", "FMA", "BMI2"}}[level]
	var lacks []string
	for _, feature := range needs {
		if !has[feature] {
			lacks = append(lacks, feature)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	hint := "install lineup-x86-64-v2"
	if level == "x86-64-v2" {
		hint = "it is older than any that Lineup is built for"
	}
	return fmt.Errorf("this program is built for %s processors, and this one lacks %s: %s", level, strings.Join(lacks, ", "), hint)
}
