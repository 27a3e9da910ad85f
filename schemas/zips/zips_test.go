package zips

import (
	"bytes"
	"compress/gzip"
	"testing"

	"lineup/schemas"
)

func TestZIPCodesAreWhereTheyAre(t *testing.T) {
	if err := Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ code, state, city string }{
		{"10001", "NY", "New York"}, {"90210", "CA", "Beverly Hills"}, {"99553", "AK", "Akutan"}, {"00601", "PR", ""}, {"00802", "VI", ""},
		{"96799", "AS", ""}, {"96910", "GU", ""}, {"96950", "MP", ""}, {"02134-1001", "MA", "Allston"},
	} {
		zip, ok := Find(c.code)
		if !ok || zip.State != c.state || zip.City != c.city || zip.Code != c.code[:5] {
			t.Errorf("%s is %v, %t", c.code, zip, ok)
		}
	}
	for _, code := range []string{"", "1000", "00000", "abcde", "99999"} {
		if zip, ok := Find(code); ok {
			t.Errorf("%q is %v", code, zip)
		}
	}
	if zip, _ := Find("60601"); zip.Lat < 41.8 || zip.Lat > 41.95 || zip.Lon < -87.7 || zip.Lon > -87.5 {
		t.Errorf("the middle of Chicago is at %v", zip)
	}
}

// TestTheTableIsWhole holds that each state is there and that the ZIP codes agree with the Postal
// Service's prefixes, by which the rest of the house finds a ZIP code's state.
func TestTheTableIsWhole(t *testing.T) {
	all, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 41_000 {
		t.Errorf("there are %d ZIP codes", len(all))
	}
	counts, others := map[string]int{}, 0
	for _, z := range all {
		counts[z.State]++
		if schemas.StateOfZip(z.Code) != z.State {
			others++
		}
	}
	for _, state := range schemas.States() {
		if counts[state.Code] == 0 {
			t.Errorf("%s has no ZIP code", state.Name)
		}
	}
	if others > 60 {
		t.Errorf("%d ZIP codes are of another state than their prefix", others)
	}
}

func TestABrokenTableIsRefused(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "cut off": "601\nPR\n\n18.1\n", "no number": "601\nPR\n\nnorth\n-66\n",
		"nowhere": "601\nPR\n\n118.1\n-66\n"} {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		if _, err := unpack(&b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := unpack(bytes.NewReader([]byte("not packed"))); err == nil {
		t.Error("not packed: no error")
	}
}
