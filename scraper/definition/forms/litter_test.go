package forms

import "testing"

func TestLitterIsNoData(t *testing.T) {
	for name, want := range map[string]bool{"__MACOSX/export/._names.csv": true, "export/.DS_Store": true, "photos/Thumbs.db": true,
		"._names.csv": true, "names.csv": false, "export/names.csv": false,
		"photos/@eaDir/1001.jpg/thumb.jpg": true, ".AppleDouble/names.csv": true, "$RECYCLE.BIN/a.csv": true, "export/~$names.xlsx": true,
		"export/.~lock.names.csv#": true, "ehthumbs.db": true, "Thumbs.db:encryptable": true, "export/Desktop.ini": true, "names.csv~": true,
		"names.csv.bak": true, "System Volume Information/x.csv": true, ".git/config": true, "macosx/names.csv": false, "thumbs/1001.jpg": false,
		"export/iconic.csv": false, "a.b.csv": false, "__MACOSX\\._names.csv": true} {
		if Litter(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestFootOfATable(t *testing.T) {
	for text, want := range map[string]bool{
		"2 records": true, "(2 rows affected)": true, "Records returned: 2": true, "End of file": true, "Report generated 11/27/2026": true,
		"Page 1 of 1": true, "TOTAL OFFENDERS 2": true, "*** End of report ***": true, "Data as of 11/27/2026": true, "Source: registry": true,
		"FAKE, WENDELL": false, "PAGE, WENDELL": false, "COUNT, ODO": false, "Generated, Odo": false, "NOTES, WENDELL": false,
	} {
		if got := Foot([]string{text, "", "", ""}); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if !Foot([]string{"", "", "", "2"}) || Foot([]string{"12"}) {
		t.Error("a number alone")
	}
}
