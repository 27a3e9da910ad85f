package namekey_test

import (
	"slices"
	"testing"

	"lineup/schemas"
	"lineup/schemas/namekey"
)

func TestAnAddressMeetsTheRecordsItCanMean(t *testing.T) {
	for _, c := range []struct {
		asked  string
		record schemas.Address
		want   bool
	}{
		{"1 Example Road", schemas.Address{Street: "1 EXAMPLE RD."}, true},
		{"1 example rd, sampleton, new york 00001", schemas.Address{Street: "1 Example Road"}, true},
		{"example road", schemas.Address{Street: "1 Example Road"}, true},
		{"1 Example Road", schemas.Address{Street: "1 North Example Road Apt 4"}, true},
		{"12 Court Street", schemas.Address{Street: "12 Court St"}, true},
		{"12 Court St, Sampleton", schemas.Address{Street: "12 Court St"}, true},
		{"court street, sampleton", schemas.Address{Street: "12 Court St"}, true},
		{"9 Highway 12", schemas.Address{Street: "9 HWY 12"}, true},
		{"1 Example Road", schemas.Address{Raw: "1 Example Road, Sampleton NY"}, true},
		{"3 Example Road", schemas.Address{Street: "1 Example Road"}, false},
		{"1 Other Road", schemas.Address{Street: "1 Example Lane"}, false},
		{"transient", schemas.Address{Street: "TRANSIENT"}, true},
		{"...", schemas.Address{Street: "..."}, false},
	} {
		keys := namekey.Of(schemas.Record{Addresses: []schemas.Address{c.record}})
		got := slices.ContainsFunc(namekey.StreetKeys(c.asked), func(k string) bool { return slices.Contains(keys, k) })
		if got != c.want {
			t.Errorf("%q, %+v: %v, want %v (%v, %v)", c.asked, c.record, got, c.want, namekey.StreetKeys(c.asked), keys)
		}
	}
}

func TestOneStreetBringsFewRecords(t *testing.T) {
	if keys := namekey.StreetKeys("1 Main Street"); !slices.Equal(keys, []string{"a:1 main"}) {
		t.Errorf("%v", keys)
	}
	if keys := namekey.StreetKeys("Main Street"); !slices.Equal(keys, []string{"a:main"}) {
		t.Errorf("%v", keys)
	}
}
