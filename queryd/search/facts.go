package search

import "lineup/schemas"

// FirstPhoto is the first photo of a record whose bytes are stored.
func FirstPhoto(r schemas.Record) (schemas.Digest, bool) {
	for _, p := range r.Photos {
		if p.Digest != "" {
			return p.Digest, true
		}
	}
	return "", false
}
