package definition

import "testing"

func TestDenied(t *testing.T) {
	for _, name := range []string{"Driver License No.", "DL_STATE", "driverlicense", "SSN", "Supervising Officer", "supervisionOfficer",
		"Agent Phone", "employerName",
		"Employer Name", "SCHOOL_NAME", "License Plate No.", "Victim Relation", "Relationship to Victim", "Shoe Size", "Comments", "Case Number",
		"inmate_id"} {
		if !Denied(name) {
			t.Errorf("%q may be stored", name)
		}
	}
	for _, name := range []string{"Name", "License", "Address", "Employment Address", "Victim Age", "School", "Offense", "Status"} {
		if Denied(name) {
			t.Errorf("%q may not be stored", name)
		}
	}
}
