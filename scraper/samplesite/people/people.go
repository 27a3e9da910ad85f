// Package people invents registrants: the same ones for the same seed, with synthetic faces and plainly invented names.
package people

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"lineup/schemas"
)

// DefaultPeople is how many registrants the sample registry has unless told otherwise: forty
// with a face each, one who shares another's photo, and three without a usable one.
const DefaultPeople = 44

// MaxPeople bounds the registry.
const MaxPeople = 1_000_000

// FirstID is the first registrant's number; the others follow.
const FirstID = 10001

// Person is one invented registrant. All shapes of the site print the same people.
type Person struct {
	ID          int // FirstID and up
	First       string
	Middle      string
	Last        string
	Suffix      string
	Sex         string // "male", "female"
	Born        schemas.Date
	Race        string // a word: "White"
	Ethnicity   string
	Height      int // inches
	Weight      int // pounds
	Eyes, Hair  string
	Level       int // 2, 3
	Designation string
	Status      string // "Registered", "Incarcerated", "Absconder", "Non-Compliant"
	Registered  schemas.Date
	Verified    schemas.Date
	Aliases     []Alias
	Marks       []string
	Addresses   []Address
	Offenses    []Offense
	Vehicles    []Vehicle
	Photos      []Photo // the first is the current one; none for a person without a photo link
}

// At reports whether p has an address in the county (by its code) and zip; "" matches all.
func (p Person) At(county, zip string) bool {
	if county == "" && zip == "" {
		return true
	}
	for _, a := range p.Addresses {
		if (county == "" || a.CountyCode == county) && (zip == "" || a.Zip == zip) {
			return true
		}
	}
	return false
}

// Alias is another name of a Person.
type Alias struct {
	First, Last string
	Born        schemas.Date // zero when not printed
}

// Address is where a Person lives, works or is held.
type Address struct {
	Kind                            string // "home", "work", "inmate"
	Facility                        string
	Number, Street                  string
	City, County, CountyCode, State string
	Zip                             string
	Lat, Lon                        float64
	Reported                        schemas.Date
}

// Line is the street line: "12 Nowhere Lane".
func (a Address) Line() string { return strings.TrimSpace(a.Number + " " + a.Street) }

// Offense is one conviction of a Person.
type Offense struct {
	Current              bool
	Committed, Convicted schemas.Date
	Released             schemas.Date
	Description, Statute string
	VictimSex            string
	VictimAge            int
	Agency, Court        string
	Relationship         string
	Sentence             string
	Charges              []Charge
}

// Minor reports whether the victim was under 18.
func (o Offense) Minor() bool { return o.VictimAge < 18 }

// Charge is one charge of a conviction.
type Charge struct {
	Title, Section, Subsection, Class, Category, Description string
	Counts                                                   int
}

// Vehicle is a vehicle of a Person.
type Vehicle struct{ Plate, PlateState, Year, Make, Model, Color string }

// Photo is one picture of a Person.
type Photo struct {
	ID     int    // of the photo servlet: ten times the person's and a digit
	File   string // in the faces package
	Taken  schemas.Date
	Tag    int  // not 0: written into the JPEG as a comment, so that its bytes are nobody else's
	Framed bool // with Tag: a frame of the tag's own is drawn around it instead
}

// Invent makes the registrant with index i, the same every time for the same seed.
func Invent(seed uint64, i int) Person {
	r := rand.New(rand.NewPCG(seed, uint64(i)))
	face := faceOf(i)
	p := Person{
		ID: FirstID + i, Sex: face.sex,
		Last: surname(r, i),
		Born: day(r, ReferenceYear-face.age, ReferenceYear-face.age),
		Race: pick(r, races), Ethnicity: pick(r, ethnicities),
		Eyes: pick(r, eyeColors), Hair: face.hair,
		Level: 2 + r.IntN(2), Designation: pick(r, designations),
		Status:     pickWeighted(r, statuses),
		Registered: day(r, 2005, 2018), Verified: day(r, 2024, 2025),
	}
	given, height, weight := maleNames, 66+r.IntN(10), 150+r.IntN(110)
	if p.Sex == "female" {
		given, height, weight = femaleNames, 60+r.IntN(9), 115+r.IntN(90)
	}
	p.First, p.Height, p.Weight = given[(i*7+r.IntN(3))%len(given)], height, weight
	if r.IntN(4) > 0 {
		p.Middle = pick(r, given)
	}
	if p.Sex == "male" && r.IntN(12) == 0 {
		p.Suffix = pick(r, []string{"Jr", "Sr", "III"})
	}
	for range r.IntN(3) {
		a := Alias{First: pick(r, given), Last: surname(r, i+1+r.IntN(200))}
		if r.IntN(3) == 0 {
			a.Born = day(r, p.Born.Year, p.Born.Year+1)
		}
		p.Aliases = append(p.Aliases, a)
	}
	for range r.IntN(3) {
		p.Marks = append(p.Marks, pick(r, markPlaces)+", "+pick(r, markKinds))
	}
	p.Addresses = inventAddresses(r, p.Status)
	p.Offenses = inventOffenses(r, p.Born.Year)
	if r.IntN(3) == 0 {
		p.Vehicles = []Vehicle{{
			Plate: fmt.Sprintf("XX%05d", r.IntN(100000)), PlateState: "NY", Year: fmt.Sprint(1998 + r.IntN(25)),
			Make: pick(r, makes), Model: pick(r, models), Color: pick(r, colors),
		}}
	}
	p.Photos = inventPhotos(r, i, p.ID)
	return p
}

