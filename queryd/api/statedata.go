package api

import (
	"cmp"
	"html"
	"strings"

	"lineup/schemas"
)

// crimeOf packs the offences into one text, in one of the two layouts that clients parse.
func crimeOf(offenses []schemas.Offense, bullets bool) string {
	var lines []string
	for _, o := range offenses {
		title := cmp.Or(o.Description, ChargeTitles(o.Charges))
		parts := []struct{ label, bullet, value string }{
			{"Crime", "Title", title},
			{"Conviction date", "Date Convicted", o.Convicted.String()},
			{"Statute", "Section", cmp.Or(o.Statute, chargeSections(o.Charges))},
			{"Jurisdiction", "Jurisdiction", o.Place},
			{"Sentence", "Sentence", o.Sentence},
			{"Victim's age", "Victim", o.Victim},
		}
		var fields []string
		for _, p := range parts {
			switch {
			case p.value == "":
			case bullets:
				fields = append(fields, "* "+p.bullet+": "+p.value)
			default:
				fields = append(fields, p.label+": "+p.value)
			}
		}
		separator := ", "
		if bullets {
			separator = "\n"
		}
		lines = append(lines, strings.Join(fields, separator))
	}
	return strings.Join(lines, "\n")
}

func ChargeTitles(charges []schemas.Charge) string {
	var all []string
	for _, c := range charges {
		all = append(all, cmp.Or(c.Title, c.Description))
	}
	return strings.Join(all, "; ")
}

func chargeSections(charges []schemas.Charge) string {
	var all []string
	for _, c := range charges {
		all = append(all, strings.TrimSpace(c.Section+" "+c.Subsection))
	}
	return strings.Join(all, "; ")
}

// stateDataOf is what the source publishes beyond the common fields, under the contract's
// names. Only what is known is there.
func stateDataOf(r schemas.Record) map[string]any {
	data := map[string]any{}
	set := func(name, value string) {
		if value != "" {
			data[name] = value
		}
	}
	set("stateOffenderId", r.Key)
	set("status", cmp.Or(r.Status.Raw, Capital(r.Status.Value)))
	set("designation", r.Designation)
	set("registrationStarts", r.Registered.String())
	set("registrationEnds", r.RegistersTo.String())
	set("lastVerificationDate", r.Verified.String())
	set("sourceUpdated", r.Updated.String())
	set("riskScheme", r.Level.Scheme)
	if r.Lifetime != nil {
		data["isLifetimeRegistration"] = *r.Lifetime
	}
	if r.Status.Value == schemas.StatusIncarcerated {
		data["incarcerationStatus"] = "Incarcerated"
	}
	if r.Status.Value == schemas.StatusNonCompliant {
		data["complianceStatus"] = "Non-compliant"
	}
	var offenses []map[string]any
	for _, o := range r.Offenses {
		one := map[string]any{}
		for name, value := range map[string]string{"description": cmp.Or(o.Description, ChargeTitles(o.Charges)),
			"convictionDate": o.Convicted.String(), "statuteCode": cmp.Or(o.Statute, chargeSections(o.Charges)),
			"victimAge": o.Victim, "sentence": o.Sentence, "disposition": o.Disposition, "place": o.Place,
			"offenseDate": o.Committed.String(), "releaseDate": o.Released.String()} {
			if value != "" {
				one[name] = value
			}
		}
		offenses = append(offenses, one)
	}
	if offenses != nil {
		data["offenses"] = offenses
	}
	var vehicles []map[string]string
	for _, v := range r.Vehicles {
		vehicles = append(vehicles, map[string]string{"plate": v.Plate, "make": v.Make, "model": v.Model, "year": v.Year, "color": v.Color})
	}
	if vehicles != nil {
		data["vehicles"] = vehicles
	}
	var photos []string
	for _, p := range r.Photos {
		photos = append(photos, schemas.WebLink(p.URL))
	}
	if photos != nil {
		data["photos"] = photos
	}
	for _, f := range r.SourceFields {
		if _, taken := data[f.Name]; !taken {
			data[f.Name] = f.Value
		}
	}
	data["datePrecision"] = map[string]string{"dob": r.Birth.Precision()}
	return data
}

// contentOf is a short summary of a record as HTML: text only, everything escaped.
func contentOf(o Offender) string {
	var b strings.Builder
	var address string
	if o.Address+o.City+o.Zip != "" {
		address = strings.Trim(strings.Join([]string{o.Address, o.City, o.State, o.Zip}, ", "), ", ")
	}
	b.WriteString("<dl>")
	for _, line := range [][2]string{{"Name", o.Name}, {"Age", o.Age}, {"Sex", o.Sex}, {"Address", address},
		{"Level", o.Risk}, {"Offenses", o.Crime}} {
		if line[1] != "" {
			b.WriteString("<dt>" + line[0] + "</dt><dd>" + strings.ReplaceAll(html.EscapeString(line[1]), "\n", "<br>") + "</dd>")
		}
	}
	b.WriteString("</dl>")
	return b.String()
}
