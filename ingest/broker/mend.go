package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	// mendEvery is how often a broker that could not write looks whether there is room.
	mendEvery = time.Second
	// room is what must be free for a new start: the server writes its state on the way.
	room = 4 << 20
)

// mend starts the server anew after a failed write, once there is room, until ctx ends. What was
// acknowledged is on disk, and what was not is asked for again by who wanted it.
func (b *Broker) mend(ctx context.Context) {
	defer close(b.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.sick:
		}
		b.log.Error("the broker cannot write: what it acknowledged is safe, nothing new is taken", "directory", b.dir,
			"hint", "make room on the disk; it goes on by itself")
		for !b.anew(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(mendEvery):
			}
		}
	}
}

// anew starts the server anew if there is room, and reports whether one runs.
func (b *Broker) anew(ctx context.Context) bool {
	if HasRoom(b.dir) != nil || ctx.Err() != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	port := b.server.Addr().(*net.TCPAddr).Port
	b.server.Shutdown()
	b.server.WaitForShutdown()
	select {
	case <-b.sick: // the old server's
	default:
	}
	s, err := b.start(port)
	if err != nil {
		b.log.Error("the broker does not start anew", "error", err)
		return false
	}
	b.server = s
	b.log.Info("the broker writes again")
	return true
}

// HasRoom writes a file of some size to dir and takes it away again.
func HasRoom(dir string) error {
	f, err := os.CreateTemp(dir, ".room-*")
	if err != nil {
		return fmt.Errorf("look for room in %s: %w", filepath.Base(dir), err)
	}
	_, err = f.Write(make([]byte, room))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("no room left in %s: %w", filepath.Base(dir), err)
	}
	return nil
}
