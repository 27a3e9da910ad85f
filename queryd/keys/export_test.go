package keys

import "time"

// At sets the clock.
func (r *Store) At(now func() time.Time) { r.now = now }
