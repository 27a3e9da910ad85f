package blob

import (
	"context"
	"errors"
	"fmt"
)

// Read is s.Get, and sets aside what does not have its digest: bytes that are no longer what their name says
// prove nothing and show nobody, and while they are there the next crawl takes them for stored. They are read twice first, so that a
// fault on the way deletes nothing. Errors: fs.ErrNotExist, ErrCorrupt.
func Read(ctx context.Context, s Store, ref Ref) ([]byte, error) {
	data, err := s.Get(ctx, ref)
	if !errors.Is(err, ErrCorrupt) {
		return data, err
	}
	again, err := s.Get(ctx, ref)
	if !errors.Is(err, ErrCorrupt) {
		return again, err
	}
	if gone := s.Delete(ctx, ref); gone != nil {
		return nil, fmt.Errorf("%w, and stay: %w", err, gone)
	}
	return nil, err
}
