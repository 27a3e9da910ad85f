package blob

import "lineup/schemas"

// Needed are the blobs that a listing needs: its record, and its photos and pages once each. A
// registrant that is not listed needs none.
func Needed(s schemas.Listing) []Ref {
	if !s.Listed {
		return nil
	}
	var refs []Ref
	seen := make(map[Ref]bool)
	add := func(kind Kind, d schemas.Digest) {
		ref := Ref{Owner: s.ID, Kind: kind, Digest: d}
		if d != "" && !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	add(Record, s.Record)
	for _, p := range s.Photos {
		add(Photo, p.Digest)
	}
	for _, p := range s.Pages {
		add(Page, p.Digest)
	}
	return refs
}
