package serve

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lineup/queryd/search"
)

// Notices go with every answer, whatever it holds.
func Notices(contact string) []string {
	correct := "To correct an error in a record, contact the registry that published it (34 U.S.C. 20920(e))"
	if contact != "" {
		correct += "; about this copy of it: " + contact
	}
	return []string{
		"The registry is the authority, and its record may have changed since it was read here.",
		"A similarity is not an identification: read the registry's official page.",
		"Search by name as well: not every state publishes photos.",
		"Using this information to injure, harass or commit a crime against anybody named here, or living or working at an address " +
			"here, is unlawful and can be punished (34 U.S.C. 20920(f)).",
		correct + ".",
		"Not a consumer report: not to be used for employment, housing, credit, insurance or other purposes barred by the FCRA (15 " +
			"U.S.C. 1681 ff.).",
	}
}

// maxNotice bounds the bytes of one notice in a header, and maxSourceNotices those of all notices of
// sources: proxies and clients refuse answers with more than some kilobytes of headers.
const (
	maxNotice        = 400
	maxSourceNotices = 2000
)

// moreNotices stands for the notices that had no room.
const moreNotices = "More notices of the registries in this answer: GET /v1/coverage"

// SourceNotices are the notices of the sources named, each source once, in the order of their ids.
func (s *Server) SourceNotices(ids []string) []string {
	slices.Sort(ids)
	var all []string
	for _, id := range slices.Compact(ids) {
		source, _ := s.deps.Search.Source(id)
		for _, text := range append(slices.Clone(source.Notices), source.Attribution) {
			if text != "" {
				all = append(all, source.Name+": "+text)
			}
		}
	}
	return all
}

// WriteSourceNotices puts the sources' own notices into the headers.
func (s *Server) WriteSourceNotices(h http.Header, ids []string) {
	room := maxSourceNotices
	for _, notice := range s.SourceNotices(ids) {
		text := HeaderText(notice)
		if room -= len(text); room < 0 {
			h.Add("X-Source-Notice", moreNotices)
			return
		}
		h.Add("X-Source-Notice", text)
	}
}

// maxPlaces is how many states that were not asked have a notice each; more share one.
const maxPlaces = 4

// ReachNotices say in words what a Reach leaves out.
func ReachNotices(r search.Reach, faces bool) []string {
	var all []string
	if r.Cut {
		all = append(all, "More than "+strconv.Itoa(search.MostJudged)+" records have such a name or street, and only so many were looked at: "+
			"add a first name, a state or a ZIP code.")
	}
	if r.Middles > 0 {
		all = append(all, "The distance of "+strconv.Itoa(r.Middles)+" of the records on this page is that of the middle of their ZIP code, for "+
			"nothing more precise is published: they may live some miles nearer or farther.")
	}
	if len(r.States) == 0 {
		if r.Nobody {
			all = append(all, "No registry could be asked: none that this question is about has been read here.")
		}
		return all
	}
	if len(r.NotAsked) > maxPlaces {
		var places []string
		for _, s := range r.NotAsked {
			places = append(places, s.Place())
		}
		all = append(all, "Not copied here, of the states that this question may be about: "+strings.Join(places, ", ")+
			"; search there: "+search.National)
		r.NotAsked = nil
	}
	for _, s := range r.NotAsked {
		all = append(all, s.Place()+" is not copied here; search there: "+cmp.Or(s.Home, s.Name))
	}
	for _, s := range r.NoPhotos {
		all = append(all, s.Place()+" publishes no photos; search by name, here or there: "+cmp.Or(s.Home, s.Name))
	}
	if r.Unplaced > 0 && !faces {
		all = append(all, strconv.Itoa(r.Unplaced)+" records of these registries have no published address, so a search for a place "+
			"cannot find them: search by name as well.")
	}
	return all
}

// WriteReach puts a Reach into the headers: X-Coverage, and in X-Notice what it leaves out.
func WriteReach(h http.Header, r search.Reach, faces bool) {
	h.Set("X-Coverage", strconv.Itoa(r.Read)+"/"+strconv.Itoa(r.Known))
	for _, notice := range ReachNotices(r, faces) {
		h.Add("X-Notice", HeaderText(notice))
	}
}

// HeaderText is text that a header can carry: printable ASCII, bounded.
func HeaderText(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case c == '–' || c == '—':
			return '-'
		case c == '‘' || c == '’':
			return '\''
		case c == '“' || c == '”':
			return '"'
		case c < ' ' || c == 0x7f:
			return ' '
		case c > '~':
			return '?'
		}
		return c
	}, text)
	return text[:min(len(text), maxNotice)]
}
