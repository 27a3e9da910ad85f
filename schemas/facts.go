package schemas

import "cmp"

// Agreement is how a record answers a question about a fact.
type Agreement int

// The agreements. A record that does not state the fact is not treated as one that denies it: it passes, labelled,
// and ranked behind those that agree.
const (
	Disagrees Agreement = iota
	NotStated
	Agrees
)

// State is the state that a record is found under: that of its home address, else the registry's. Mostly a two-letter
// code; "" if not known.
func (r Record) State() string {
	home, _ := r.Home()
	return cmp.Or(home.State, r.Jurisdiction)
}

// BirthYears returns the first and the last year of birth that a record allows, 0 and 0 if not known. An age that was
// printed without a day allows every year.
func (r Record) BirthYears() (first, last int) {
	switch {
	case r.Birth.Year != 0:
		return r.Birth.Year, r.Birth.Year
	case r.Age.Years > 0 && r.Age.On.Year != 0:
		return r.Age.On.Year - r.Age.Years - 1, r.Age.On.Year - r.Age.Years
	}
	return 0, 0
}

// AgeOn is the age in full years on a day: from the whole birth date, else from the printed age and
// the years that have passed since. ok is false where neither is known.
func (r Record) AgeOn(day Date) (years int, ok bool) {
	switch {
	case r.Birth.Day != 0:
		return r.Birth.YearsBetween(day), true
	case r.Age.Years > 0 && r.Age.On.Year != 0:
		return r.Age.Years + max(r.Age.On.YearsBetween(day), 0), true
	}
	return r.Age.Years, r.Age.Years > 0
}

// Aged says whether a record can be of somebody who is that many years old on a day.
func (r Record) Aged(years int, day Date) Agreement { return AgedOn(years, day).Of(r.BirthFacts()) }

// Born says whether a record, or one of its aliases, can be of somebody born on a day.
func (r Record) Born(on Date) Agreement { return BornOn(on).Of(r.BirthFacts()) }

func agreement(ok bool) Agreement {
	if ok {
		return Agrees
	}
	return Disagrees
}

// Lived reports whether an address is a place to find somebody by: where they live or are held, not
// where they work, learn or get post, or were reported before.
func (a Address) Lived() bool {
	switch a.Kind {
	case AddressWork, AddressSchool, AddressMailing, AddressEarlier:
		return false
	}
	return true
}

// Placed reports whether a record publishes a place that the registrant can be found by, beyond the
// state.
func (r Record) Placed() bool {
	for _, a := range r.Addresses {
		if a.Lived() && (a.City != "" || a.Zip != "" || a.Street != "" || a.Lat != nil && a.Lon != nil) {
			return true
		}
	}
	return false
}

// Filled names the fields that a record has, among those whose shares are compared run by run. When a page has
// changed unnoticed, these shares drop.
func (r Record) Filled() []string {
	var names []string
	for _, field := range []struct {
		name string
		has  bool
	}{
		{"birth", !r.Birth.IsZero() || r.Age.Years > 0}, {"offense", len(r.Offenses) > 0}, {"address", r.Placed()}, {"alias", len(r.Aliases) > 0},
		{"sex", r.Sex.Value != ""}, {"race", r.Race.Value != ""}, {"height", r.Height.Value != 0}, {"weight", r.Weight.Value != 0},
		{"eyes", r.Eyes.Value != ""}, {"hair", r.Hair.Value != ""}, {"marks", len(r.Marks) > 0}, {"level", r.Level.Value != ""},
		{"status", r.Status.Value != ""},
	} {
		if field.has {
			names = append(names, field.name)
		}
	}
	return names
}
