package e2e_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"lineup/queryd"
)

var errUnreachable = errors.New("the ledger cannot be reached")

// grouped are the states that a page's list offers, by the heading they stand under.
func grouped(page string) map[string][]string {
	groups := map[string][]string{}
	for _, g := range regexp.MustCompile(`(?s)<optgroup label="([^"]*)">(.*?)</optgroup>`).FindAllStringSubmatch(page, -1) {
		for _, o := range regexp.MustCompile(`>([^<]+)</option>`).FindAllStringSubmatch(g[2], -1) {
			groups[g[1]] = append(groups[g[1]], o[1])
		}
	}
	return groups
}

func TestTheListOfStatesSaysWhichAreCopied(t *testing.T) {
	h := town(t, uncovered)
	for path, want := range map[string]map[string]string{
		"/search": {"Copied here": "New York, Texas", "Not copied here: search there": "Alabama"},
		"/":       {"Copied here": "New York", "Copied here, without photos": "Texas", "Not copied here: search there": "Alabama"},
	} {
		_, page := h.do("GET", path, "")
		groups := grouped(page)
		for heading, begin := range want {
			if got := strings.Join(groups[heading], ", "); !strings.HasPrefix(got, begin) ||
				heading != "Not copied here: search there" && got != begin {
				t.Errorf("%s: under %q stand %s", path, heading, got)
			}
		}
		n := 0
		for _, states := range groups {
			n += len(states)
		}
		if n != 56 || len(groups) != len(want) {
			t.Errorf("%s: the list has %d states under %d headings", path, n, len(groups))
		}
	}
	if _, page := h.post("/search", "state=TX"); !strings.Contains(page, `<option value="TX" selected>`) {
		t.Error("the state that was chosen is not kept")
	}
	h.ledger.err = errUnreachable
	if _, page := h.do("GET", "/search", ""); !strings.Contains(page, `<option value="TX">Texas</option>`) {
		t.Error("without the ledger there is no list of states")
	}
}

func TestThePageSaysWhichPlacesWereNotAsked(t *testing.T) {
	h := town(t, uncovered)
	for _, c := range []struct {
		name, form  string
		want, never []string
	}{
		{"a city", "city=Los+Angeles", []string{"Nobody was searched", "California is not copied here.", "https://ca.registry.example.test/"},
			[]string{"No record found"}},
		{"a ZIP code", "zipcode=90001", []string{"Nobody was searched", "California is not copied here."}, []string{"No record found"}},
		{"a point", "lat=34.05&lng=-118.24&radius=2", []string{"Nobody was searched", "California is not copied here."},
			[]string{"No record found"}},
		{"a city that many states have", "city=Houston", []string{"No record found", "are these states in which the place may be", ">Alabama</a>",
			">Pennsylvania</a>"}, []string{"Nobody was searched", "Alabama is not copied here."}},
	} {
		_, page := h.post("/search", "key="+h.key+"&"+c.form)
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page does not say %q", c.name, want)
			}
		}
		for _, never := range c.never {
			if strings.Contains(page, never) {
				t.Errorf("%s: the page says %q", c.name, never)
			}
		}
	}
}

// TestRegistriesOfNoStateAreNoState holds what a question about a state says of registries that have codes of
// their own, are of a part of a state, or of none.
func TestRegistriesOfNoStateAreNoState(t *testing.T) {
	h := town(t, func(_ *queryd.Config, d *queryd.Deps) {
		read := d.State
		for _, s := range []queryd.Source{{ID: "us-mn-doc", Name: "Minnesota Prisons", Jurisdiction: "MN1"},
			{ID: "us-mn-bca", Name: "Minnesota Bureau", Jurisdiction: "MN2"},
			{ID: "us-vi", Name: "Virgin Islands Registry", Jurisdiction: "USVI"},
			{ID: "us-il-chicago", Name: "City of Chicago", Jurisdiction: "IL-CHICAGO"},
			{ID: "us-il", Name: "Illinois Registry", Jurisdiction: "IL"}, {ID: "nsopw", Name: "National Site", Jurisdiction: "NSOPW"},
			{ID: "tribes", Name: "Tribes", Jurisdiction: "TRIBES"}} {
			s.Mode, s.Home = "link_only", "https://"+s.ID+".registry.example.test/"
			d.Sources = append(d.Sources, s)
		}
		d.State = func(ctx context.Context, id string) (queryd.SourceState, error) {
			if id == "us-zz" {
				return read(ctx, id)
			}
			return queryd.SourceState{}, nil
		}
	})
	for form, want := range map[string]string{"state=MN": "Minnesota Prisons, Minnesota Bureau", "state=VI": "U.S. Virgin Islands",
		"zipcode=60601": "City of Chicago, Illinois", "state=NY": "",
		"city=Sacramento": "California, Kentucky, New Mexico, Pennsylvania"} {
		_, page := h.post("/search", "key="+h.key+"&"+form)
		var places []string
		for _, m := range regexp.MustCompile(`role="alert">([^<]*) is not copied here\.`).FindAllStringSubmatch(page, -1) {
			places = append(places, m[1])
		}
		if got := strings.Join(places, ", "); got != want {
			t.Errorf("%s: not copied are %q, want %q", form, got, want)
		}
		if nobody := strings.Contains(page, "Nobody was searched"); nobody != (form != "state=NY") {
			t.Errorf("%s: nobody was searched: %t", form, nobody)
		}
	}
}
