// Package host is what one process of Lineup has of the machine: its data directory and the lock of it, its log,
// its metrics, and memory that no core dump shows.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"lineup/config"
	"lineup/ingest/broker"

	"github.com/nats-io/nats.go"
)

// ErrNoLineup is returned for a data directory that holds no Lineup.
var ErrNoLineup = errors.New("there is no Lineup")

// Exists returns an error that names the data directory if no Lineup is in it.
func Exists(c config.Config) error {
	if _, err := os.Stat(c.Dir("broker")); err == nil {
		return nil
	}
	where, err := filepath.Abs(c.Data)
	if err != nil {
		where = c.Data
	}
	return fmt.Errorf("%w in %s: name its directory with --data DIR (lineup up, demo, scrape, import, restore and prepare "+
		"make a new one)", ErrNoLineup, where)
}

// FullDisk reports whether a full disk may be why a command failed with err over the broker in the data directory:
// without free space the broker stores nothing and does not answer.
func FullDisk(c config.Config, err error) bool {
	if c.NATS.URL != "" || !errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, missing := os.Stat(c.Data)
	return missing == nil && broker.HasRoom(c.Data) != nil
}

// Unanswered returns what to tell an operator whose command failed with err because NATS did not answer; "" for other
// failures. NATS does not answer a call that the user may not make, so the text names needs, the role whose
// credentials the command needs.
func Unanswered(c config.Config, err error, command, needs string) string {
	if c.NATS.URL == "" || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) && !errors.Is(err,
		nats.ErrNoResponders) {
		return ""
	}
	return fmt.Sprintf("NATS did not answer, as it does not answer what a user may not ask: %s needs the credentials of %s in nats.url or "+
		"nats.credentials (deploy/README.md); lineup doctor says whether the servers are well", command, needs)
}

// ErrLocked is returned by Lock if another process holds the lock.
var ErrLocked = errors.New("held by another process")

// Lock takes the lock of a data directory. The lock is released when the process ends. Errors: ErrLocked.
func Lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock of the data directory: %w", err), f.Close())
	}
	return f.Close, nil
}

// writePID writes into the lock file which process holds it.
func writePID(f *os.File) error {
	_, err := fmt.Fprintln(f, os.Getpid())
	return err
}

// WriteSecret writes text to a file that only this user can read, atomically.
func WriteSecret(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", filepath.Base(path), err), os.Remove(f.Name()))
	}
	return nil
}
