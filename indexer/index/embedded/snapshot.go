package embedded

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
	"unsafe"
)

const (
	snapshotSuffix = ".faces"
	// snapshotFrom is the number of faces from which reading them out of the database takes
	// long enough to keep a file of them.
	snapshotFrom = 200_000
	// snapshotMagic is written as this machine writes numbers: the file is not for another one.
	snapshotMagic  = 0x4c494e4555500001
	snapshotHeader = 16 << 20 // most bytes of a header
)

// snapshotHead describes the faces that follow it.
type snapshotHead struct {
	File    string            `json:"file"`
	Dim     int               `json:"dim"`
	Row     int               `json:"row"` // bytes a face takes beside its embedding
	Seq     int64             `json:"seq"`
	Faces   int               `json:"faces"`
	Sources map[string]uint16 `json:"sources"`
	States  map[string]uint16 `json:"states"`
	Texts   []string          `json:"texts"`
}

const rowBytes = int(16 + unsafe.Sizeof(attr{}) + unsafe.Sizeof(enrolled{}))

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// asBytes is the memory of a value.
func asBytes[T any](t *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(t)), unsafe.Sizeof(*t)) }

// summed writes or reads through a checksum.
type summed struct {
	r   io.Reader
	w   io.Writer
	sum hash.Hash32
}

func (s summed) Write(p []byte) (int, error) { s.sum.Write(p); return s.w.Write(p) }
func (s summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	return n, err
}

// writeSnapshot writes the faces of a view. Layout: magic, length of the header, header
// (JSON), the faces, CRC-32C of all before it; numbers as this machine has them.
func writeSnapshot(ctx context.Context, to io.Writer, v *view, file string, dim int) error {
	buffered := bufio.NewWriterSize(to, 1<<20)
	w := summed{w: buffered, sum: crc32.New(castagnoli)}
	head, err := json.Marshal(snapshotHead{file, dim, rowBytes, v.seq, v.faces, v.sources, v.states, v.texts})
	if err != nil {
		return err
	}
	start := binary.NativeEndian.AppendUint64(nil, snapshotMagic)
	start = binary.NativeEndian.AppendUint32(start, uint32(len(head)))
	if _, err := w.Write(append(start, head...)); err != nil {
		return err
	}
	row := make([]byte, 0, rowBytes+4*dim)
	for at, c := range v.chunks {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range int(v.table[at].n) {
			if !v.visible(c, i) {
				continue
			}
			row = append(row[:0], c.ids[i][:]...)
			row = append(row, asBytes(&c.attrs[i])...)
			row = append(row, asBytes(&c.faces[i])...)
			row = append(row, unsafe.Slice((*byte)(unsafe.Pointer(&c.rows[i*v.stride])), 4*dim)...)
			if _, err := w.Write(row); err != nil {
				return err
			}
		}
	}
	if _, err := buffered.Write(binary.NativeEndian.AppendUint32(nil, w.sum.Sum32())); err != nil {
		return err
	}
	return buffered.Flush()
}

// readSnapshot reads faces into an empty arena, which is to be thrown away after an error, and
// returns the sequence number they stand for. size is the length of the whole.
func readSnapshot(from io.Reader, size int64, a *arena, file string) (int64, error) {
	r := summed{r: bufio.NewReaderSize(from, 1<<20), sum: crc32.New(castagnoli)}
	var start [12]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return 0, err
	}
	length := binary.NativeEndian.Uint32(start[8:])
	if binary.NativeEndian.Uint64(start[:]) != snapshotMagic || length > snapshotHeader || int64(length) > size {
		return 0, errors.New("not a file of faces of this version")
	}
	raw := make([]byte, length)
	if _, err := io.ReadFull(r, raw); err != nil {
		return 0, err
	}
	var head snapshotHead
	if err := json.Unmarshal(raw, &head); err != nil {
		return 0, err
	}
	rest := size - int64(len(start)) - int64(length) - 4
	if head.File != file || head.Dim != a.dim || head.Row != rowBytes || head.Seq <= 0 || head.Faces < 0 || rest != int64(head.Faces)*int64(rowBytes+4*a.dim) {
		return 0, errors.New("faces of another generation")
	}
	if !dense(head.Sources) || !dense(head.States) {
		return 0, errors.New("damaged: tables with gaps")
	}
	a.sources, a.states = head.Sources, head.States
	for _, t := range head.Texts {
		a.text(t)
	}
	row := make([]byte, rowBytes+4*a.dim)
	embedding := make([]float32, a.dim)
	for range head.Faces {
		if _, err := io.ReadFull(r, row); err != nil {
			return 0, err
		}
		facts := *(*attr)(unsafe.Pointer(&row[16]))
		var face enrolled
		copy(asBytes(&face), row[16+unsafe.Sizeof(facts):])
		if int(facts.source) > len(head.Sources) || int(facts.state) > len(head.States) || facts.sex > 2 || int(face.text) >= len(a.texts) {
			return 0, errors.New("damaged: a face with unknown facts")
		}
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&embedding[0])), 4*a.dim), row[rowBytes:])
		for _, x := range embedding {
			if x != x || math.IsInf(float64(x), 0) {
				return 0, errors.New("damaged: an embedding that is not finite")
			}
		}
		if err := a.add([16]byte(row), face, facts, embedding); err != nil {
			return 0, err
		}
	}
	want := r.sum.Sum32()
	var sum [4]byte
	if _, err := io.ReadFull(r, sum[:]); err != nil {
		return 0, err
	}
	if binary.NativeEndian.Uint32(sum[:]) != want {
		return 0, errors.New("damaged: wrong checksum")
	}
	return head.Seq, nil
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

