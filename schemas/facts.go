package schemas

import "cmp"

// Agreement is what a record says of a fact that somebody asks about.
type Agreement int

// The agreements. A record that does not state a fact is not taken for one that denies it: it
// passes a question about that fact, labelled and behind those that agree.
const (
	Disagrees Agreement = iota
	NotStated
	Agrees
)

// State is the state a record is found by: that of its home, else the registry's own. Mostly a
// two-letter code; "" for not known.
func (r Record) State() string {
	home, _ := r.Home()
	return cmp.Or(home.State, r.Jurisdiction)
}

// BirthYears are the first and the last year of birth that a record allows, 0 and 0 for not known.
// An age that was printed without a day says nothing of it.
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

// Aged says whether a record can be of somebody who is that many years old on a day. Where the
// record has no whole birth date a year more or less agrees.
func (r Record) Aged(years int, day Date) Agreement {
	if r.Birth.Day != 0 {
		return agreement(r.Birth.YearsBetween(day) == years)
	}
	first, last := r.BirthYears()
	if first == 0 {
		return NotStated
	}
	if now, ok := r.AgeOn(day); ok && r.Birth.Year == 0 {
		return agreement(years >= now-1 && years <= now+1)
	}
	return agreement(years >= day.Year-last-1 && years <= day.Year-first)
}

// Born says whether a record, or one of its aliases, can be of somebody born on a day, which may be
// a month or a year alone: as precise as both are, they must be the same. Where only an age is
// printed, the age somebody born then had on the day of printing may differ from it by a year.
func (r Record) Born(on Date) Agreement {
	if r.Birth.covers(on) {
		return Agrees
	}
	for _, a := range r.Aliases {
		if a.Birth.covers(on) {
			return Agrees
		}
	}
	if r.Birth.Year != 0 {
		return Disagrees
	}
	if r.Age.Years == 0 || r.Age.On.Year == 0 {
		return NotStated
	}
	oldest := on.YearsBetween(r.Age.On)
	youngest := oldest
	if on.Day == 0 {
		youngest--
	}
	return agreement(r.Age.Years >= youngest-1 && r.Age.Years <= oldest+1)
}

// covers reports whether two dates are the same as precise as both are; nothing known is not.
func (d Date) covers(other Date) bool {
	return d.Year != 0 && d.Year == other.Year && (d.Month == 0 || other.Month == 0 || d.Month == other.Month) &&
		(d.Day == 0 || other.Day == 0 || d.Day == other.Day)
}

func agreement(ok bool) Agreement {
	if ok {
		return Agrees
	}
	return Disagrees
}

// Lived reports whether an address is a place to find somebody by: where they live or are held, not
// where they work, learn or get post.
func (a Address) Lived() bool {
	return a.Kind != AddressWork && a.Kind != AddressSchool && a.Kind != AddressMailing
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
