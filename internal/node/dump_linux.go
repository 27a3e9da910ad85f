package node

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// leaveNoDump keeps this process's memory out of core dumps, and from other processes of its user: it
// holds the photos that people search with. RLIMIT_CORE would not do, for a handler that the kernel
// pipes dumps to is called all the same. See prctl(2), PR_SET_DUMPABLE.
func leaveNoDump() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("turn core dumps off: %w", err)
	}
	return nil
}
