package schemas

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar date as precise as its source prints it: a year, a year and month, or a
// day. Parts that are not known are 0; the zero Date is "not known". Its text form is
// "2006-01-02", "2006-01", "2006" or "".
type Date struct{ Year, Month, Day int }

// IsZero reports whether nothing is known.
func (d Date) IsZero() bool { return d == Date{} }

// Precision is "exact", "year_month", "year" or "unknown", the words of the wire contract.
func (d Date) Precision() string {
	switch {
	case d.Day != 0:
		return "exact"
	case d.Month != 0:
		return "year_month"
	case d.Year != 0:
		return "year"
	}
	return "unknown"
}

// Start is midnight UTC of the first day d can mean, or the zero time when nothing is known.
func (d Date) Start() time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return time.Date(d.Year, time.Month(max(d.Month, 1)), max(d.Day, 1), 0, 0, 0, 0, time.UTC)
}

// DateOf is the day of t in UTC.
func DateOf(t time.Time) Date {
	y, m, day := t.UTC().Date()
	return Date{y, int(m), day}
}

// String is d as precisely as it is known: "1990-05-01", "1990-05" or "1990"; "" for the zero Date.
func (d Date) String() string {
	switch d.Precision() {
	case "exact":
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case "year_month":
		return fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	case "year":
		return fmt.Sprintf("%04d", d.Year)
	}
	return ""
}

// MarshalText gives the text form.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the text form; a day that no calendar has is an error.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// ParseDate reads the text form of a Date: "2006-01-02", "2006-01", "2006" or "".
func ParseDate(text string) (Date, error) {
	var d Date
	if text == "" {
		return d, nil
	}
	parts := strings.Split(text, "-")
	into := []*int{&d.Year, &d.Month, &d.Day}
	if len(parts) > len(into) {
		return Date{}, fmt.Errorf("date %.20q: want YYYY-MM-DD, YYYY-MM or YYYY", text)
	}
	for i, part := range parts {
		want := 2
		if i == 0 {
			want = 4
		}
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || len(part) != want || n == 0 {
			return Date{}, fmt.Errorf("date %.20q: want YYYY-MM-DD, YYYY-MM or YYYY", text)
		}
		*into[i] = int(n)
	}
	if s := d.Start(); d.Month > 12 || d.Day != 0 && s.Day() != d.Day {
		return Date{}, fmt.Errorf("date %.20q: no such day", text)
	}
	return d, nil
}

// YearsBetween is the age, in full years on day on, of somebody born on d, when d is exact;
// otherwise the highest age d allows.
func (d Date) YearsBetween(on Date) int {
	born, then := d.startNumber(), on.startNumber()
	if then < born { // rounded down, not towards 0
		return (then-born+1)/yearNumber - 1
	}
	return (then - born) / yearNumber
}

// A year in a number.
const yearNumber = 10000

func (d Date) number() int { return d.Year*yearNumber + d.Month*100 + d.Day }

// startNumber is the number of the first day that d can mean.
func (d Date) startNumber() int { return d.Year*yearNumber + max(d.Month, 1)*100 + max(d.Day, 1) }
