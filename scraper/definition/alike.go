package definition

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Alike is def with the steps of base, another registry of the same product. What def says of itself stands; how the site
// is asked and read is base's, with def's values. Errors: def does not give every value of base, or gives one of another
// name, so that it would ask for somebody else's people.
func Alike(def, base *Definition) (*Definition, error) {
	if base.Like != "" || len(base.Steps) == 0 || len(base.Values) == 0 {
		return nil, fmt.Errorf("%s: like %s, which others cannot be like: it has no steps, or no values to differ by", def.ID, base.ID)
	}
	want, got := slices.Sorted(maps.Keys(base.Values)), slices.Sorted(maps.Keys(def.Values))
	if !slices.Equal(want, got) {
		return nil, fmt.Errorf("%s: like %s, with values %v: want %v", def.ID, base.ID, got, want)
	}
	out := *base
	out.ID, out.Name, out.Jurisdiction, out.Home, out.Mode, out.Like, out.Values = def.ID, def.Name, def.Jurisdiction, def.Home, def.Mode,
		def.Like, def.Values
	if def.Verified.By != "" {
		out.Verified = def.Verified
	}
	out.Version += def.Version
	out.Manners.Schedule = cmp.Or(def.Manners.Schedule, base.Manners.Schedule)
	out.Guards.MinCount = cmp.Or(def.Guards.MinCount, base.Guards.MinCount)
	policy := base.Policy
	policy.Terms, policy.TermsRead, policy.Evidence = cmp.Or(def.Policy.Terms, policy.Terms), def.Policy.TermsRead, def.Policy.Evidence
	policy.Attribution, policy.Notices = cmp.Or(def.Policy.Attribution, def.Name), def.Policy.Notices
	policy.KeepRecords = cmp.Or(def.Policy.KeepRecords, policy.KeepRecords)
	policy.NoPhotos, policy.NoCoords = policy.NoPhotos || def.Policy.NoPhotos, policy.NoCoords || def.Policy.NoCoords
	out.Policy = policy
	return &out, nil
}