// loadSnapshot fills the arena from the snapshot file. Whatever is wrong with it, the database
// has everything: the file is deleted and the arena left empty.
func (x *generation) loadSnapshot() {
	f, err := os.Open(x.path + snapshotSuffix)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	fresh := newArena(x.Model.Dimensions)
	seq, err := readSnapshot(f, info.Size(), fresh, x.file)
	if err != nil || !x.reached(seq) {
		fresh.close()
		x.dropSnapshot()
		return
	}
	fresh.publish(seq)
	x.arena.close()
	x.arena = fresh
	x.saved = time.Now()
}

// reached tells whether the database is at least as far as a snapshot of it: a restored older
// database must not be taken for the newer one.
func (x *generation) reached(seq int64) bool {
	var now int64
	return x.write.QueryRow("SELECT seq FROM counter").Scan(&now) == nil && seq <= now
}

// dropSnapshot deletes the file, so that it keeps nobody who left.
func (x *generation) dropSnapshot() {
	_ = os.Remove(x.path + snapshotSuffix)
	x.saved = time.Time{}
}

// saveSnapshot writes the file when it is worth it, at most every two minutes.
func (x *generation) saveSnapshot(ctx context.Context) error {
	x.mu.Lock()
	v := x.arena.acquire()
	due := v.faces >= snapshotFrom && time.Since(x.tried) > 2*time.Minute && (x.saved.IsZero() || x.since > v.faces/20)
	if due {
		x.tried, x.since = time.Now(), 0
	}
	x.mu.Unlock()
	defer x.arena.release(v)
	if !due {
		return nil
	}
	path := x.path + snapshotSuffix
	err := func() error {
		f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := writeSnapshot(ctx, f, v, x.file, x.Model.Dimensions); err != nil {
			return err
		}
		return f.Sync()
	}()
	if err != nil {
		_ = os.Remove(path + ".new")
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.goneAt > v.seq { // somebody left meanwhile
		return os.Remove(path + ".new")
	}
	x.saved = time.Now()
	return os.Rename(path+".new", path)
}

// keep looks after the open generations until ctx is done: snapshot files, and the write-ahead
// log, in which deleted rows stand until it is folded back.
func (x *Index) keep(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		x.mu.Lock()
		open := make([]*slot, 0, len(x.slots))
		for _, s := range x.slots {
			s.holders.Add(1)
			open = append(open, s)
		}
		x.mu.Unlock()
		for _, s := range open {
			s.mu.Lock()
			g := s.g
			s.mu.Unlock()
			if g != nil {
				g.keep(ctx, x)
			}
			s.holders.Done()
		}
	}
}

func (x *generation) keep(ctx context.Context, of *Index) {
	x.mu.Lock()
	left := x.left
	x.left = false
	x.mu.Unlock()
	if left {
		var busy, log, done int
		if err := x.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil || busy != 0 {
			x.mu.Lock()
			x.left = true // again next time
			x.mu.Unlock()
		}
	}
	if err := x.saveSnapshot(ctx); err != nil && ctx.Err() == nil {
		of.log.Warn("faces not saved for a quick start", "generation", x.Name, "error", err)
	}
}
