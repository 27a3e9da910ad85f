package blas

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"lineup/internal/testkit/loopback"
)

// program makes the test binary a program of its own: what main does with the kernel, and then
// what it computes with.
const program = "LINEUP_TEST_BLAS"

type report struct {
	Pid    int
	Args   []string
	Kernel Kernel
}

func TestMain(m *testing.M) {
	mode := os.Getenv(program)
	if mode == "" {
		loopback.Main(m)
		return
	}
	if os.Getenv(checking) != "" && mode == "crash" {
		if err := syscall.Kill(os.Getpid(), syscall.SIGILL); err != nil {
			panic(err)
		}
		select {}
	}
	if os.Getenv(checking) == "" && os.Getenv(coreType) == "" && mode != "plain" {
		// As if the library were too old for this processor, whatever it is here.
		choice{"Prescott", candidates(), os.Getenv, setenv, checkInChild, restart}.run()
	} else {
		ChooseKernel()
	}
	if err := json.NewEncoder(os.Stdout).Encode(report{os.Getpid(), os.Args, Current()}); err != nil {
		panic(err)
	}
}

// start runs the program with these variables, and nothing of ours else.
func start(t *testing.T, mode string, env ...string) (r report, pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "some", "--arguments=1 2")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, coreType) || strings.HasPrefix(v, outcome)
	}), append(env, program+"="+mode)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return r, cmd.Process.Pid
}

// A library that fell back gets the processor's kernel; the process stays the same, with its
// arguments, and says what it computes with.
func TestTheProcessStartsAnewWithTheKernel(t *testing.T) {
	want, said := coreOf(t), "own choice" // of a processor without AVX2
	if best := candidates(); len(best) > 0 {
		want, said = best[0], "Prescott"
	}
	r, pid := start(t, "fallback")
	if r.Pid != pid || len(r.Args) != 3 || r.Args[2] != "--arguments=1 2" {
		t.Errorf("process %d with %q, started as %d", r.Pid, r.Args, pid)
	}
	if r.Kernel.Name != want || r.Kernel.Slow || !strings.Contains(r.Kernel.How, said) {
		t.Errorf("computes with %s", r.Kernel)
	}
}

// Whatever the real library chose here, the real call ends with no kernel for old processors.
func TestNoProcessStaysWithAnOldKernel(t *testing.T) {
	r, _ := start(t, "plain")
	if len(candidates()) > 0 && fellBack(r.Kernel.Name) || r.Kernel.Slow {
		t.Errorf("computes with %s", r.Kernel)
	}
}

// A kernel that crashes, or that the library does not have, is not taken, and that is said.
func TestAKernelThatCrashesIsNotTaken(t *testing.T) {
	own := coreOf(t)
	r, pid := start(t, "crash")
	if r.Pid != pid || r.Kernel.Name != own || !r.Kernel.Slow || !strings.Contains(r.Kernel.How, "illegal instruction") {
		t.Errorf("computes with %+v, the library's own is %s", r.Kernel, own)
	}
	if err := checkInChildOf(t, "NoSuchCore"); err == nil || !strings.Contains(err.Error(), "no such kernel") {
		t.Errorf("a kernel that does not exist: %v", err)
	}
}

// coreOf is the library's own choice, without any variable.
func coreOf(t *testing.T) string {
	r, _ := start(t, "plain", outcome+"=asked by a test")
	return r.Kernel.Name
}

func checkInChildOf(t *testing.T, kernel string) error {
	t.Helper()
	t.Setenv(program, "plain")
	return checkInChild(kernel)
}

// A variable that is set already wins, even for a slow kernel.
func TestTheVariableWins(t *testing.T) {
	r, _ := start(t, "plain", coreType+"=Prescott")
	if r.Kernel.Name != "Prescott" || r.Kernel.Slow || !strings.Contains(r.Kernel.How, coreType) {
		t.Errorf("computes with %+v", r.Kernel)
	}
}

