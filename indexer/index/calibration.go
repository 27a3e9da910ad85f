package index

import (
	"errors"
	"math"
	"time"
)

// Calibration is what searching a generation with a sample of its own faces taught about the
// scores of searches in it. It is measured by indexer/score, which alone knows what the figures
// mean, and stored with the generation, so that every daemon scores with the same ones. The zero
// value is one that was not measured.
type Calibration struct {
	Version     int       `json:"version"`     // of the way of measuring
	Registrants int       `json:"registrants"` // with a face, when it was measured
	Probes      int       `json:"probes"`      // sampled faces whose search counts (n)
	Slope       float64   `json:"slope"`       // median slope of their neighbourhoods (m0); 0: too few people for one
	Offset      float64   `json:"offset"`      // a of log E' = a + s log E
	Power       float64   `json:"power"`       // s; 0: no line could be fitted
	Measured    time.Time `json:"measured"`
}

// Validate reports what makes a calibration unfit to be stored.
func (c Calibration) Validate() error {
	for _, x := range []float64{c.Slope, c.Offset, c.Power} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return errors.New("calibration: a figure is not finite")
		}
	}
	return nil
}
