package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWhyATestFailedIsSaid holds that the run of all tests ends with what a failed test said, and
// not with the logs of the processes it had started, which can be longer than what a reader is shown.
func TestWhyATestFailedIsSaid(t *testing.T) {
	log := filepath.Join(t.TempDir(), "test.log")
	if err := os.WriteFile(log, []byte(`=== RUN   TestA
=== PAUSE TestA
=== RUN   TestB
    b_test.go:3: fine
--- PASS: TestB (0.00s)
=== CONT  TestA
    a_test.go:7: exit code 1:
        the reason
    d_test.go:1: nats-0 said last:
        noise
=== NAME  TestC
    c_test.go:9: fine too
=== NAME  TestA
    a_test.go:8: and this
--- FAIL: TestA (0.1s)
--- PASS: TestC (0.1s)
`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("awk", "-f", "said.awk", log, log).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "TestA\n    a_test.go:7: exit code 1:\n        the reason\n    a_test.go:8: and this\n"
	if string(out) != want {
		t.Errorf("said\n%swant\n%s", out, want)
	}
}
