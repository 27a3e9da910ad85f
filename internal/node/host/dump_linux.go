package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// LeaveNoDump excludes this process's memory from core dumps and hides it from other processes of its user, since it
// holds the photos that people search with. RLIMIT_CORE would not be enough: a handler that the kernel pipes dumps to
// is called regardless. See prctl(2), PR_SET_DUMPABLE.
func LeaveNoDump() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("turn core dumps off: %w", err)
	}
	return nil
}
