package progress_test

import (
	"strings"
	"testing"

	"lineup/internal/progress"
)

// TestShowSaysSoAtOnce holds that whoever reads the output of a long task sees in its first second what it does, and
// that a minute passes before the next line.
func TestShowSaysSoAtOnce(t *testing.T) {
	var out strings.Builder
	p := progress.Show(&out, "loading the face models", 0)
	if out.String() != "loading the face models...\n" {
		t.Errorf("said %q", out.String())
	}
	p.Set(1, 2)
	p.End()
	if strings.Count(out.String(), "\n") != 1 {
		t.Errorf("said %q", out.String())
	}
	var none *progress.Task // shows nothing
	none.Set(1, 2)
	none.End()
}
