package source_test

import (
	"fmt"
	"slices"
	"strings"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/samplesite"
)

// shapes are all that the sample site serves, by source and, where a source has two, form.
var shapes = map[string]shape{
	"us-ny": {
		lacks: "statutes, released, registered, verified, status, predator, absconder, since, coordinates",
		bends: func(f facts, p samplesite.Person) {
			if p.Addresses[0].Facility != "" { // printed above the street
				f.set("streets", p.Addresses[0].Facility+", "+p.Addresses[0].Line())
			}
		}},
	"us-ga": {
		lacks: "alias births, aliases, charges, committed, coordinates, designation, ethnicity, marks, photos, taken, released, sentences, " +
			"since, statutes, victims",
		bends: bends(firstAddress, allHome, birthYear, func(f facts, p samplesite.Person) {
			f["level"] = "LEVEL " + f["level"]
			for _, flag := range []string{"predator", "absconder"} { // a word or nothing
				if f[flag] == "FALSE" {
					delete(f, flag)
				}
			}
			if p.Status != "Incarcerated" {
				delete(f, "status")
			}
		})},
	"us-or": {
		lacks: "sex, race, ethnicity, alias births, aliases, marks, level, designation, predator, absconder, registered, verified, " +
			"coordinates, since, offenses, statutes, committed, convicted, released, sentences, victims, charges, photos, taken",
		bends: bends(firstAddress, allHome)},
	"us-fl": {
		lacks: "ethnicity, alias births, aliases, marks, level, designation, predator, absconder, registered, verified, coordinates, offenses, " +
			"statutes, committed, convicted, released, sentences, victims, charges, taken",
		bends: bends(firstAddress, allHome, onePhoto, compliant)},
	"us-dc": {
		lacks: "middle, suffix, birth, sex, race, ethnicity, height, weight, eyes, hair, alias births, aliases, marks, designation, status, " +
			"predator, absconder, registered, verified, counties, zips, since, offenses, statutes, committed, convicted, released, sentences, " +
			"victims, charges, photos, taken",
		bends: bends(heldAtHome, oneState("DC"), func(f facts, p samplesite.Person) {
			f.set("level", map[int]string{2: "B", 3: "A"}[p.Level])
			each(f, "cities", p.Addresses, func(samplesite.Address) string { return "Washington" })
			each(f, "streets", p.Addresses, func(a samplesite.Address) string { return "100 block of " + a.Street })
		})},
	"us-mo": {
		lacks: "sex, race, ethnicity, height, weight, eyes, hair, alias births, marks, designation, predator, absconder, registered, verified, " +
			"coordinates, since, statutes, sentences, charges, photos, taken",
		bends: bends(firstAddress, allHome)},
	"us-nc": {
		lacks: "ethnicity, alias births, level, status, predator, absconder, verified, coordinates, since, charges, taken",
		bends: bends(allHome, photoOfKey, func(f facts, _ samplesite.Person) { f.set("designation", "Sex Offender") })},
	"us-tn": {
		lacks: "ethnicity, alias births, level, predator, absconder, registered, verified, coordinates, since, convicted, released, sentences, " +
			"victims, charges, taken",
		bends: bends(heldAtHome, onePhoto, compliant, tnAddresses, func(f facts, _ samplesite.Person) { f.set("designation", "Sexual") })},
	"us-ia": { // coordinates are published, and may not be kept
		lacks: "ethnicity, alias births, designation, status, predator, registered, verified, coordinates, since, committed, released, " +
			"sentences, charges, taken",
		bends: bends(firstAddress, allHome, onePhoto)},
	"us-mt": {
		lacks: "birth, sex, race, ethnicity, height, weight, eyes, hair, alias births, marks, predator, absconder, registered, verified, " +
			"since, offenses, statutes, committed, convicted, released, sentences, victims, charges, taken",
		bends: bends(allHome, photoOfKey, oneState("MT"), func(f facts, p samplesite.Person) {
			each(f, "aliases", p.Aliases, func(a samplesite.Alias) string { return a.Last })
			if p.Status != "Non-Compliant" {
				delete(f, "status")
			}
		})},
	"us-tx": {
		lacks: "alias births, marks, designation, status, predator, absconder, registered, verified, coordinates, since, committed, " +
			"released, charges",
		bends: bends(allHome, firstIsCurrent, func(f facts, p samplesite.Person) {
			f.set("level", map[int]string{2: "moderate", 3: "high"}[p.Level])
			if p.Ethnicity == "Not Hispanic" {
				f.set("ethnicity", "N") // a code the state has no word for in its files
			}
		})},
	"us-mo-map": {
		lacks: "birth, sex, race, ethnicity, height, weight, eyes, hair, alias births, aliases, marks, level, designation, status, predator, " +
			"absconder, registered, verified, since, offenses, statutes, committed, convicted, released, sentences, victims, charges, photos, taken",
		bends: heldAtHome},
	"us-tn-map": {
		lacks: "suffix, ethnicity, height, weight, eyes, hair, alias births, aliases, marks, level, designation, status, predator, absconder, " +
			"registered, verified, since, statutes, convicted, released, sentences, victims, charges, photos, taken",
		bends: bends(allHome, oneState("TN"), func(f facts, p samplesite.Person) {
			each(f, "offenses", p.Offenses, func(o samplesite.Offense) string { return o.Statute + " " + o.Description })
		})},
	"us-ca": {
		lacks: "race, alias births, designation, status, predator, absconder, registered, verified, coordinates, since, committed, sentences, " +
			"victims, charges, taken",
		bends: bends(firstAddress, allHome, onePhoto, caWords)},
	"us-ca popup": {
		lacks: "race, alias births, level, designation, status, predator, absconder, registered, verified, counties, coordinates, since, " +
			"statutes, committed, released, sentences, victims, charges, taken",
		bends: bends(firstAddress, allHome, onePhoto, func(f facts, p samplesite.Person) {
			alikeOnce(f, p, func(o samplesite.Offense) any { return o.Convicted.Year })
		}, caWords),
		start: func(site string, people []samplesite.Person) (all []scraper.Request) {
			for _, p := range people {
				id := fmt.Sprintf("%08dA%04d", p.ID, p.ID%10000)
				all = append(all, scraper.Request{Rule: "popup", URL: site + "/OffenderPop.aspx?ID=" + id, Carry: map[string]string{"key": id},
					Registrant: id})
			}
			return all
		}},
	"us-id": {
		lacks: "ethnicity, alias births, marks, level, designation, predator, absconder, coordinates, since, committed, released, sentences, " +
			"victims, charges",
		bends: bends(firstAddress, allHome, onePhoto, oneDate, func(f facts, p samplesite.Person) {
			f.set("states", "ID")
			var run []string // all in one cell, without a mark between them
			for _, a := range p.Aliases {
				run = append(run, a.Last+" "+a.First)
			}
			f.set("aliases", strings.Join(run, " "))
		})},
	"us-ne": {
		lacks: "ethnicity, alias births, marks, level, designation, status, predator, absconder, registered, verified, coordinates, " +
			"since, committed, released, sentences, charges, taken",
		bends: heldAtHome},
	"us-nd": {
		lacks: "ethnicity, alias births, marks, designation, predator, absconder, registered, verified, coordinates, since, statutes, " +
			"committed, released, sentences, victims, charges, taken",
		bends: bends(allHome, onePhoto, birthYear, func(f facts, p samplesite.Person) {
			each(f, "offenses", p.Offenses, func(o samplesite.Offense) string { return o.Description + "; " + o.Statute })
			f.set("level", map[int]string{2: "moderate", 3: "high"}[p.Level])
		})},
	"us-gu": {
		lacks: "sex, race, height, weight, eyes, hair, alias births, aliases, marks, designation, predator, absconder, registered, " +
			"verified, kinds, streets, cities, counties, states, zips, coordinates, since, statutes, committed, convicted, released, sentences, " +
			"victims, charges, taken",
		bends: bends(onePhoto, func(f facts, p samplesite.Person) {
			var all []string // in one box
			for _, o := range p.Offenses {
				all = append(all, o.Description)
			}
			f.set("offenses", strings.Join(all, "; "))
		})},
	"us-mi": {
		lacks: "ethnicity, alias births, level, designation, predator, absconder, registered, counties, coordinates, since, " +
			"statutes, committed, released, sentences, victims, charges, taken",
		bends: bends(onePhoto, oneState("MI"), func(f facts, p samplesite.Person) {
			each(f, "offenses", p.Offenses, func(o samplesite.Offense) string { return o.Statute + " - " + o.Description })
			f.set("status", map[bool]string{true: "registered", false: "non_compliant"}[p.Status == "Registered" || p.Status == "Incarcerated"])
		})},
	"us-va": {
		lacks: "birth, ethnicity, alias births, aliases, marks, designation, predator, absconder, coordinates, since, committed, " +
			"convicted, released, sentences, victims, charges, taken",
		bends: bends(onePhoto, compliant, oneState("VA"), func(f facts, p samplesite.Person) {
			f.set("level", fmt.Sprintf("Tier %d", p.Level))
			alikeOnce(f, p, func(o samplesite.Offense) any { return o.Statute })
		})},
	"us-wi": {
		lacks: "birth, alias births, marks, level, designation, predator, absconder, verified, since, committed, released, sentences, " +
			"victims, charges",
		bends: bends(firstAddress, allHome, onePhoto, oneDate, func(f facts, p samplesite.Person) {
			f.set("status", map[bool]string{true: "registered", false: "non_compliant"}[p.Status == "Registered" || p.Status == "Incarcerated"])
		})},
	"us-sd": { // who is late or gone is registered there, and all addresses are homes
		lacks: "sex, race, ethnicity, height, weight, eyes, hair, alias births, aliases, marks, level, designation, predator, absconder, " +
			"registered, verified, since, offenses, statutes, committed, convicted, released, sentences, victims, charges",
		bends: bends(allHome, onePhoto, oneDate, oneState("SD"), func(f facts, p samplesite.Person) {
			f.set("status", map[bool]string{true: "incarcerated", false: "registered"}[p.Status == "Incarcerated"])
		})},
	"us-mn-doc": {
		lacks: "sex, ethnicity, alias births, marks, level, designation, status, predator, absconder, registered, verified, coordinates, " +
			"since, committed, convicted, sentences, victims, charges, taken",
		bends: bends(firstAddress, allHome, func(f facts, p samplesite.Person) { offenseFacts(f, p.Offenses[:1]) })},
	"us-ut": {
		lacks: "ethnicity, alias births, designation, predator, absconder, registered, verified, counties, coordinates, since, " +
			"statutes, committed, sentences, victims, charges, taken",
		bends: bends(firstAddress, allHome, onePhoto, func(f facts, p samplesite.Person) {
			f.set("status", "registered")
			f.set("level", fmt.Sprintf("Tier %d", p.Level))
			each(f, "offenses", p.Offenses, func(o samplesite.Offense) string { return o.Statute + " - " + o.Description })
		})},
	"us-il-chicago": {
		lacks: "middle, ethnicity, eyes, hair, alias births, aliases, marks, level, designation, status, predator, absconder, " +
			"registered, verified, counties, zips, coordinates, since, offenses, statutes, committed, convicted, released, sentences, charges, " +
			"photos, taken",
		bends: bends(allHome, oneState("IL"), func(f facts, p samplesite.Person) {
			each(f, "cities", p.Addresses, func(samplesite.Address) string { return "Chicago" })
			each(f, "streets", p.Addresses, func(a samplesite.Address) string { return a.Number + "XX " + a.Street })
			f.set("victims", map[bool]string{true: "minor", false: "adult"}[p.Offenses[0].Minor()])
		})},
	"import-nsopw csv":  nsopw,
	"import-nsopw json": nsopw,
}

