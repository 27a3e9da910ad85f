package schemas

// BirthQuestion asks about somebody's birth: for a date, or for an age on a day. It consists of ranges of numbers
// that an engine can compare, so that every engine answers as Of does. A number is a date as yyyymmdd, with 00 for
// the parts that are not known.
type BirthQuestion struct {
	Days    []Span // numbers that a published date of birth agrees with
	Aliases bool   // a date of birth that is published with an alias counts too
	Printed Span   // numbers that a printed age agrees with, see BirthFacts.Printed
}

// Span is the numbers from From to To, both included.
type Span struct {
	From, To int
	Only     Precision // of the dates that count
}

// Precision restricts a Span to dates that are known so precisely.
type Precision int

// The precisions.
const (
	AnyPrecision Precision = iota
	WholeDates
	PartialDates
)

// Holds reports whether a number counts.
func (s Span) Holds(number int) bool {
	whole := number%100 != 0
	return number >= s.From && number <= s.To && (s.Only == AnyPrecision || whole == (s.Only == WholeDates))
}

// BirthFacts are what a record says of somebody's birth, as numbers; 0 means not known.
type BirthFacts struct {
	Own     int   // the date of birth
	Aliases []int // those published with aliases
	// Printed stands for a printed age: it is the day of printing, that many years earlier.
	Printed int
}

// Unstated reports whether a record says nothing of when the registrant was born.
func (f BirthFacts) Unstated() bool { return f.Own == 0 && f.Printed == 0 }

// BirthFacts are the record's.
func (r Record) BirthFacts() BirthFacts {
	f := BirthFacts{}
	if r.Birth.Year != 0 {
		f.Own = r.Birth.number()
	}
	for _, a := range r.Aliases {
		if a.Birth.Year != 0 {
			f.Aliases = append(f.Aliases, a.Birth.number())
		}
	}
	if r.Age.Years > 0 && r.Age.On.Year != 0 {
		f.Printed = r.Age.On.startNumber() - r.Age.Years*yearNumber
	}
	return f
}

// BornOn asks who was born on a day, or in a month or a year if no more of it is known. The two dates must be equal
// in the parts that both state. For a record that only has an age, the age that somebody born then had on the day of
// printing may differ from it by one year.
func BornOn(on Date) BirthQuestion {
	month, year, start := on.Year*yearNumber+on.Month*100, on.Year*yearNumber, on.startNumber()
	q := BirthQuestion{Aliases: true, Printed: Span{From: start - yearNumber, To: start + 2*yearNumber - 1}}
	switch on.Precision() {
	case "exact":
		q.Days = []Span{{From: on.number(), To: on.number()}, {From: month, To: month}, {From: year, To: year}}
	case "year_month":
		q.Days = []Span{{From: month, To: month + 99}, {From: year, To: year}}
	case "year":
		q.Days = []Span{{From: year, To: year + yearNumber - 1}}
	}
	if on.Day == 0 { // the youngest whom it can mean is a year younger than the oldest
		q.Printed.To += yearNumber
	}
	return q
}

// AgedOn asks who is so many years old on a day. For a record without a whole date of birth, one year more or less
// agrees too.
func AgedOn(years int, day Date) BirthQuestion {
	n := day.startNumber()
	return BirthQuestion{
		Days: []Span{{From: n - (years+1)*yearNumber + 1, To: n - years*yearNumber, Only: WholeDates},
			{From: (day.Year - years - 1) * yearNumber, To: (day.Year-years+1)*yearNumber - 1, Only: PartialDates}},
		Printed: Span{From: n - (years+2)*yearNumber + 1, To: n - (years-1)*yearNumber},
	}
}

// Of answers the question for one record's facts.
func (q BirthQuestion) Of(f BirthFacts) Agreement {
	holds := func(number int) bool {
		for _, s := range q.Days {
			if number != 0 && s.Holds(number) {
				return true
			}
		}
		return false
	}
	if holds(f.Own) {
		return Agrees
	}
	for _, a := range f.Aliases {
		if q.Aliases && holds(a) {
			return Agrees
		}
	}
	switch {
	case f.Own != 0:
		return Disagrees
	case f.Printed == 0:
		return NotStated
	}
	return agreement(q.Printed.Holds(f.Printed))
}
