package names_test

import (
	"testing"

	"lineup/queryd/names"
	"lineup/schemas/namekey"
)

func BenchmarkScore(b *testing.B) {
	q := namekey.Query{First: "bob", Last: "smyth", Fuzzy: true}
	for b.Loop() {
		names.Score(q, record("Robert", "Quinn", "Smith-Johnson"), false)
	}
}

func BenchmarkKeysOfARecord(b *testing.B) {
	for b.Loop() {
		namekey.Of(record("Robert", "Quinn", "Smith-Johnson"))
	}
}
