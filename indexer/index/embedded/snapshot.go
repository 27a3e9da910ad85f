package embedded

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"runtime"
	"unsafe"

	"golang.org/x/sync/errgroup"
)

const (
	// snapshotFrom is the number of faces from which reading them out of the database takes
	// long enough to keep a file of them.
	snapshotFrom = 200_000
	// snapshotMagic is written as this machine writes numbers: the file is not for another one.
	snapshotMagic  = 0x4c494e4555500003
	snapshotHeader = 16 << 20 // most bytes of a header
	sumBytes       = 4
)

// snapshotHead describes the faces that follow it.
type snapshotHead struct {
	File    string            `json:"file"`
	Dim     int               `json:"dim"`
	Row     int               `json:"row"` // bytes a face takes
	Seq     int64             `json:"seq"`
	Faces   int               `json:"faces"`
	Sources map[string]uint16 `json:"sources"`
	States  map[string]uint16 `json:"states"`
	Texts   []string          `json:"texts"`
	Sieve   *sieveHead        `json:"sieve,omitempty"` // what the faces' sieve codes are made with, if they have them
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// columns are the parts of a chunk that the file has, of its first n faces: the file's blocks are
// what lies in memory, so reading one is reading into place. The codes are made anew, which
// takes less time than reading them would; the sieve's are read, which takes a tenth of the time.
func (c *chunk) columns(n, stride int) [][]byte {
	columns := [][]byte{bytesIn(c.rows[:n*stride]), bytesIn(c.faces[:n]), bytesIn(c.ids[:n]), bytesIn(c.attrs[:n])}
	if c.sieve != nil {
		columns = append(columns, c.blocks[:groups(n)*group*sieveBytes], bytesIn(c.norms[:n]), bytesIn(c.trailer[:]))
	}
	return columns
}

// groups is how many groups of the sieve n rows take.
func groups(n int) int { return (n + group - 1) / group }

// rowBytes is what a face takes in the file, without its sieve codes.
func rowBytes(stride int) int {
	return 4*stride + int(unsafe.Sizeof(enrolled{})+unsafe.Sizeof([16]byte{})+unsafe.Sizeof(attr{}))
}

// blockBytes is what a block of n faces takes in the file.
func (h *snapshotHead) blockBytes(n int) int64 {
	size := n*h.Row + sumBytes
	if h.Sieve != nil {
		size += groups(n)*group*sieveBytes + 4*n + 2*8
	}
	return int64(size)
}

// bytes is what all blocks take.
func (h *snapshotHead) bytes() int64 {
	total := int64(h.Faces/chunkRows) * h.blockBytes(chunkRows)
	if rest := h.Faces % chunkRows; rest > 0 {
		total += h.blockBytes(rest)
	}
	return total
}

// writeSnapshot writes the faces of a view. Layout: magic, length of the header, header (JSON),
// CRC-32C of all that; then blocks of chunkRows faces, the last one shorter, column by column, each
// with its CRC-32C. Numbers are as this machine has them.
func writeSnapshot(ctx context.Context, to io.Writer, v *view, file string, dim int) error {
	head, err := json.Marshal(snapshotHead{file, dim, rowBytes(v.stride), v.seq, v.faces, v.sources, v.states, v.texts, v.sieve.head()})
	if err != nil {
		return err
	}
	start := binary.NativeEndian.AppendUint64(nil, snapshotMagic)
	start = append(binary.NativeEndian.AppendUint32(start, uint32(len(head))), head...)
	if _, err := to.Write(binary.NativeEndian.AppendUint32(start, crc32.Checksum(start, castagnoli))); err != nil {
		return err
	}
	block, err := newChunk(v.stride)
	if err != nil {
		return err
	}
	defer block.free()
	if v.sieve != nil {
		block.sieve, block.blocks, block.norms = v.sieve, make([]uint8, chunkRows*sieveBytes), make([]int32, chunkRows)
	}
	n := 0
	flush := func() error {
		sum := uint32(0)
		block.trailer = [2]uint64{math.Float64bits(block.sieveErr), uint64(block.odd)}
		block.sieveErr, block.odd = 0, 0
		for _, column := range block.columns(n, v.stride) {
			sum = crc32.Update(sum, castagnoli, column)
			if _, err := to.Write(column); err != nil {
				return err
			}
		}
		n = 0
		_, err := to.Write(binary.NativeEndian.AppendUint32(nil, sum))
		return err
	}
	for at, c := range v.chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range int(v.table[at].n) {
			if !v.visible(c, i) {
				continue
			}
			copy(block.rows[n*v.stride:][:v.stride], c.rows[i*v.stride:])
			block.faces[n], block.ids[n], block.attrs[n] = c.faces[i], c.ids[i], c.attrs[i]
			block.takeSieve(n, c, i, float64(v.table[at].sieve_error), v.stride)
			if n++; n == chunkRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if n == 0 {
		return nil
	}
	return flush()
}

// readSnapshot reads faces into an empty arena, which is to be thrown away after an error, and
// returns the sequence number they stand for. size is the length of the whole. The blocks are
// read side by side: the time goes into checking and coding them.
func readSnapshot(from io.ReaderAt, size int64, a *arena, file string) (int64, error) {
	head, at, err := readHead(from, size)
	if err != nil {
		return 0, err
	}
	blocks := (int64(head.Faces) + chunkRows - 1) / chunkRows
	if head.File != file || head.Dim != a.dim || head.Row != rowBytes(a.stride) || head.Seq <= 0 || head.Faces < 0 ||
		int64(head.Faces) > size || size-at != head.bytes() {
		return 0, errors.New("faces of another generation")
	}
	if !dense(head.Sources) || !dense(head.States) {
		return 0, errors.New("damaged: tables with gaps")
	}
	a.sources, a.states = head.Sources, head.States
	for _, t := range head.Texts {
		a.text(t)
	}
	if a.sieve, err = head.Sieve.sieve(a.stride); err != nil {
		return 0, err
	}
	a.fittedTo = head.Faces
	for i := range int(blocks) {
		c, err := newChunk(a.stride)
		if err != nil {
			return 0, err
		}
		a.chunks = append(a.chunks, c)
		if a.sieve != nil {
			if err := c.useSieve(a.sieve, i, 0, a.stride); err != nil {
				return 0, err
			}
		}
	}
	a.used = head.Faces
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	sizes := make([]float64, blocks)
	for i, c := range a.chunks {
		group.Go(func() (err error) {
			offset := at + int64(i)*head.blockBytes(chunkRows)
			sizes[i], err = a.readBlock(from, offset, c, min(chunkRows, head.Faces-i*chunkRows))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	for i, c := range a.chunks {
		a.largest = max(a.largest, sizes[i])
		for j := range min(chunkRows, head.Faces-i*chunkRows) {
			if err := a.link(c, j, uint32(i*chunkRows+j)); err != nil {
				return 0, err
			}
		}
	}
	return head.Seq, nil
}

// readHead reads the header, and tells where the blocks begin.
func readHead(from io.ReaderAt, size int64) (head snapshotHead, end int64, err error) {
	var start [12]byte
	if _, err := from.ReadAt(start[:], 0); err != nil {
		return head, 0, err
	}
	length := int64(binary.NativeEndian.Uint32(start[8:]))
	end = int64(len(start)) + length + sumBytes
	if binary.NativeEndian.Uint64(start[:]) != snapshotMagic || length > snapshotHeader || end > size {
		return head, 0, errors.New("not a file of faces of this version")
	}
	raw := make([]byte, end)
	if _, err := from.ReadAt(raw, 0); err != nil {
		return head, 0, err
	}
	raw, sum := raw[:end-sumBytes], raw[end-sumBytes:]
	if binary.NativeEndian.Uint32(sum) != crc32.Checksum(raw, castagnoli) {
		return head, 0, errors.New("damaged: wrong checksum")
	}
	return head, end, json.Unmarshal(raw[len(start):], &head)
}

// readBlock fills a chunk with its first n faces, all but their links, and returns the largest
// number in their embeddings.
func (a *arena) readBlock(from io.ReaderAt, offset int64, c *chunk, n int) (float64, error) {
	sum := uint32(0)
	for _, column := range c.columns(n, a.stride) {
		if _, err := from.ReadAt(column, offset); err != nil {
			return 0, err
		}
		offset += int64(len(column))
		sum = crc32.Update(sum, castagnoli, column)
	}
	var want [sumBytes]byte
	if _, err := from.ReadAt(want[:], offset); err != nil {
		return 0, err
	}
	if binary.NativeEndian.Uint32(want[:]) != sum {
		return 0, errors.New("damaged: wrong checksum")
	}
	for i := range n {
		facts := c.attrs[i]
		if int(facts.source) > len(a.sources) || int(facts.state) > len(a.states) || facts.sex > 2 || int(c.faces[i].text) >= len(a.texts) {
			return 0, errors.New("damaged: a face with unknown facts")
		}
		c.born[i], c.died[i] = a.version+1, math.MaxUint64
	}
	most := largest(c.rows[:n*a.stride])
	if most < 0 {
		return 0, errors.New("damaged: an embedding that is not finite")
	}
	if err := c.readSieve(n); err != nil {
		return 0, err
	}
	c.scale = scaleFor(most)
	c.err = quantise(c.codes, c.rows[:n*a.stride], a.stride, c.scale)
	return most, nil
}

// dense reports whether the codes are 1 to n.
func dense(codes map[string]uint16) bool {
	seen := make(map[uint16]bool, len(codes))
	for _, c := range codes {
		if c == 0 || int(c) > len(codes) || seen[c] {
			return false
		}
		seen[c] = true
	}
	return true
}
