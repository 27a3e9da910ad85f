package embedded

/*
#include "scan.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"unsafe"
)

const (
	axes       = C.LINEUP_AXES
	sieveBytes = C.LINEUP_SIEVE // of a row, without its norm
	group      = C.LINEUP_GROUP

	// sieveSample is how many faces the axes are taken from.
	sieveSample = 4096
	// Shorter embeddings have little that a sieve leaves out; for longer ones the principal axes take too long.
	sieveLeast, sieveMost = 96, 512

	// partBytes is what a chunk's sieve takes, and slabChunks how many chunks' lie together: in
	// large pages, and one after the other. Memory that is not written to yet costs nothing.
	partBytes  = chunkRows * (sieveBytes + 4)
	slabChunks = 32
)

// newSieve makes a sieve whose mean and axes are zero.
func newSieve(stride int) (*sieve, error) {
	head := int(unsafe.Sizeof(C.lineup_basis{}))
	mem, err := memory(head + 8*stride*(1+axes))
	if err != nil {
		return nil, err
	}
	s := &sieve{basis: (*C.lineup_basis)(unsafe.Pointer(&mem[0])), mem: mem}
	s.mean, s.axes = as[float64](mem[head:][:8*stride]), as[float64](mem[head+8*stride:])
	s.basis.mean, s.basis.axes = (*C.double)(&s.mean[0]), (*C.double)(&s.axes[0])
	return s, nil
}

// part is the memory of a chunk's sieve, by the chunk's number.
func (s *sieve) part(at int) (blocks []uint8, norms []int32, err error) {
	for at/slabChunks >= len(s.slabs) {
		slab, err := memory(slabChunks * partBytes)
		if err != nil {
			return nil, nil, err
		}
		s.slabs = append(s.slabs, slab)
	}
	mem := s.slabs[at/slabChunks][at%slabChunks*partBytes:][:partBytes]
	return mem[:chunkRows*sieveBytes], as[int32](mem[chunkRows*sieveBytes:]), nil
}

// all is all the memory of a sieve.
func (s *sieve) all() [][]byte { return append(s.slabs, s.mem) }

// orthonormal reports whether the axes are so nearly of length one and at right angles that the scan's
// margin for rounding covers the rest.
func (s *sieve) orthonormal(stride int) bool {
	for i := range axes {
		for j := range i + 1 {
			dot := 0.0
			for n := range stride {
				dot += s.axes[i*stride+n] * s.axes[j*stride+n]
			}
			if i == j {
				dot--
			}
			if !(math.Abs(dot) < 1e-10) {
				return false
			}
		}
	}
	return true
}

// useSieve gives a chunk its part of the sieve, and codes its first n rows.
func (c *chunk) useSieve(s *sieve, at, n, stride int) error {
	blocks, norms, err := s.part(at)
	if err != nil {
		return err
	}
	c.sieve, c.blocks, c.norms, c.sieveErr, c.odd = s, blocks, norms, 0, 0
	c.sift(0, n, stride)
	return nil
}

// sift codes n rows of a chunk for its sieve.
func (c *chunk) sift(at, n, stride int) {
	if c.sieve == nil || n == 0 {
		return
	}
	odd := C.int64_t(0)
	err := C.lineup_sieve_code(c.sieve.basis, (*C.float)(&c.rows[at*stride]), C.int64_t(n), C.int64_t(stride), C.int64_t(at),
		(*C.uint8_t)(&c.blocks[0]), (*C.int32_t)(&c.norms[0]), &odd)
	c.sieveErr = max(c.sieveErr, float64(err))
	c.odd += int(odd)
}

// sieveDue reports whether new axes would be better: there are none, the gallery is not the one they were
// taken from any more, or they do not fit many of its rows.
func (a *arena) sieveDue() bool {
	if a.faces < a.sieveFrom || a.dim < sieveLeast || a.dim > sieveMost {
		return false
	}
	if a.sieve == nil || a.added >= 3*a.fittedTo {
		return true
	}
	odd := 0
	for _, c := range a.chunks {
		odd += c.odd
	}
	return odd > a.used/50 && a.added > a.fittedTo/4
}

// adopt makes a sieve the one that chunks get from now on.
func (a *arena) adopt(s *sieve) {
	if a.sieve != nil {
		a.outdated = append(a.outdated, a.sieve)
	}
	a.sieve, a.fittedTo, a.added = s, a.faces, 0
}

// resift gives one chunk that has another sieve the present one, in the next version, and reports
// whether there was one. It takes some ten milliseconds.
func (a *arena) resift() (bool, error) {
	for at, c := range a.chunks {
		if c.sieve == a.sieve {
			continue
		}
		fresh := *c
		if err := fresh.useSieve(a.sieve, at, min(chunkRows, a.used-at*chunkRows), a.stride); err != nil {
			return false, err
		}
		a.chunks[at] = &fresh
		return true, nil
	}
	for _, s := range a.outdated {
		for _, mem := range s.all() {
			a.retired = append(a.retired, retired{mem, a.version + 1})
		}
	}
	a.outdated = nil
	return false, nil
}

var errSpread = errors.New("the axes of the sieve are not orthonormal")

// fitSieve takes the principal axes, turned at random within their space so that each has its share of
// the spread, from a sample of a view's faces.
func fitSieve(v *view, dim int) (*sieve, error) {
	rows := v.spread(sieveSample)
	s, err := newSieve(v.stride)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		for i, x := range row[:dim] {
			s.mean[i] += float64(x) / float64(len(rows))
		}
	}
	rng := rand.New(rand.NewPCG(1, uint64(dim)))
	found := principal(covariance(rows, s.mean[:dim]), dim, rng)
	turn := randomMatrix(rng, axes, axes)
	orthonormalise(turn, axes, rng)
	for i := range axes {
		for j := range axes {
			for n := range dim {
				s.axes[i*v.stride+n] += turn[i][j] * found[j][n]
			}
		}
	}
	if !s.orthonormal(v.stride) {
		free(s.all())
		return nil, errSpread
	}
	s.scaleTo(rows, v.stride)
	return s, nil
}

// spread gives about n of the faces' embeddings, from all over the gallery.
func (v *view) spread(n int) (rows [][]float32) {
	used := 0
	for i := range v.table {
		used += int(v.table[i].n)
	}
	step := max(1, used/n)
	for at := 0; at < used; at += step {
		if c := v.chunks[at/chunkRows]; v.visible(c, at%chunkRows) {
			rows = append(rows, c.rows[at%chunkRows*v.stride:][:v.stride])
		}
	}
	return rows
}

// scaleTo sets centre and scale for rows: nearly all fit with some room, and the few that do not are not passed over.
func (s *sieve) scaleTo(rows [][]float32, stride int) {
	var z [sieveBytes]float64
	largest, least, most := 0.0, math.Inf(1), 0.0
	for _, row := range rows {
		C.lineup_rotate(s.basis, (*C.float)(&row[0]), C.int64_t(stride), (*C.double)(&z[0]))
		for _, x := range z[:axes] {
			largest = max(largest, math.Abs(x))
		}
		least, most = min(least, z[axes]), max(most, z[axes])
	}
	s.basis.centre = C.double((least + most) / 2)
	s.basis.scale = C.double(127 / (1.1 * max(largest, (most-least)/2, 1e-6)))
}

func covariance(rows [][]float32, mean []float64) [][]float64 {
	dim := len(mean)
	cov := make([][]float64, dim)
	for i := range cov {
		cov[i] = make([]float64, dim)
	}
	y := make([]float64, dim)
	for _, row := range rows {
		for i := range y {
			y[i] = float64(row[i]) - mean[i]
		}
		for i, a := range y {
			to := cov[i]
			for j, b := range y[:i+1] {
				to[j] += a * b
			}
		}
	}
	for i := range cov {
		for j := range i {
			cov[j][i] = cov[i][j]
		}
	}
	return cov
}

// principal gives orthonormal vectors that span about the space of the largest eigenvalues, by orthogonal
// iteration (Golub and Van Loan, Matrix Computations, 8.2.4). That it ends before it converged costs
// next to nothing: axes whose eigenvalues are alike may stand for each other.
func principal(cov [][]float64, dim int, rng *rand.Rand) [][]float64 {
	found := randomMatrix(rng, axes, dim)
	for range 24 {
		next := make([][]float64, axes)
		for i, v := range found {
			next[i] = make([]float64, dim)
			for j, x := range v {
				for n, y := range cov[j] {
					next[i][n] += x * y
				}
			}
		}
		found = next
		orthonormalise(found, dim, rng)
	}
	return found
}

func randomMatrix(rng *rand.Rand, rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
		for j := range m[i] {
			m[i][j] = rng.NormFloat64()
		}
	}
	return m
}

// orthonormalise makes each vector of length one and at right angles to those before it: Gram and Schmidt's
// way, twice, which is enough for float64 (Giraud, Langou, Rozložník 2005). One that lies
// in the space of those before it is replaced by another.
func orthonormalise(m [][]float64, columns int, rng *rand.Rand) {
	norm := func(v []float64) float64 {
		sum := 0.0
		for _, x := range v {
			sum += x * x
		}
		return math.Sqrt(sum)
	}
	for i := 0; i < len(m); i++ {
		before := norm(m[i])
		for range 2 {
			for _, u := range m[:i] {
				dot := 0.0
				for n, x := range u {
					dot += x * m[i][n]
				}
				for n, x := range u {
					m[i][n] -= dot * x
				}
			}
		}
		length := norm(m[i])
		if !(length > 1e-9*before) || length == 0 {
			m[i] = randomMatrix(rng, 1, columns)[0]
			i--
			continue
		}
		for n := range m[i] {
			m[i][n] /= length
		}
	}
}

// improve fits a sieve where one is due, and moves every chunk to it, until ctx is done. lock is
// held while the arena is changed, a chunk at a time: nobody waits longer than for one. It reports whether
// there is another sieve now.
func (a *arena) improve(ctx context.Context, lock func() (unlock func())) (changed bool, err error) {
	unlock := lock()
	due, v := a.sieveDue(), a.acquire()
	unlock()
	defer a.release(v)
	if due {
		s, err := fitSieve(v, a.dim)
		if err != nil {
			return false, fmt.Errorf("fit the sieve: %w", err)
		}
		unlock = lock()
		a.adopt(s)
		unlock()
	}
	for more := true; more && ctx.Err() == nil; {
		unlock = lock()
		if more, err = a.resift(); more {
			a.publish(a.current.seq)
		}
		unlock()
		if err != nil {
			return due, fmt.Errorf("code the gallery for the sieve: %w", err)
		}
	}
	return due, nil
}

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
