package embedded

/*
#include "scan.h"
*/
import "C"

import (
	"fmt"
	"maps"
	"math"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// arena is the faces of a generation in memory. One goroutine at a time changes it; any number
// read it through views. A row is never changed while a view that can see it is held: a face
// that goes is marked as died, and its row is used again when nobody can see it any more.
type arena struct {
	dim, stride int

	chunks  []*chunk
	used    int // rows
	largest float64
	heads   []uint32 // first face of a registrant, by its row in the database, which are dense: row + 1, 0 for none
	holders int      // registrants with a face
	free    []freed  // in the order they died
	retired []retired
	sources map[string]uint16 // never changed, only replaced
	states  map[string]uint16
	texts   []string // append only
	textOf  map[string]uint32
	faces   int
	version uint64
	kernel  int // what the sieve is computed with

	sieveFrom int      // faces
	sieve     *sieve   // of new chunks; nil for none yet
	outdated  []*sieve // that chunks may still have
	fittedTo  int      // faces there were when sieve was fitted
	added     int      // faces since

	mu      sync.Mutex // guards the rest
	current *view
	earlier []*view // held by a reader
}

type freed struct {
	row  uint32
	died uint64
}

type retired struct {
	mem  []byte
	died uint64
}

// sieveFrom is the number of faces from which a sieve is worth its memory.
const sieveFrom = 2 * chunkRows

func newArena(dim int) *arena {
	a := &arena{dim: dim, stride: (dim + 63) / 64 * 64, textOf: map[string]uint32{}, kernel: int(C.lineup_kernel()), sieveFrom: sieveFrom}
	a.publish(0)
	return a
}

func (a *arena) acquire() *view {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current.held++
	return a.current
}

func (a *arena) release(v *view) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.held--
}

// publish makes all changes since the last publish visible at once.
func (a *arena) publish(seq int64) {
	a.version++
	v := &view{
		version: a.version, kernel: a.kernel, sieve: a.sieve, seq: seq, stride: a.stride,
		chunks: append([]*chunk(nil), a.chunks...), table: tableOf(a.chunks, a.used),
		sources: a.sources, states: a.states, texts: a.texts, faces: a.faces, registrants: a.holders,
	}
	a.mu.Lock()
	if a.current != nil {
		a.earlier = append(a.earlier, a.current)
	}
	a.current = v
	oldest := a.oldest()
	a.mu.Unlock()
	for len(a.retired) > 0 && a.retired[0].died <= oldest {
		_ = unix.Munmap(a.retired[0].mem)
		a.retired = a.retired[1:]
	}
}

// oldest is the oldest version anybody can still read; a.mu is held.
func (a *arena) oldest() uint64 {
	kept := a.earlier[:0]
	oldest := a.current.version
	for _, v := range a.earlier {
		if v.held > 0 {
			kept = append(kept, v)
			oldest = min(oldest, v.version)
		}
	}
	clear(a.earlier[len(kept):])
	a.earlier = kept
	return oldest
}

// remove takes a registrant's faces out of the next version.
func (a *arena) remove(rid int64) {
	if rid >= int64(len(a.heads)) || a.heads[rid] == 0 {
		return
	}
	for at := a.heads[rid]; at != 0; {
		row := at - 1
		c, i := a.chunks[row/chunkRows], row%chunkRows
		atomic.StoreUint64(&c.died[i], a.version+1)
		a.free = append(a.free, freed{row, a.version + 1})
		a.faces--
		at = c.faces[i].next
	}
	a.heads[rid] = 0
	a.holders--
}

// add puts a face into the next version.
func (a *arena) add(id [16]byte, face enrolled, facts attr, embedding []float32) error {
	row, err := a.slot()
	if err != nil {
		return err
	}
	c, i := a.chunks[row/chunkRows], int(row%chunkRows)
	// In this order no older view can take the row for one of its own at any moment.
	atomic.StoreUint64(&c.born[i], a.version+1)
	atomic.StoreUint64(&c.died[i], math.MaxUint64)
	c.ids[i], c.faces[i], c.attrs[i] = id, face, facts
	copy(c.rows[i*a.stride:], embedding)
	if err := a.link(c, i, row); err != nil {
		return err
	}
	a.added++
	c.sift(i, 1, a.stride)
	return a.code(c, i)
}