func TestChoice(t *testing.T) {
	wrong := errors.New("wrong product")
	for _, c := range []struct {
		name, core string
		candidates []string
		env        map[string]string
		bad        []string // kernels whose check fails
		stuck      error    // of the restart
		want       string   // the kernel started with
		checked    int
		said       string // of Current's How, in part
	}{
		{"fell back", "Prescott", []string{"SkylakeX", "Haswell"}, nil, nil, nil, "SkylakeX", 1, "instead of Prescott"},
		{"the best computes wrong", "Prescott", []string{"SkylakeX", "Haswell"}, nil, []string{"SkylakeX"}, nil, "Haswell", 2,
			"instead of Prescott"},
		{"all compute wrong", "Nehalem", []string{"SkylakeX", "Haswell"}, nil, []string{"SkylakeX", "Haswell"}, nil, "", 2,
			"SkylakeX: wrong product; Haswell: wrong product"},
		{"chose well", "SkylakeX", []string{"SkylakeX"}, nil, nil, nil, "", 0, ""},
		{"chose well, newer than we know", "SapphireRapids", []string{"SkylakeX"}, nil, nil, nil, "", 0, ""},
		{"another library", "", []string{"SkylakeX"}, nil, nil, nil, "", 0, ""},
		{"an old processor", "Prescott", nil, nil, nil, nil, "", 0, ""},
		{"the operator's", "Prescott", []string{"Haswell"}, map[string]string{coreType: "Prescott"}, nil, nil, "", 0, ""},
		{"a child of one that could not", "Prescott", []string{"Haswell"}, map[string]string{outcome: refused}, nil, nil, "", 0, refused},
		{"the shell asks for completions", "Prescott", []string{"Haswell"}, map[string]string{"COMP_LINE": "lineup "}, nil, nil, "", 0, ""},
		{"cannot be started anew", "Prescott", []string{"SkylakeX", "Haswell"}, nil, nil, wrong, "", 1,
			"start anew with SkylakeX: wrong product"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, got, checked := maps.Clone(c.env), "", 0
			if env == nil {
				env = map[string]string{}
			}
			choice{c.core, c.candidates, func(n string) string { return env[n] }, func(n, v string) error { env[n] = v; return nil },
				func(kernel string) error {
					checked++
					if slices.Contains(c.bad, kernel) {
						return wrong
					}
					return nil
				}, func() error {
					if c.stuck == nil {
						got = env[coreType]
					}
					return c.stuck
				}}.run()
			if got != c.want || checked != c.checked {
				t.Errorf("started with %q after %d checks, want %q after %d", got, checked, c.want, c.checked)
			}
			if c.want == "" && env[coreType] != c.env[coreType] {
				t.Errorf("%s is left as %q", coreType, env[coreType])
			}
			if c.want == "" && !strings.Contains(env[outcome], c.said) || c.said == "" && env[outcome] != "" {
				t.Errorf("said %q, want %q in it", env[outcome], c.said)
			}
		})
	}
}

// The check tells a right product from wrong ones, in either precision.
func TestProducts(t *testing.T) {
	if err := checkProducts(multiply, multiplyDouble); err != nil {
		t.Errorf("the library's own kernel: %v", err)
	}
	// One number a little off, in the last column of the largest product alone.
	off := func(transA, transB bool, m, n, k int, alpha float32, a, b []float32, beta float32, c []float32) {
		multiply(transA, transB, m, n, k, alpha, a, b, beta, c)
		if m == 97 {
			c[n-1] *= 1.0001
		}
	}
	if checkProducts(off, multiplyDouble) == nil {
		t.Error("a wrong product in single precision goes unnoticed")
	}
	none := func(_, _ bool, _, _, _ int, _ float64, _, _ []float64, _ float64, _ []float64) {}
	if checkProducts(multiply, none) == nil {
		t.Error("a product in double precision that was not computed goes unnoticed")
	}
	product, _ := productInGo(false, true, 2, 2, 3, 2, []float64{1, 2, 3, 4, 5, 6}, []float64{1, 0, 1, 0, 1, 0}, -1, []float64{1, 1, 1, 1})
	if want := []float64{2*4 - 1, 2*2 - 1, 2*10 - 1, 2*5 - 1}; !slices.Equal(product, want) {
		t.Errorf("plain Go gives %v, want %v", product, want)
	}
}

func ExampleKernel_String() {
	fmt.Println(Kernel{Library: "OpenBLAS 0.3.21", Name: "SkylakeX", How: "chosen instead of Prescott at start"})
	fmt.Println(Kernel{})
	// Output:
	// OpenBLAS 0.3.21 SkylakeX, chosen instead of Prescott at start
	// not known: the matrix library is not OpenBLAS
}
