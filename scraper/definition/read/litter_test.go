package read

import "testing"

func TestLitterIsNoData(t *testing.T) {
	for name, want := range map[string]bool{"__MACOSX/export/._names.csv": true, "export/.DS_Store": true, "photos/Thumbs.db": true,
		"._names.csv": true, "names.csv": false, "export/names.csv": false} {
		if litter(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
