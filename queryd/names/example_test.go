package names_test

import (
	"fmt"

	"lineup/queryd/names"
	"lineup/schemas"
	"lineup/schemas/namekey"
)

func ExampleScore() {
	record := schemas.Record{Name: schemas.Name{First: "ROBERT", Last: "SMITH-MADEUP"}}
	for _, asked := range []namekey.Query{
		{First: "Robert", Last: "Smith Madeup"},
		{First: "Bob", Last: "Smith-Madeup", Fuzzy: true},
		{First: "Robert", Last: "Madeup"},
		{First: "Roberta", Last: "Elsewhere"},
	} {
		match, ok := names.Score(asked, record, false)
		fmt.Printf("%s %s: %v %s\n", asked.First, asked.Last, ok, match.Why())
	}
	// Output:
	// Robert Smith Madeup: true exact
	// Bob Smith-Madeup: true nickname
	// Robert Madeup: true partial
	// Roberta Elsewhere: false
}
