package index

import (
	"fmt"
	"regexp"

	"lineup/schemas"
)

// FeatureVersion is the version of what engines look documents up by, and which a generation keeps
// as it was made: the name keys of a document, the folded parts of its addresses, and its
// Facts. Whoever changes how one of them is made from a record raises it and adds a line here.
// An entry made with another version finds less than it should, so it is made anew; its
// embeddings stay.
//
//	version | since      | what changed
//	--------|------------|-------------
//	1       | 2026-11-24 | the first: what generations hold that do not tell their version
//	2       | 2026-11-27 | Saint, Mount and Fort before another word are St, Mt and Ft in names and
//	        |            | cities; names with umlauts have the keys of both spellings; of a last
//	        |            | name without a first one the first word may be a first name
//	3       | 2026-11-27 | what answers are ordered and counted by: dates of birth and printed ages
//	        |            | as numbers, and the registrant's id beside each place
//	4       | 2026-11-28 | an address with a ZIP code and no coordinates lies at the ZIP code's middle
//	5       | 2026-11-28 | keys of whole names, by which the engine orders who has the very name
const FeatureVersion = 5

// FirstFeatureVersion is the version of a generation that was made before it was stored.
const FirstFeatureVersion = 1

// MaxDimensions is the longest embedding a generation may have.
const MaxDimensions = 4096

var validName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// ValidName reports whether a generation may have this name.
func ValidName(name string) bool { return validName.MatchString(name) }

// Validate reports why no engine makes such a generation. Every engine's Create calls it first.
func (g Generation) Validate() error {
	if !ValidName(g.Name) {
		return fmt.Errorf("generation %.50q: want a name of 1 to 40 of a-z, 0-9 and -", g.Name)
	}
	if g.Model.Metric != schemas.Euclidean || g.Model.Dimensions < 1 || g.Model.Dimensions > MaxDimensions {
		return fmt.Errorf("generation %s: model %s has %d dimensions and metric %q, want 1 to %d and %q",
			g.Name, g.Model.ID, g.Model.Dimensions, g.Model.Metric, MaxDimensions, schemas.Euclidean)
	}
	if g.Features < 0 {
		return fmt.Errorf("generation %s: feature version %d, want 1 or more, or 0 for the present one", g.Name, g.Features)
	}
	return nil
}
