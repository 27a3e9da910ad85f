package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Listener returns the API's socket that the old process passed on or the service manager opened; nil if there is
// none. The socket stays open while this process is replaced, so that clients that connect meanwhile wait instead of
// being refused. Errors: more than one socket, or one that accepts no connections.
func Listener() (net.Listener, error) {
	if IsSuccessor() {
		return inherited()
	}
	listeners, err := activation.Listeners()
	switch {
	case err != nil:
		return nil, fmt.Errorf("take over the service manager's socket: %w", err)
	case len(listeners) == 0:
		return nil, nil
	case len(listeners) > 1:
		return nil, fmt.Errorf("the service manager gave %d sockets: give one ListenStream, for the API", len(listeners))
	case listeners[0] == nil:
		return nil, errors.New("the service manager's socket accepts no connections: give a ListenStream")
	}
	return listeners[0], nil
}

// States that a process reports to the service manager that started it (sd_notify(3)).
const (
	Ready     = daemon.SdNotifyReady
	Reloading = daemon.SdNotifyReloading
	Stopping  = daemon.SdNotifyStopping
	alive     = daemon.SdNotifyWatchdog
)

// Main is the state that names another process as the service's main one.
func Main(pid int) string { return fmt.Sprintf("MAINPID=%d", pid) }

// Notify sends a state to the service manager. Without one that asked for states it does nothing.
func Notify(log *slog.Logger, state string) {
	if state == Reloading { // systemd wants the time, to tell reloads apart
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
			state += fmt.Sprintf("\nMONOTONIC_USEC=%d", now.Nano()/1000)
		}
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("service manager not told", "error", err)
	}
}

// Watchdog tells the service manager that this process is alive, as often as it asks for, until ctx ends.
func Watchdog(ctx context.Context, log *slog.Logger) error {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read the service manager's watchdog: %w", err)
	}
	if every == 0 {
		return nil
	}
	ticks := time.NewTicker(every / 3)
	defer ticks.Stop()
	for {
		Notify(log, alive)
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}
