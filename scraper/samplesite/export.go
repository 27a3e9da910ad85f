package samplesite

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// ExportForms are the forms of the national site's file exchange that Export writes: version 2 is
// three CSV files, version 3 one JSON array.
var ExportForms = []string{"csv", "json"}

// Export writes the registry into dir as an agency would hand it over: the records in one of
// ExportForms, the photos beside them in photos/; files there already are written over.
func (s *Site) Export(dir, form string) error {
	files := map[string][]byte{}
	switch form {
	case "csv":
		for name, t := range exportTables {
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			for row := range t.each(s, "") {
				w.Write(row) // writing to memory does not fail
			}
			w.Flush()
			files["sample_"+name+".csv"] = b.Bytes()
		}
	case "json":
		all := []object{}
		for p := range s.People() {
			all = append(all, exported(p))
		}
		data, err := json.MarshalIndent(all, "", " ")
		if err != nil {
			return fmt.Errorf("export the sample registry: %w", err)
		}
		files["sample.json"] = data
	default:
		return fmt.Errorf("export form %q: want one of %v", form, ExportForms)
	}
	if err := os.MkdirAll(filepath.Join(dir, "photos"), 0o755); err != nil {
		return fmt.Errorf("export the sample registry: %w", err)
	}
	for p := range s.People() {
		if len(p.Photos) == 0 {
			continue
		}
		data, err := p.Photos[0].Bytes()
		if err != nil {
			return err
		}
		files[exportPhoto(p)] = data
	}
	var errs []error
	for name, data := range files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("export the sample registry: %w", err)
	}
	return nil
}

func exportPhoto(p Person) string {
	if len(p.Photos) == 0 {
		return ""
	}
	return "photos/" + strconv.Itoa(p.ID) + ".jpg"
}

func exportURI(p Person) string { return "https://registry.example/" + strconv.Itoa(p.ID) }

// exportKind is the letter of a location's kind.
func exportKind(a Address) string {
	return map[string]string{"home": "R", "work": "E", "inmate": "R"}[a.Kind]
}

var exportTables = map[string]table{
	"offenders": {id: -1, columns: []string{"id", "dob", "gender", "webUrl", "photoUrl", "absconder"}, rows: func(p Person) [][]string {
		return [][]string{{strconv.Itoa(p.ID), p.Born.String(), letter(p.Sex), exportURI(p), exportPhoto(p),
			yesNo(p.Status == "Absconder")}}
	}},
	"names": {id: -1, columns: []string{"id", "prefix", "firstName", "middleName", "lastName", "suffix", "comment", "primary"},
		rows: func(p Person) [][]string {
			out := [][]string{{strconv.Itoa(p.ID), "", p.First, p.Middle, p.Last, p.Suffix, "", "Y"}}
			for _, a := range p.Aliases {
				out = append(out, []string{strconv.Itoa(p.ID), "", a.First, "", a.Last, "", "", "N"})
			}
			return out
		}},
	"addresses": {id: -1, columns: []string{"id", "locationName", "type", "streetAddress", "city", "state", "county", "zipCode",
		"latitude", "longitude"}, rows: func(p Person) (out [][]string) {
		for _, a := range p.Addresses {
			out = append(out, []string{strconv.Itoa(p.ID), "", exportKind(a), a.Line(), a.City, a.State, a.County, a.Zip, degrees(a.Lat),
				degrees(a.Lon)})
		}
		return out
	}},
}

// exported is a registrant in the JSON of version 3.
func exported(p Person) object {
	name := func(first, middle, last, suffix string) object {
		return object{"firstName": first, "middleName": middle, "lastName": last, "suffix": suffix}
	}
	aliases, locations := []object{}, []object{}
	for _, a := range p.Aliases {
		aliases = append(aliases, name(a.First, "", a.Last, ""))
	}
	for _, a := range p.Addresses {
		locations = append(locations, object{"name": "", "type": exportKind(a), "streetAddress": a.Line(), "city": a.City, "county": a.County,
			"state": a.State, "zipCode": a.Zip,
			"latitude": json.Number(degrees(a.Lat)), "longitude": json.Number(degrees(a.Lon))})
	}
	return object{"id": strconv.Itoa(p.ID), "name": name(p.First, p.Middle, p.Last, p.Suffix), "aliases": aliases, "gender": letter(p.Sex),
		"dob":       p.Born.String(),
		"locations": locations, "offenderUri": exportURI(p), "imageUri": exportPhoto(p), "absconder": p.Status == "Absconder",
		"jurisdictionId": "XX"}
}
