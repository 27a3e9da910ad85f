// Package s3server builds real S3 servers from their pinned modules, once a machine, and runs
// them on loopback for tests: a process of its own each, never linked in.
package s3server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Engine is a server that can be built and run.
type Engine struct {
	Name    string
	Module  string
	Package string // "" is the module itself
	Version string
}

// The engines. MinIO's own server is archived: its last version is run because many installations
// have it; Versity's gateway is run beside it because it is kept up.
var (
	MinIO = Engine{Name: "minio", Module: "github.com/minio/minio", Version: "v0.0.0-20260212201848-7aac2a2c5b7c"}
	VGW   = Engine{Name: "versitygw", Module: "github.com/versity/versitygw", Package: "/cmd/versitygw", Version: "v1.8.0"}
)

// Engines lists them.
func Engines() []Engine { return []Engine{MinIO, VGW} }

// buildLimit bounds a build; it takes about two minutes on two free cores.
const buildLimit = 20 * time.Minute

// Build gives the path of the engine's program in the user's cache directory, compiling it
// when it is not there. Processes that ask at once wait for one another.
func Build(ctx context.Context, e Engine) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", e.Name, err)
	}
	dir := filepath.Join(cache, "lineup", "engines", e.Name+"-"+e.Version+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	program := filepath.Join(dir, e.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("build %s: %w", e.Name, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", e.Name, err)
	}
	defer lock.Close()
	if err := waitLock(ctx, lock); err != nil {
		return "", fmt.Errorf("build %s: wait for the process that builds it: %w", e.Name, err)
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("build %s: %w", e.Name, err)
	}
	if err := install(ctx, e, dir, program); err != nil {
		return "", fmt.Errorf("build %s from %s%s@%s into %s (it needs the Go module proxy once, or GOFLAGS=-mod=mod with a filled module "+
			"cache): %w",
			e.Name, e.Module, e.Package, e.Version, dir, err)
	}
	return program, nil
}

// install compiles into a directory of its own and renames, so a killed build leaves no half program.
func install(ctx context.Context, e Engine, dir, program string) error {
	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	bin, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	cmd := exec.CommandContext(ctx, "go", "install", e.Module+e.Package+"@"+e.Version)
	cmd.Dir = bin
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%w: %s", err, strings.Join(lines[max(0, len(lines)-5):], "; "))
	}
	return os.Rename(filepath.Join(bin, e.Name), program)
}

func waitLock(ctx context.Context, file *os.File) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
