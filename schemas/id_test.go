package schemas_test

import (
	"errors"
	"strings"
	"testing"

	"lineup/schemas"
)

// TestSourcesOfAgencies holds what an agency may be called, and that ids of two are never one.
func TestSourcesOfAgencies(t *testing.T) {
	for name, want := range map[string]string{"omaha-pd": "import-zz@omaha-pd", "Omaha.PD": "import-zz@omaha.pd", "7": "import-zz@7",
		strings.Repeat("a", 63): "import-zz@" + strings.Repeat("a", 63)} {
		got, err := schemas.AgencySource("import-zz", name)
		if err != nil || got != want {
			t.Errorf("%q: %q %v", name, got, err)
		}
		if definition, agency := schemas.SplitSource(got); definition != "import-zz" || agency != strings.ToLower(name) {
			t.Errorf("%q parts into %q and %q", got, definition, agency)
		}
	}
	for _, name := range []string{"", "-a", "a-", ".", "..", "a/b", "a b", "a@b", "a*", "a>", "\u00e9", "a\n", strings.Repeat("a", 64)} {
		if got, err := schemas.AgencySource("import-zz", name); !errors.Is(err, schemas.ErrAgency) {
			t.Errorf("%q: %q %v", name, got, err)
		}
	}
	if got, err := schemas.AgencySource("import-zz@a", "b"); !errors.Is(err, schemas.ErrAgency) {
		t.Errorf("an agency of an agency: %q %v", got, err)
	}
	if definition, agency := schemas.SplitSource("us-ne"); definition != "us-ne" || agency != "" {
		t.Errorf("us-ne parts into %q and %q", definition, agency)
	}
	if schemas.RegistrantID("import-zz@a", "1001") == schemas.RegistrantID("import-zz@b", "1001") {
		t.Error("equal keys of two agencies are one registrant")
	}
}
