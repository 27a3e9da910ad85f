package onnx

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"lineup/internal/testkit/onnxtest"
)

// Without the runtime the error says what is missing and what to do. The runtime is opened once a
// process, so this is a process of its own.
func TestMissingRuntime(t *testing.T) {
	if os.Getenv("LINEUP_TEST_NO_RUNTIME") != "" {
		d, dir := described(t, onnxtest.Averages(side, square), side, length)
		_, err := New(Options{Description: d, Models: dir, Locator: locator(t), Runtime: "/nowhere/libonnxruntime.so"})
		if err == nil || !strings.Contains(err.Error(), "/nowhere/libonnxruntime.so") || !strings.Contains(err.Error(), "LINEUP_ONNXRUNTIME") {
			t.Errorf("%v", err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestMissingRuntime$")
	cmd.Env = append(os.Environ(), "LINEUP_TEST_NO_RUNTIME=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
