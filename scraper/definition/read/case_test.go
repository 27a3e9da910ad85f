package read

import (
	"testing"

	"lineup/scraper/definition"
)

func TestCase(t *testing.T) {
	d := &doc{}
	for _, test := range [][3]string{
		{"lower", "3F2A-BC", "3f2a-bc"}, {"title", "MARY-ANN O'NEIL", "Mary-Ann O'Neil"}, {"title", "ÉLODIE ÑANDÚ", "Élodie Ñandú"}, {"",
			"As Is", "As Is"},
	} {
		got, err := d.cleanPart(test[1], &definition.Value{Case: test[0]})
		if err != nil || got != test[2] {
			t.Errorf("%s %q: %q, %v; want %q", test[0], test[1], got, err, test[2])
		}
	}
}
