package search

import (
	"cmp"

	"lineup/schemas"
)

// StateOf is the state a record is filtered by: home state, else the jurisdiction.
func StateOf(r schemas.Record) string {
	home, _ := r.Home()
	return cmp.Or(home.State, r.Jurisdiction)
}

// FirstPhoto is the first photo of a record whose bytes are stored.
func FirstPhoto(r schemas.Record) (schemas.Digest, bool) {
	for _, p := range r.Photos {
		if p.Digest != "" {
			return p.Digest, true
		}
	}
	return "", false
}
