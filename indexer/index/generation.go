package index

import (
	"fmt"
	"regexp"

	"lineup/schemas"
)

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
	return nil
}
