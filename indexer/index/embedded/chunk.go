package embedded

/*
#include "scan.h"
*/
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attr is what the scan's filter looks at, laid out for C.
type attr = C.lineup_attr

// chunkRows is how many faces lie together. A scan looks whether it shall stop once a chunk,
// and re-coding a chunk, when a row exceeds its scale, takes some milliseconds.
const chunkRows = 16384

// enrolled is what an arena holds of a face beside its embedding. It has no pointers, as it
// lies in memory Go does not know.
type enrolled struct {
	registrant [16]byte
	photo      [32]byte
	rid        int64 // the registrant's row in the database
	box        [4]int32
	quality    [5]float64
	facePixels int32
	text       uint32 // in arena.texts: step and warnings
	next       uint32 // the registrant's next face: row + 1, 0 for none
	_          uint32
}

// chunk is chunkRows faces, column by column, in memory of its own.
type chunk struct {
	mem, codeMem []byte
	codes        []int8
	rows         []float32
	ids          [][16]byte
	attrs        []attr
	born, died   []uint64
	faces        []enrolled
	scale, err   float64

	sieve    *sieve // nil for none
	blocks   []uint8
	norms    []int32
	sieveErr float64
	odd      int       // rows its scale did not fit
	trailer  [2]uint64 // the two of them in a snapshot file
}

// view is the arena at one version.
type view struct {
	version     uint64
	kernel      int
	sieve       *sieve
	seq         int64
	stride      int
	chunks      []*chunk
	table       []C.lineup_chunk
	sources     map[string]uint16
	states      map[string]uint16
	texts       []string
	faces       int
	registrants int
	held        int
}

func sexCode(sex string) uint8 {
	switch sex {
	case "male":
		return 1
	case "female":
		return 2
	}
	return 0
}

func newChunk(stride int) (*chunk, error) {
	perRow := stride*4 + 16 + int(unsafe.Sizeof(attr{})) + 8 + 8 + int(unsafe.Sizeof(enrolled{}))
	mem, err := memory(chunkRows * perRow)
	if err != nil {
		return nil, err
	}
	codes, err := memory(chunkRows * stride)
	if err != nil {
		_ = unix.Munmap(mem)
		return nil, err
	}
	c := &chunk{mem: mem, codeMem: codes, codes: as[int8](codes)}
	take := func(size int) []byte {
		part := mem[:size*chunkRows]
		mem = mem[size*chunkRows:]
		return part
	}
	c.rows = as[float32](take(stride * 4))
	c.born = as[uint64](take(8))
	c.died = as[uint64](take(8))
	c.faces = as[enrolled](take(int(unsafe.Sizeof(enrolled{}))))
	c.ids = as[[16]byte](take(16))
	c.attrs = as[attr](take(int(unsafe.Sizeof(attr{}))))
	return c, nil
}

func (c *chunk) free() {
	_ = unix.Munmap(c.mem)
	_ = unix.Munmap(c.codeMem)
}

func free(mem [][]byte) {
	for _, m := range mem {
		_ = unix.Munmap(m)
	}
}

// as reads memory as values of T.
func as[T any](mem []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), len(mem)/int(unsafe.Sizeof(t)))
}

// memory is zeroed memory outside Go's heap: the collector neither walks it nor keeps as much
// again in reserve for it.
func memory(size int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("get %d MB of memory for the gallery: %w", size>>20, err)
	}
	if runtime.GOOS == "linux" {
		_ = unix.Madvise(mem, 14) // MADV_HUGEPAGE; without it the scan is only a little slower
	}
	return mem, nil
}

// bytesIn is the memory of a slice.
func bytesIn[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}

// sieve is what the rows of an arena are turned into for the scan's first look at them. Which axes
// it has decides how many rows that look lets through, never what a search finds.
type sieve struct {
	basis *C.lineup_basis // in mem
	mean  []float64
	axes  []float64 // one after the other
	mem   []byte
	slabs [][]byte
}