// maxRegistrants bounds the rows of the database that arena.heads can be asked for.
const maxRegistrants = 1 << 30

// link makes the face in a row one of its registrant's.
func (a *arena) link(c *chunk, i int, row uint32) error {
	face := &c.faces[i]
	if face.rid < 0 || face.rid >= maxRegistrants {
		return fmt.Errorf("registrant %d: the gallery holds fewer than %d", face.rid, maxRegistrants)
	}
	if missing := int(face.rid) + 1 - len(a.heads); missing > 0 {
		a.heads = append(a.heads, make([]uint32, missing)...)
	}
	face.next, c.attrs[i].first = a.heads[face.rid], 0
	if face.next == 0 {
		c.attrs[i].first = 1
		a.holders++
	}
	a.heads[face.rid] = row + 1
	a.faces++
	return nil
}

// slot finds a row nobody can see.
func (a *arena) slot() (uint32, error) {
	if len(a.free) > 0 {
		a.mu.Lock()
		oldest := a.oldest()
		a.mu.Unlock()
		if a.free[0].died <= oldest {
			row := a.free[0].row
			a.free = a.free[1:]
			return row, nil
		}
	}
	if a.used == len(a.chunks)*chunkRows {
		c, err := newChunk(a.stride)
		if err != nil {
			return 0, err
		}
		if a.sieve != nil {
			if err := c.useSieve(a.sieve, len(a.chunks), 0, a.stride); err != nil {
				c.free()
				return 0, err
			}
		}
		a.chunks = append(a.chunks, c)
	}
	a.used++
	return uint32(a.used - 1), nil
}

// code quantises a row, and first its whole chunk anew when the row exceeds the scale.
func (a *arena) code(c *chunk, i int) error {
	row := c.rows[i*a.stride:][:a.stride]
	most := largest(row)
	a.largest = max(a.largest, most)
	if c.scale == 0 {
		c.scale = scaleFor(a.largest)
	}
	if most*c.scale <= 127 {
		c.err = max(c.err, quantise(c.codes[i*a.stride:], row, a.stride, c.scale))
		return nil
	}
	mem, err := memory(chunkRows * a.stride)
	if err != nil {
		return err
	}
	a.retired = append(a.retired, retired{c.codeMem, a.version + 1})
	fresh := *c
	fresh.codeMem, fresh.codes = mem, as[int8](mem)
	fresh.scale = scaleFor(a.largest)
	fresh.err = quantise(fresh.codes, c.rows, a.stride, fresh.scale)
	for at := range a.chunks {
		if a.chunks[at] == c {
			a.chunks[at] = &fresh
		}
	}
	return nil
}

// scaleFor leaves a quarter of headroom above the largest number seen.
func scaleFor(largest float64) float64 { return 127 / (1.25 * max(largest, 1e-6)) }

// intern gives a name's code, from 1; "" is 0. The map is replaced, never changed: views hold it.
func intern(codes *map[string]uint16, name string) (uint16, error) {
	if name == "" {
		return 0, nil
	}
	if code, ok := (*codes)[name]; ok {
		return code, nil
	}
	if len(*codes) >= math.MaxUint16 {
		return 0, fmt.Errorf("more than %d sources or states", math.MaxUint16)
	}
	fresh := maps.Clone(*codes)
	if fresh == nil {
		fresh = map[string]uint16{}
	}
	fresh[name] = uint16(len(fresh) + 1)
	*codes = fresh
	return fresh[name], nil
}

func (a *arena) text(s string) uint32 {
	if n, ok := a.textOf[s]; ok {
		return n
	}
	n := uint32(len(a.texts))
	a.texts = append(a.texts, s)
	a.textOf[s] = n
	return n
}

// close frees the memory; nobody may hold a view.
func (a *arena) close() {
	for _, c := range a.chunks {
		c.free()
	}
	for _, r := range a.retired {
		_ = unix.Munmap(r.mem)
	}
	for _, s := range append(a.outdated, a.sieve) {
		if s != nil {
			free(s.all())
		}
	}
	a.chunks, a.retired, a.current, a.outdated, a.sieve = nil, nil, nil, nil, nil
}

// C's types have no names outside the files that import it.
func toC(code uint16) C.uint16_t { return C.uint16_t(code) }
func toSex(code int) C.uint8_t   { return C.uint8_t(code) }
func year(y int) C.int16_t       { return C.int16_t(y) }
