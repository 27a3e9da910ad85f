package blas

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/cpu"
)

// Environment variables. OpenBLAS reads the first in a constructor, before main.
const (
	coreType = "OPENBLAS_CORETYPE"   // the kernel that OpenBLAS shall take
	outcome  = "LINEUP_BLAS_KERNEL"  // what ChooseKernel found, for the process it started anew and for its children
	checking = "LINEUP_BLAS_CHECK"   // set in the child process that checks a kernel
	chosen   = "chosen instead of "  // outcome's beginning: the library's own choice follows
	refused  = "could not be chosen" // outcome's beginning: the reason follows
)

// checkLimit is how long the check of one kernel may take.
const checkLimit = 20 * time.Second

// Kernel is what matrices are multiplied with.
type Kernel struct {
	Library string // like "OpenBLAS 0.3.21"; "" for a library that does not say
	Name    string // like "SkylakeX"; "" for a library that does not say
	How     string // who chose it, in words
	Slow    bool   // the processor could do better, and the better kernel could not be chosen: How says why
}

// String is the kernel in one line.
func (k Kernel) String() string {
	if k.Name == "" {
		return "not known: the matrix library is not OpenBLAS"
	}
	return k.Library + " " + k.Name + ", " + k.How
}

// Current is the kernel this process computes with.
func Current() Kernel {
	k := Kernel{Library: libraryName(), Name: coreName(), How: "the library's own choice"}
	said := os.Getenv(outcome)
	switch {
	case os.Getenv(coreType) != "" && strings.HasPrefix(said, chosen):
		k.How = said
	case os.Getenv(coreType) != "":
		k.How = "set by " + coreType
	case strings.HasPrefix(said, refused):
		k.How, k.Slow = "the library's own choice: a faster one "+said, true
	}
	return k
}

// ChooseKernel lets OpenBLAS compute with the kernel that suits the processor where it did not
// choose one itself: a release older than the processor falls back to its slowest. A kernel is
// taken from the processor's flags, checked in a child process, and put into the environment of
// this very process, which starts itself anew with the same arguments. So it must be the first
// thing main does: before flags of the process are set, files opened or goroutines started.
//
// It does nothing where the library chose well, where OPENBLAS_CORETYPE is set already, and where
// the library is another one. Whatever fails leaves the library's choice; Current says so.
func ChooseKernel() {
	if name := os.Getenv(checking); name != "" {
		os.Exit(checkMain(name))
	}
	choice{coreName(), candidates(), os.Getenv, setenv, checkInChild, restart}.run()
}

// choice is ChooseKernel over what it asks and does.
type choice struct {
	core       string   // the library's own choice
	candidates []string // kernels this processor can run, fastest first
	getenv     func(string) string
	setenv     func(name, value string) error // "" takes the variable out
	check      func(kernel string) error
	restart    func() error // does not return if it succeeds
}

func (c choice) run() {
	if c.getenv(coreType) != "" || c.getenv(outcome) != "" || c.getenv("COMP_LINE") != "" || !fellBack(c.core) || len(c.candidates) == 0 {
		return
	}
	var errs []error
	for _, kernel := range c.candidates {
		err := c.check(kernel)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kernel, err))
			continue
		}
		if err = errors.Join(c.setenv(coreType, kernel), c.setenv(outcome, chosen+c.core+" at start")); err == nil {
			err = c.restart()
		}
		errs = append(errs, fmt.Errorf("start anew with %s: %w", kernel, err), c.setenv(coreType, ""))
		break
	}
	// The environment is where it is kept: children need not try again. It cannot fail for these names.
	_ = c.setenv(outcome, refused+": "+strings.ReplaceAll(errors.Join(errs...).Error(), "\n", "; "))
}

func setenv(name, value string) error {
	if value == "" {
		return os.Unsetenv(name)
	}
	return os.Setenv(name, value)
}

// fellBack reports whether a kernel is one of those for processors without AVX2.
func fellBack(core string) bool {
	return slices.Contains([]string{"Katmai", "Coppermine", "Northwood", "Prescott", "Banias", "Atom", "Core2", "Penryn", "Dunnington",
		"Nehalem",
		"Sandybridge", "Athlon", "Opteron", "Opteron_SSE3", "Barcelona", "Bobcat", "Bulldozer", "Nano", "Generic"}, core)
}

// candidates are the kernels whose instructions this processor has, fastest first.
func candidates() (names []string) {
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512CD && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
		names = append(names, "SkylakeX")
	}
	if x.HasAVX2 && x.HasFMA {
		names = append(names, "Haswell")
	}
	return names
}

// restart starts this program anew in the same process, with the environment as it is now.
func restart() error { return syscall.Exec("/proc/self/exe", os.Args, os.Environ()) }

// checkInChild lets a child process check a kernel: a wrong one may crash.
func checkInChild(kernel string) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkLimit)
	defer cancel()
	child := exec.CommandContext(ctx, "/proc/self/exe")
	child.Args = os.Args[:1]
	child.Env = append(os.Environ(), coreType+"="+kernel, checking+"="+kernel, "OPENBLAS_NUM_THREADS=1")
	said, err := child.CombinedOutput()
	if err != nil {
		return fmt.Errorf("its check failed: %w: %s", err, strings.Join(strings.Fields(string(said)), " "))
	}
	return nil
}

// checkMain is the child: it returns the exit code.
func checkMain(kernel string) int {
	err := checkProducts(multiply, multiplyDouble)
	if core := coreName(); core != kernel {
		err = fmt.Errorf("the library has no such kernel and takes %s", core)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
