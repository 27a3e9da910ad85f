package schemas_test

import (
	"fmt"
	"testing"

	"lineup/schemas"
)

var (
	today  = schemas.Date{Year: 2026, Month: 3, Day: 4}
	march9 = schemas.Date{Year: 1971, Month: 3, Day: 9}
)

func bornOn(d schemas.Date) schemas.Record { return schemas.Record{Birth: d} }
func printed(years int, on schemas.Date) schemas.Record {
	return schemas.Record{Age: schemas.AgeAsOf{Years: years, On: on}}
}

func TestBorn(t *testing.T) {
	alias := bornOn(schemas.Date{Year: 1960})
	alias.Aliases = []schemas.Alias{{Birth: march9}}
	for _, c := range []struct {
		name   string
		record schemas.Record
		asked  schemas.Date
		want   schemas.Agreement
	}{
		{"the day", bornOn(march9), march9, schemas.Agrees},
		{"another day", bornOn(march9), schemas.Date{Year: 1971, Month: 3, Day: 10}, schemas.Disagrees},
		{"its month", bornOn(march9), schemas.Date{Year: 1971, Month: 3}, schemas.Agrees},
		{"another month", bornOn(march9), schemas.Date{Year: 1971, Month: 4}, schemas.Disagrees},
		{"its year", bornOn(march9), schemas.Date{Year: 1971}, schemas.Agrees},
		{"a year alone is published", bornOn(schemas.Date{Year: 1971}), march9, schemas.Agrees},
		{"another year alone is published", bornOn(schemas.Date{Year: 1972}), march9, schemas.Disagrees},
		{"an alias's date", alias, march9, schemas.Agrees},
		{"nothing is published", schemas.Record{}, march9, schemas.NotStated},
		{"the age then", printed(54, today), march9, schemas.Agrees},
		{"a year more", printed(55, today), march9, schemas.Agrees},
		{"a year less", printed(53, today), march9, schemas.Agrees},
		{"two years more", printed(56, today), march9, schemas.Disagrees},
		{"two years less", printed(52, today), march9, schemas.Disagrees},
		{"the year alone, by age", printed(53, today), schemas.Date{Year: 1971}, schemas.Agrees},
		{"the year alone, by age too low", printed(52, today), schemas.Date{Year: 1971}, schemas.Disagrees},
		{"an age of no day", printed(54, schemas.Date{}), march9, schemas.NotStated},
	} {
		if got := c.record.Born(c.asked); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAges(t *testing.T) {
	for _, c := range []struct {
		name        string
		record      schemas.Record
		shown       string
		aged        []int // agree; one less and one more do not
		first, last int
	}{
		{"a whole date", bornOn(march9), "54", []int{54}, 1971, 1971},
		{"a year alone", bornOn(schemas.Date{Year: 1971}), "", []int{54, 55}, 1971, 1971},
		{"printed today", printed(54, today), "54", []int{53, 54, 55}, 1971, 1972},
		{"printed two years ago", printed(54, schemas.Date{Year: 2024, Month: 1, Day: 1}), "56", []int{55, 56, 57}, 1969, 1970},
	} {
		shown := ""
		if years, ok := c.record.AgeOn(today); ok {
			shown = fmt.Sprint(years)
		}
		if shown != c.shown {
			t.Errorf("%s: shown %q, want %q", c.name, shown, c.shown)
		}
		for age := c.aged[0] - 1; age <= c.aged[len(c.aged)-1]+1; age++ {
			want := schemas.Disagrees
			if age >= c.aged[0] && age <= c.aged[len(c.aged)-1] {
				want = schemas.Agrees
			}
			if got := c.record.Aged(age, today); got != want {
				t.Errorf("%s, %d years: %v, want %v", c.name, age, got, want)
			}
		}
		if first, last := c.record.BirthYears(); first != c.first || last != c.last {
			t.Errorf("%s: born %d to %d, want %d to %d", c.name, first, last, c.first, c.last)
		}
	}
	if (schemas.Record{}).Aged(20, today) != schemas.NotStated || printed(54, schemas.Date{}).Aged(20, today) != schemas.NotStated {
		t.Error("nothing known is not a no")
	}
}

func TestStateOfARecord(t *testing.T) {
	home := schemas.Record{Jurisdiction: "NY", Addresses: []schemas.Address{{Kind: schemas.AddressWork, State: "CT"},
		{Kind: schemas.AddressHome, State: "NJ"}}}
	work := schemas.Record{Jurisdiction: "NY", Addresses: home.Addresses[:1]}
	if home.State() != "NJ" || work.State() != "NY" || (schemas.Record{}).State() != "" {
		t.Errorf("%q, %q, %q", home.State(), work.State(), (schemas.Record{}).State())
	}
}

// The numbers that engines compare say what counting years on the calendar says.
func TestBirthNumbersCountYears(t *testing.T) {
	for _, on := range []schemas.Date{{Year: 2024, Month: 2, Day: 29}, {Year: 2026, Month: 3, Day: 1}, {Year: 2025, Month: 12, Day: 31}} {
		for day := schemas.Date.Start(schemas.Date{Year: 1999, Month: 12, Day: 28}); day.Year() < 2005; day = day.AddDate(0, 0, 1) {
			born, years := schemas.DateOf(day), 0
			for reached := born; ; years++ {
				reached.Year = born.Year + years + 1
				if reached.String() > on.String() {
					break
				}
			}
			if got := born.YearsBetween(on); got != years {
				t.Fatalf("born %s, %s: %d years, want %d", born, on, got, years)
			}
			for age := years - 3; age <= years+3; age++ {
				if got, want := bornOn(born).Aged(age, on) == schemas.Agrees, age == years; got != want {
					t.Fatalf("born %s, %d years on %s: %v, want %v", born, age, on, got, want)
				}
				off := age - years
				if got, want := printed(age, on).Born(born) == schemas.Agrees, off >= -1 && off <= 1; got != want {
					t.Fatalf("printed %d on %s, born %s: %v, want %v", age, on, born, got, want)
				}
			}
		}
	}
	unborn := schemas.Date{Year: 2030}
	if got := unborn.YearsBetween(schemas.Date{Year: 2026, Month: 5, Day: 1}); got != -4 {
		t.Errorf("born in 2030: %d years in May 2026, want -4", got)
	}
}
