package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"lineup/config"
	"lineup/ingest/broker"
)

// dialRunning reaches the broker of the process that holds the data directory's lock, which wrote its
// address to a file there.
func (n *Node) dialRunning(file string) (*nats.Conn, error) {
	url, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("another lineup runs over %s but does not say where: %w (it may be starting: try again)", n.Config.Data, err)
	}
	return broker.Dial(broker.Remote{URL: strings.TrimSpace(string(url)), Log: n.Log})
}

// Exists is an error that says where it was looked, when the data directory holds no Lineup.
func Exists(c config.Config) error {
	if _, err := os.Stat(c.Dir("broker")); err == nil {
		return nil
	}
	where, err := filepath.Abs(c.Data)
	if err != nil {
		where = c.Data
	}
	return fmt.Errorf("there is no Lineup in %s: name its directory with --data DIR (lineup up, demo, scrape, import, restore and prepare "+
		"make a new one)", where)
}

// FullDisk tells whether a full disk may be why a command over our own broker failed with err: without
// room the broker stores nothing and does not answer.
func FullDisk(c config.Config, err error) bool {
	if c.NATS.URL != "" || !errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, missing := os.Stat(c.Data)
	return missing == nil && broker.HasRoom(c.Data) != nil
}

var errLocked = errors.New("held by another process")

// lock takes the lock of a data directory; it ends with the process. Errors: errLocked.
func lock(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock of the data directory: %w", err), f.Close())
	}
	return f.Close, nil
}

// writePID says in the lock whose it is.
func writePID(f *os.File) error {
	_, err := fmt.Fprintln(f, os.Getpid())
	return err
}

// writeSecret puts text into a file that only this user can read, whole or not at all.
func writeSecret(path, text string) error {
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