var nsopw = shape{
	lacks: "race, ethnicity, height, weight, eyes, hair, alias births, marks, level, designation, status, predator, registered, verified, " +
		"since, offenses, statutes, committed, convicted, released, sentences, victims, charges, taken",
	bends: bends(heldAtHome, onePhoto)}

type bend = func(facts, samplesite.Person)

func bends(all ...bend) bend {
	return func(f facts, p samplesite.Person) {
		for _, one := range all {
			one(f, p)
		}
	}
}

// firstAddress is for shapes with one address a person; it comes before what bends addresses.
func firstAddress(f facts, p samplesite.Person) { addressFacts(f, p.Addresses[:1]) }

// allHome is for shapes that do not say what an address is.
func allHome(f facts, _ samplesite.Person) {
	kinds := strings.Split(f["kinds"], "; ")
	for i := range kinds {
		kinds[i] = "home"
	}
	f.set("kinds", kinds...)
}

// firstIsCurrent is for shapes that tell the current address from those of before.
func firstIsCurrent(f facts, _ samplesite.Person) {
	kinds := strings.Split(f["kinds"], "; ")
	for i := range kinds[1:] {
		kinds[i+1] = schemas.AddressEarlier
	}
	f.set("kinds", kinds...)
}

// heldAtHome is for shapes that know no prison.
func heldAtHome(f facts, _ samplesite.Person) {
	f["kinds"] = strings.ReplaceAll(f["kinds"], "INMATE", "HOME")
}