func inventAddresses(r *rand.Rand, status string) []Address {
	one := func(kind string) Address {
		town := Towns[r.IntN(len(Towns))]
		return Address{
			Kind: kind, Number: fmt.Sprint(1 + r.IntN(999)), Street: pick(r, streets),
			City: town.Name, County: town.County, CountyCode: town.Code, State: "NY", Zip: town.Zip,
			Lat: town.Lat + float64(r.IntN(900))/10000, Lon: town.Lon + float64(r.IntN(900))/10000,
			Reported: day(r, 2019, 2025),
		}
	}
	if status == "Incarcerated" {
		a := one("inmate")
		a.Facility, a.Number, a.Street = "Sampleville Correctional Facility", "1", "Notreal Prison Road"
		return []Address{a}
	}
	out := []Address{one("home")}
	if r.IntN(2) == 0 {
		out = append(out, one("work"))
	}
	if r.IntN(6) == 0 {
		out = append(out, one("home"))
	}
	return out
}

func inventOffenses(r *rand.Rand, born int) []Offense {
	var out []Offense
	for n := range 1 + r.IntN(3) {
		committed := day(r, max(born+19, 1990), max(born+20, 2004))
		convicted := schemas.Date{Year: committed.Year + 1, Month: 1 + r.IntN(12), Day: 1 + r.IntN(28)}
		crime := Crimes[r.IntN(len(Crimes))]
		o := Offense{
			Current: n == 0, Committed: committed, Convicted: convicted,
			Released:    schemas.Date{Year: convicted.Year + 1 + r.IntN(4), Month: 1 + r.IntN(12), Day: 1 + r.IntN(28)},
			Description: crime.Text, Statute: crime.Section + "-" + crime.Sub,
			VictimSex: pick(r, []string{"Female", "Male"}), VictimAge: 9 + r.IntN(30),
			Agency: "Notown Police Department", Court: "Sample County Court",
			Relationship: pick(r, []string{"Stranger", "Acquaintance"}),
			Sentence:     fmt.Sprintf("%d Years State Prison", 1+r.IntN(9)),
		}
		for k := range 1 + r.IntN(2) {
			c := Crimes[(r.IntN(len(Crimes))+k)%len(Crimes)]
			if k == 0 {
				c = crime
			}
			o.Charges = append(o.Charges, Charge{
				Title: "PL", Section: c.Section, Subsection: c.Sub, Class: pick(r, []string{"B", "C", "D", "E"}),
				Category: "F", Counts: 1 + r.IntN(3), Description: c.Text,
			})
		}
		out = append(out, o)
	}
	return out
}

// inventPhotos gives the pictures of person i: the a-view of a face; an older picture as well
// for every tenth; the same picture as another's for one; none, or a placeholder, for some.
func inventPhotos(r *rand.Rand, i, id int) []Photo {
	taken := day(r, 2021, 2025)
	photo := Photo{ID: id*10 + 1, File: faceOf(i).file("a"), Taken: taken}
	switch {
	case i == Shares:
		photo.File = faceOf(SharedWith).file("a")
	case i == NoLink:
		return nil
	case i == Placeholder || i == Placeholder+1 || i >= DefaultPeople && i%33 == 0:
		photo.File = "placeholder.jpg"
		return []Photo{photo}
	case i >= DefaultPeople:
		photo.Tag = id
	}
	photos := []Photo{photo}
	if i < len(faceTable) && i%10 == 4 {
		photos = append(photos, Photo{ID: id*10 + 2, File: faceOf(i).file("c"), Taken: schemas.Date{Year: taken.Year - 5, Month: taken.Month,
			Day: taken.Day}})
	}
	return photos
}

// Indexes of the people who are not like the others.
const (
	Shares      = 40 // has the same photo as SharedWith, under another name
	SharedWith  = 11
	Placeholder = 41 // and 42: the picture for "no photo"
	NoLink      = 43 // no photo at all
)

func day(r *rand.Rand, from, to int) schemas.Date {
	return schemas.Date{Year: from + r.IntN(to-from+1), Month: 1 + r.IntN(12), Day: 1 + r.IntN(28)}
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// pickWeighted picks a word, the first of them in most cases.
func pickWeighted(r *rand.Rand, from []string) string {
	if r.IntN(4) > 0 {
		return from[0]
	}
	return pick(r, from)
}
