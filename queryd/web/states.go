package web

import (
	"context"

	"lineup/schemas"
)

// stateGroups parts the states by whether somebody there can be found here: for a search by face that
// needs photos. When it cannot be told, all stand in one group without a heading.
func (p *Pages) stateGroups(ctx context.Context, faces bool) []stateGroup {
	all := schemas.States()
	covered, err := p.search.CoveredStates(ctx)
	if err != nil {
		return []stateGroup{{States: all}}
	}
	groups := []stateGroup{{Title: "states.here"}, {Title: "states.nophotos"}, {Title: "states.there"}}
	for _, s := range all {
		photos, here := covered[s.Code]
		switch {
		case here && (photos || !faces):
			groups[0].States = append(groups[0].States, s)
		case here:
			groups[1].States = append(groups[1].States, s)
		default:
			groups[2].States = append(groups[2].States, s)
		}
	}
	return groups
}
