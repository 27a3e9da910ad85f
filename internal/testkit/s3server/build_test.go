package s3server

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestBuild is also what `make test` runs first to have the engines built before anything
// needs them.
func TestBuild(t *testing.T) {
	for _, e := range Engines() {
		t.Run(e.Name, func(t *testing.T) {
			program, err := Build(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(program); err != nil || info.Mode()&0o100 == 0 {
				t.Errorf("%s: %v, %v, want a program", program, info, err)
			}
		})
	}
}

func TestBuildSaysWhatFailed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("GOPROXY", "off")
	_, err := Build(context.Background(), Engine{Name: "nothing", Module: "lineup.invalid/nothing", Version: "v1.0.0"})
	if err == nil || !strings.Contains(err.Error(), "module proxy") {
		t.Errorf("got %v, want an error that says what a build needs", err)
	}
}