// oneState is for shapes that leave their own state out.
func oneState(state string) bend {
	return func(f facts, p samplesite.Person) {
		each(f, "states", p.Addresses, func(samplesite.Address) string { return state })
	}
}

func birthYear(f facts, _ samplesite.Person) { f["birth"] = f["birth"][:4] }

// compliant is for shapes whose status does not tell who reports late.
func compliant(f facts, p samplesite.Person) {
	if p.Status == "Non-Compliant" {
		f.set("status", "registered")
	}
}

func onePhoto(f facts, _ samplesite.Person) { f["photos"], _, _ = strings.Cut(f["photos"], "; ") }

func oneDate(f facts, _ samplesite.Person) { f["taken"], _, _ = strings.Cut(f["taken"], "; ") }

// photoOfKey is for shapes whose photos have the address of their person: who has none gets the
// picture for "no photo".
func photoOfKey(f facts, p samplesite.Person) {
	if onePhoto(f, p); len(p.Photos) == 0 {
		f.set("photos", placeholderDigest())
	}
}

// alikeOnce is for shapes that print two convictions for the same thing alike: they become one.
func alikeOnce(f facts, p samplesite.Person, tell func(samplesite.Offense) any) {
	seen := map[string]bool{}
	offenses := slices.DeleteFunc(slices.Clone(p.Offenses), func(o samplesite.Offense) bool {
		line := fmt.Sprint(o.Description, tell(o))
		twice := seen[line]
		seen[line] = true
		return twice
	})
	offenseFacts(f, offenses)
}

func caWords(f facts, p samplesite.Person) {
	f.set("ethnicity", p.Race) // which California prints in the place of race
	for _, field := range []string{"convicted", "released"} {
		years := strings.Split(f[field], "; ")
		for i := range years {
			years[i] = years[i][:4]
		}
		f.set(field, years...)
	}
}

// tnAddresses puts a second home before work and calls it another address.
func tnAddresses(f facts, p samplesite.Person) {
	all := slices.Clone(p.Addresses)
	for i := range all[1:] {
		if all[i+1].Kind == "home" {
			all[i+1].Kind = "other"
		}
	}
	slices.SortStableFunc(all[1:], func(a, b samplesite.Address) int { return strings.Compare(a.Kind, b.Kind) })
	addressFacts(f, all)
	heldAtHome(f, p)
}
