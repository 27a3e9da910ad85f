package embedded

/*
#include "scan.h"
*/
import "C"

import (
	"errors"
	"math"
)

// sieveHead describes a sieve in a snapshot file; numbers are as this machine has them.
type sieveHead struct {
	Mean   []byte  `json:"mean"`
	Axes   []byte  `json:"axes"`
	Centre float64 `json:"centre"`
	Scale  float64 `json:"scale"`
}

func (s *sieve) head() *sieveHead {
	if s == nil {
		return nil
	}
	return &sieveHead{bytesIn(s.mean), bytesIn(s.axes), float64(s.basis.centre), float64(s.basis.scale)}
}

// sieve makes the sieve that a file describes, none for none.
func (h *sieveHead) sieve(stride int) (*sieve, error) {
	if h == nil {
		return nil, nil
	}
	s, err := newSieve(stride)
	if err != nil {
		return nil, err
	}
	finite := h.Scale > 0 && !math.IsInf(h.Scale, 0) && !math.IsNaN(h.Centre) && !math.IsInf(h.Centre, 0)
	if len(h.Mean) == 8*len(s.mean) && len(h.Axes) == 8*len(s.axes) {
		copy(bytesIn(s.mean), h.Mean)
		copy(bytesIn(s.axes), h.Axes)
		for _, x := range s.mean {
			finite = finite && math.Abs(x) <= math.MaxFloat32
		}
		if s.basis.centre, s.basis.scale = C.double(h.Centre), C.double(h.Scale); finite && s.orthonormal(stride) {
			return s, nil
		}
	}
	free(s.all())
	return nil, errors.New("damaged: a sieve that is none")
}

// takeSieve copies the sieve codes of row i of another chunk, or makes them where that one has another sieve.
// most is how far the farthest of the other chunk's rows is from its code.
func (c *chunk) takeSieve(n int, from *chunk, i int, most float64, stride int) {
	if c.sieve == nil {
		return
	}
	if n%group == 0 {
		clear(c.blocks[n*sieveBytes:][:group*sieveBytes])
	}
	if from.sieve != c.sieve {
		c.sift(n, 1, stride)
		return
	}
	to, of := c.blocks[n/group*group*sieveBytes+n%group*4:], from.blocks[i/group*group*sieveBytes+i%group*4:]
	for at := 0; at < group*sieveBytes; at += 4 * group {
		copy(to[at:at+4], of[at:at+4])
	}
	if c.norms[n] = from.norms[i]; c.norms[n] == C.LINEUP_ALWAYS {
		c.odd++
	}
	c.sieveErr = max(c.sieveErr, most)
}

// readSieve checks the sieve codes of a chunk's first n rows, which were read from a file.
func (c *chunk) readSieve(n int) error {
	if c.sieve == nil {
		return nil
	}
	c.sieveErr, c.odd = math.Float64frombits(c.trailer[0]), int(min(c.trailer[1], uint64(n)))
	if !(c.sieveErr >= 0) {
		return errors.New("damaged: a sieve with no bound")
	}
	for _, norm := range c.norms[:n] {
		if norm != C.LINEUP_ALWAYS && (norm < 0 || norm > sieveBytes*127*127) {
			return errors.New("damaged: a sieve with wrong codes")
		}
	}
	return nil
}
