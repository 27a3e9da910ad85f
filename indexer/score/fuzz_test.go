package score_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// FuzzScore: whatever neighbours an index gives, scores stay within their bounds and in order,
// nobody is a candidate twice or from beyond the model's reach, and the outcome says what the
// candidates say. Each neighbour is 10 bytes: registrant, photo, distance.
func FuzzScore(f *testing.F) {
	encode := func(neighbours []index.Neighbour) (data []byte) {
		for i, n := range neighbours {
			data = append(data, byte(i), byte(i/2))
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(n.Distance))
		}
		return data
	}
	f.Add(encode(append(crowd(0.4, 16, 2, 64), neighbour("mate", 0.2))), 1000, 20.0)
	f.Add(encode(crowd(0.5, 14, 1, 44)), 44, 0.0)
	f.Add(encode([]index.Neighbour{neighbour("a", 0), neighbour("b", 0), neighbour("c", 0.6)}), 3, -1.0)
	f.Add(encode([]index.Neighbour{neighbour("a", math.NaN()), neighbour("b", math.Inf(1)), neighbour("c", -1)}), -5, math.NaN())
	f.Fuzz(func(t *testing.T, data []byte, registrants int, slope float64) {
		var neighbours []index.Neighbour
		for ; len(data) >= 10; data = data[10:] {
			n := neighbour(fmt.Sprint(data[0]), math.Float64frombits(binary.LittleEndian.Uint64(data[2:])))
			n.Face.Photo = schemas.Digest(fmt.Sprint(data[1]))
			neighbours = append(neighbours, n)
		}
		s := score.Of(neighbours, model, score.Gallery{Registrants: registrants, Slope: slope})
		seen := map[schemas.UUID]bool{}
		for i, c := range s.Candidates {
			if !(c.Similarity >= 0 && c.Similarity <= 100 && c.ExpectedFalseMatches >= 0 && c.Distance <= model.MaxDistance) ||
				seen[c.Face.Registrant] {
				t.Fatalf("candidate %d: %+v", i, c)
			}
			seen[c.Face.Registrant] = true
			if i > 0 {
				if a := s.Candidates[i-1]; a.Similarity < c.Similarity || a.Similarity == c.Similarity && a.Face.Registrant > c.Face.Registrant ||
					a.Similarity > c.Similarity && a.Distance > c.Distance {
					t.Fatalf("candidates %d and %d out of order: %+v, %+v", i-1, i, a, c)
				}
			}
		}
		want := score.NoMatch
		if len(s.Candidates) > 0 {
			want = score.Inconclusive
		}
		if len(s.Matches(1)) > 0 {
			want = score.Match
		}
		if s.Outcome != want {
			t.Fatalf("outcome %s with candidates %+v, want %s", s.Outcome, s.Candidates, want)
		}
	})
}
