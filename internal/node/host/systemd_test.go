package host

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNotify stands in for the service manager's socket.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	heard := func() string {
		t.Helper()
		message := make([]byte, 200)
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		return string(message[:n])
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	Notify(log, Ready) // nobody asked
	t.Setenv("NOTIFY_SOCKET", path)
	for _, state := range []string{Ready, Stopping} {
		if Notify(log, state); heard() != state {
			t.Errorf("not %s", state)
		}
	}
	Notify(log, Reloading)
	if _, at, ok := strings.Cut(heard(), "RELOADING=1\nMONOTONIC_USEC="); !ok || at == "0" || strings.Trim(at, "0123456789") != "" {
		t.Errorf("reloading at %q", at)
	}
	if err := Watchdog(t.Context(), log); err != nil { // nobody asked
		t.Error(err)
	}
	t.Setenv("WATCHDOG_USEC", "3000")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Watchdog(ctx, log) }()
	for range 3 {
		if heard() != "WATCHDOG=1" {
			t.Error("the watchdog is told something else")
		}
	}
	stop()
	if err := <-ended; err != nil || said.Len() > 0 {
		t.Errorf("%v, %s", err, &said)
	}
	t.Setenv("NOTIFY_SOCKET", path+"x")
	if Notify(log, Ready); !strings.Contains(said.String(), "service manager not told") {
		t.Errorf("nobody listens: %s", &said)
	}
}

// TestListener takes no socket that was meant for another process.
func TestListener(t *testing.T) {
	if l, err := Listener(); l != nil || err != nil {
		t.Errorf("nobody gave one: %v, %v", l, err)
	}
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getppid()))
	t.Setenv("LISTEN_FDS", "1")
	if l, err := Listener(); l != nil || err != nil {
		t.Errorf("another process's: %v, %v", l, err)
	}
}
