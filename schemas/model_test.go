package schemas_test

import (
	"math"
	"testing"

	"lineup/schemas"
)

func TestDistanceIsTheModels(t *testing.T) {
	m := schemas.Model{Metric: "euclidean"}
	if got := m.Distance([]float32{1, 2, 3}, []float32{4, 6, 3}); got != 5 {
		t.Errorf("distance = %g, want 5", got)
	}
	if got := m.Distance([]float32{1}, []float32{1, 2}); !math.IsNaN(got) {
		t.Errorf("distance of unequal lengths = %g, want NaN", got)
	}
	if got := (schemas.Model{Metric: "cosine"}).Distance([]float32{1}, []float32{2}); !math.IsNaN(got) {
		t.Errorf("distance in an unknown metric = %g, want NaN", got)
	}
}
