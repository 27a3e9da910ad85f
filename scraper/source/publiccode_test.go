package source_test

import (
	"slices"
	"strings"
	"testing"

	"lineup/schemas"
	"lineup/scraper"
)

// The files in testdata/cases/public-code, and those of a definition's own testdata that are named here, are of invented people,
// in the shapes that public code reads from the real sites or serves to its own tests: the code that each definition names in
// verified. Nothing of a definition went into them.

func TestNebraskaAsPublicCodeReadsIt(t *testing.T) {
	counties, err := parsed(t, "us-ne", "search", "../../us-ne/testdata/search-whole.html")
	if err != nil || len(counties.Next) != 2 || counties.Next[1].Carry["county"] != "594" {
		t.Fatalf("counties: %+v, %v", counties.Next, err)
	}
	list, err := parsed(t, "us-ne", "list", "../../us-ne/testdata/list-whole.html")
	if err != nil || list.Total != 15 || !slices.Equal(list.Listed, []string{"199912WQF", "200112QPH"}) || len(list.Leftover) > 0 {
		t.Errorf("list: total %d, %v, left over %v, %v", list.Total, list.Listed, list.Leftover, err)
	}
	r := record(t, "us-ne", "detail", "../../us-ne/testdata/detail-whole.html")
	want := []schemas.Address{
		{Kind: schemas.AddressHome, Street: "1 Unreal St", City: "Notown", County: "Sample", State: "NE", Zip: "68001"},
		{Kind: schemas.AddressWork, Street: "2 Unreal Ave, Suite 3", City: "Notown", County: "Sample", State: "NE", Zip: "68001"},
	}
	if !slices.Equal(r.Addresses, want) {
		t.Errorf("addresses: %+v", r.Addresses)
	}
	if len(r.Offenses) != 2 || r.Offenses[0].Victim != "minor" || r.Offenses[1].Victim != "adult" || len(r.Aliases) != 2 ||
		r.Name.Full != "Wendell Q Fake" || r.Birth.String() != "1971-02-03" || len(r.Photos) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestIowaAsPublicCodeReadsIt(t *testing.T) {
	list, err := parsed(t, "us-ia", "list", "public-code/ia-list.json")
	if err != nil || list.Total != 1 || !slices.Equal(list.Listed, []string{"7"}) || len(list.Leftover) > 0 {
		t.Errorf("list: total %d, %v, left over %v, %v", list.Total, list.Listed, list.Leftover, err)
	}
	r := record(t, "us-ia", "detail", "public-code/ia-detail.json")
	if len(r.Offenses) != 1 || r.Offenses[0].Victim != "minor" { // one adult, one child
		t.Errorf("offences: %+v", r.Offenses)
	}
	if r.Birth.String() != "1977-01-09" || len(r.Marks) != 1 || len(r.Aliases) != 1 || len(r.Addresses) != 1 || r.Addresses[0].State != "IA" {
		t.Errorf("%+v", r)
	}
	// Some twenty older photos a person, at fifty requests an hour, would make a round last months.
	if len(r.Photos) != 1 || r.Photos[0].URL != "https://www.iowasexoffender.gov/api/photo/photoimagebyid/92755" {
		t.Errorf("photos: %+v", r.Photos)
	}
	if want := "/registrant/registrantdetail?id=7"; !strings.HasSuffix(r.URL, want) {
		t.Errorf("page: %s", r.URL)
	}
}

func TestOregonAsPublicCodeReadsIt(t *testing.T) {
	got, err := parsed(t, "us-or", "file", "public-code/or-offenders.csv")
	if err != nil || len(got.Drafts) != 5 || len(got.Leftover) > 0 {
		t.Fatalf("%d people, left over %v, %v", len(got.Drafts), got.Leftover, err)
	}
	for i, want := range []string{schemas.StatusNonCompliant, schemas.StatusIncarcerated, schemas.StatusSupervised,
		schemas.StatusNonResident, schemas.StatusNonCompliant} {
		if r := got.Drafts[i].Record; r.Status.Value != want {
			t.Errorf("%s is %+v, want %s", r.Name.Full, r.Status, want)
		}
	}
}

func TestNorthCarolinaAsPublicCodeReadsIt(t *testing.T) {
	r := record(t, "us-nc", "file", "../../us-nc/testdata/file-whole.zip")
	if want := []schemas.Address{{Kind: schemas.AddressHome, Street: "1 Unreal St", City: "Notown", County: "Sample", State: "NC",
		Zip: "27601"}}; !slices.Equal(r.Addresses, want) {
		t.Errorf("addresses: %+v", r.Addresses)
	}
	if r.Birth.String() != "1971-02-03" || r.Registered.String() != "2024-01-15" || r.Designation != "Sex Offender" ||
		r.Eyes.Value != "brown" {
		t.Errorf("%+v", r)
	}
	names := []string{}
	for _, a := range r.Aliases {
		names = append(names, a.First+" "+a.Last)
	}
	if !slices.Equal(names, []string{"WEN PHANTOM", "WEN FAKE"}) {
		t.Errorf("aliases: %v", names)
	}
	want := schemas.Offense{Description: "Invented offense", Statute: "14-27.21", Victim: "minor"}
	if len(r.Offenses) != 2 || r.Offenses[1].Description != "Attempted" { // the qualifier, where the statute has no words
		t.Fatalf("offences: %+v", r.Offenses)
	}
	o := r.Offenses[0]
	if o.Convicted.String() != "2010-03-01" || o.Committed.String() != "2010-02-01" || o.Released.String() != "2012-01-02" ||
		o.Description != want.Description || o.Statute != want.Statute || o.Victim != want.Victim {
		t.Errorf("offence: %+v", o)
	}
}

func TestTexasAsPublicCodeReadsIt(t *testing.T) {
	r := record(t, "us-tx", "file", "../../us-tx/testdata/file-formats.zip")
	names := []string{}
	for _, a := range r.Aliases {
		names = append(names, a.Full)
	}
	if r.Birth.String() != "1971-02-03" || !slices.Equal(names, []string{"PHANTOM,WEN", "FAKE,DELL"}) {
		t.Errorf("born %s, aliases %v", r.Birth, names)
	}
	if r.Level.Value != "moderate" || len(r.Addresses) != 1 || r.Addresses[0].County != "SAMPLE" ||
		r.Addresses[0].Street != "1 UNREAL ST APT 2" {
		t.Errorf("level %+v, addresses %+v", r.Level, r.Addresses)
	}
	if len(r.Offenses) != 1 || r.Offenses[0].Convicted.String() != "2010-03-01" || r.Offenses[0].Victim != "minor" ||
		r.Offenses[0].Description != "INVENTED OFFENSE" {
		t.Errorf("offences: %+v", r.Offenses)
	}
	if want := "/PublicSite/Search/Rapsheet/Photo?photoId=33001"; len(r.Photos) != 1 || !strings.HasSuffix(r.Photos[0].URL, want) {
		t.Errorf("photos: %+v", r.Photos)
	}
	if want := "/PublicSite/Search/Rapsheet?Sid=01110001"; !strings.HasSuffix(r.URL, want) {
		t.Errorf("page: %s", r.URL)
	}
}

// TestTexasTellsTheCurrentAddress: the event with the greatest number names the address of today. Those of earlier events are where
// somebody was reported before, and no place to find them by; who has no event is left as the table has them.
func TestTexasTellsTheCurrentAddress(t *testing.T) {
	got, err := parsed(t, "us-tx", "file", "../../us-tx/testdata/file-addresses.zip")
	if err != nil || len(got.Drafts) != 3 || len(got.Leftover) > 0 {
		t.Fatalf("%d people, left over %v, %v", len(got.Drafts), got.Leftover, err)
	}
	for i, want := range []string{
		"home 2 NOWHERE RD, earlier 1 UNREAL ST APT 2, earlier 3 NEVER LN", // in the file: 1, 2, 3; events 9, 10 and 8
		"earlier 4 UNREAL ST", // the last event names an address that is not public
		"home 5 UNREAL ST",
	} {
		r, said := got.Drafts[i].Record, []string{}
		for _, a := range r.Addresses {
			said = append(said, a.Kind+" "+a.Street)
		}
		if have := strings.Join(said, ", "); have != want {
			t.Errorf("%s: %s; want %s", r.Name.Full, have, want)
		}
	}
	if r := got.Drafts[1].Record; r.Placed() {
		t.Errorf("%s is found by an address of before: %+v", r.Name.Full, r.Addresses)
	}
}

// TestMissouriAsPublicCodeReadsIt: other names belong to who has their whole address and birth date: two who are homeless and born on
// one day are two people.
func TestMissouriAsPublicCodeReadsIt(t *testing.T) {
	got, err := parsed(t, "us-mo", "file", "../../us-mo/testdata/file-whole.zip")
	if err != nil || len(got.Drafts) != 3 || len(got.Leftover) > 0 {
		t.Fatalf("%d people, left over %v, %v", len(got.Drafts), got.Leftover, err)
	}
	for i, want := range []struct{ born, aliases string }{{"1974-01-02", "WEN FAKE; WENDELL MIRAGE; "}, {"1975-03-04", "ODO SPECTRE; "},
		{"1975-03-04", ""}} {
		r, aliases := got.Drafts[i].Record, ""
		for _, a := range r.Aliases {
			aliases += a.First + " " + a.Last + "; "
		}
		if r.Birth.String() != want.born || aliases != want.aliases {
			t.Errorf("%s: born %s, also %q; want %+v", r.Name.Full, r.Birth, aliases, want)
		}
	}
	offenses := got.Drafts[0].Record.Offenses
	if len(offenses) != 2 || offenses[0].Victim != "minor" || offenses[1].Victim != "" || offenses[0].Convicted.String() != "2003-01-01" ||
		offenses[0].Released.String() != "2005-01-01" || offenses[1].Committed.String() != "2004-01-01" {
		t.Errorf("offences: %+v", offenses)
	}
}

// TestMontanaAsPublicCodeReadsIt: one reader of the layer takes photos with an address alone, the other those relative to the map.
func TestMontanaAsPublicCodeReadsIt(t *testing.T) {
	got, err := parsed(t, "us-mt", "layer", "public-code/mt-layer.json")
	if err != nil || len(got.Drafts) != 3 || len(got.Leftover) > 0 {
		t.Fatalf("%d people, left over %v, %v", len(got.Drafts), got.Leftover, err)
	}
	var photos []scraper.Request
	for _, d := range got.Drafts {
		photos = append(photos, d.Photos...)
	}
	if len(photos) != 2 || photos[0].URL != "https://app.dojmt.gov/apps/svow/photos/9001.jpg" ||
		photos[1].URL != "https://app.dojmt.gov/apps/svow/photos/9002.jpg" {
		t.Errorf("photos: %+v", photos)
	}
	if r := got.Drafts[0].Record; len(r.Addresses) != 2 || r.Addresses[0].Zip != "59001" || r.Addresses[1].Street != "MILE 3 UNREAL RD" {
		t.Errorf("addresses: %+v", r.Addresses)
	}
}
