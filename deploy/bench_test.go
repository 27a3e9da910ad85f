package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBenchmarksBesideTheirAims reads a run that has some of the benchmarks.
func TestBenchmarksBesideTheirAims(t *testing.T) {
	run := filepath.Join(t.TempDir(), "bench.txt")
	text := "goos: linux\nBenchmarkBeside/registry/1_workers-2 \t 1 \t 105 ns/op \t 41.0 cpu-ms/photo\t 1.53 x-go-face\n" +
		"BenchmarkScan/1000000-16 \t 1\t 0.71 ratio-p50\t 5.2 p50-ms\nPASS\n"
	if err := os.WriteFile(run, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("./bench-table.sh", run).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		lines[fields[0]+" "+fields[1]] = strings.Join(fields[2:], " ")
	}
	for name, want := range map[string]string{
		"BenchmarkBeside/registry/1_workers x-go-face": "1.53 >= 1.45 met",
		"BenchmarkScan/1000000 ratio-p50":              "0.71 <= 0.65 missed",
		"BenchmarkScan10M all-cores-p50-ms":            "- <= 50",
	} {
		if lines[name] != want {
			t.Errorf("%s: %q, want %q in\n%s", name, lines[name], want, out)
		}
	}
}

// TestEveryAimHasItsBenchmark finds the function and the figure's name in the source: a renamed one would never be judged.
func TestEveryAimHasItsBenchmark(t *testing.T) {
	var source strings.Builder
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../deploy/") {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	aims := regexp.MustCompile(`(?m)^(Benchmark\w+)\S*\s+(\S+)\s+[<>]=\s+[\d.]+$`).FindAllStringSubmatch(string(read(t, "bench-aims")), -1)
	if len(aims) < 10 {
		t.Fatalf("%d aims", len(aims))
	}
	for _, aim := range aims {
		if !strings.Contains(source.String(), "func "+aim[1]+"(b *testing.B)") {
			t.Errorf("no benchmark %s", aim[1])
		}
		if figure := aim[2]; !strings.Contains(source.String(), `"`+figure+`"`) {
			t.Errorf("%s reports no %s", aim[1], figure)
		}
	}
}
