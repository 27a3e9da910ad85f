package embedded

import (
	"cmp"
	"container/heap"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/bits"
	"slices"
	"sync/atomic"

	"lineup/indexer/index"
	"lineup/schemas"
)

// Generations lists all, oldest first.
func (x *Index) Generations(ctx context.Context) ([]index.Generation, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.refresh(ctx); err != nil {
		return nil, err
	}
	out := make([]index.Generation, 0, len(x.list))
	for _, l := range x.list {
		out = append(out, l.Generation)
	}
	return out, nil
}

// Check reads the list of generations and the serving one.
func (x *Index) Check(ctx context.Context) error {
	g, release, err := x.reading(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new index
	}
	if err != nil {
		return fmt.Errorf("check index: %w", err)
	}
	defer release()
	var seq int64
	if err := g.read.QueryRowContext(ctx, "SELECT seq FROM counter").Scan(&seq); err != nil {
		return fmt.Errorf("check index: %w", explain(err))
	}
	return nil
}

// Lookup returns the documents of the ids that are held, in the ids' order.
func (x *Index) Lookup(ctx context.Context, ids ...schemas.UUID) ([]index.Document, error) {
	g, release, err := x.reading(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return g.lookup(ctx, ids)
}

// Find returns a page of the documents that meet q.
func (x *Index) Find(ctx context.Context, q index.Query) (index.Found, error) {
	g, serving, release, err := x.describedUse(ctx, "")
	if err != nil {
		return index.Found{}, err
	}
	defer release()
	found, err := g.find(ctx, q)
	found.Generation = serving
	return found, err
}

const faceColumns = "f.id, r.id, f.photo, f.meta, f.embedding"

func scanFace(s scanner, dim int) (schemas.Face, error) {
	var id, registrant, photo, meta, embedding []byte
	if err := s.Scan(&id, &registrant, &photo, &meta, &embedding); err != nil {
		return schemas.Face{}, err
	}
	e, text, err := decodeMeta(meta)
	if err != nil || len(id) != 16 || len(registrant) != 16 || len(photo) != 32 || len(embedding) != 4*dim {
		return schemas.Face{}, errors.New("a face's row is damaged; hint: drop this generation and reindex")
	}
	e.registrant, e.photo = [16]byte(registrant), [32]byte(photo)
	f := e.face([16]byte(id), text)
	f.Embedding = make([]float32, dim)
	decodeFloats(f.Embedding, embedding)
	return f, nil
}

// Face returns one face of the serving generation.
func (x *Index) Face(ctx context.Context, id schemas.UUID) (schemas.Face, error) {
	g, release, err := x.reading(ctx)
	if err != nil {
		return schemas.Face{}, err
	}
	defer release()
	raw, err := bytesOf(id)
	if err != nil {
		return schemas.Face{}, fmt.Errorf("face %.40q: %w", id, fs.ErrNotExist)
	}
	f, err := scanFace(g.read.QueryRowContext(ctx, "SELECT "+faceColumns+" FROM face f JOIN registrant r ON r.rid = f.rid WHERE f.id = ?",
		raw), g.Model.Dimensions)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fmt.Errorf("face %s: %w", id, fs.ErrNotExist)
	}
	if err != nil {
		return f, fmt.Errorf("face %s: %w", id, explain(err))
	}
	return f, nil
}

// Nearest returns the k faces that pass f and are nearest to the embedding: exactly those.
func (x *Index) Nearest(ctx context.Context, embedding []float32, k int, f index.Filter) ([]index.Neighbour, index.Generation, error) {
	g, serving, release, err := x.describedUse(ctx, "")
	if err != nil {
		return nil, index.Generation{}, err
	}
	defer release()
	if err := index.ValidateEmbedding(embedding, g.Model.Dimensions); err != nil {
		return nil, serving, fmt.Errorf("nearest: %w", err)
	}
	out, err := g.nearest(ctx, x.scans, embedding, k, f)
	return out, serving, err
}

// Search is Nearest over any generation.
func (x *Index) Search(ctx context.Context, generation string, embedding []float32, k int) ([]index.Neighbour, error) {
	g, release, err := x.named(ctx, generation)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := index.ValidateEmbedding(embedding, g.Model.Dimensions); err != nil {
		return nil, fmt.Errorf("search generation %s: %w", generation, err)
	}
	return g.nearest(ctx, x.scans, embedding, k, index.Filter{})
}

func (v *view) face(c *chunk, row int) schemas.Face {
	return c.faces[row].face(c.ids[row], v.texts[c.faces[row].text])
}

// Enrolled counts, exactly, the registrants with a face that pass f.
func (x *Index) Enrolled(ctx context.Context, f index.Filter) (int, index.Generation, error) {
	g, serving, release, err := x.describedUse(ctx, "")
	if err != nil {
		return 0, index.Generation{}, err
	}
	defer release()
	v, err := g.view(ctx)
	if err != nil {
		return 0, serving, err
	}
	defer g.arena.release(v)
	return v.enrolled(f), serving, nil
}

// sampled is a heap of the faces with the smallest numbers, the largest of them on top.
type sampled []struct {
	number     uint64
	chunk, row int
}

func (s sampled) Len() int           { return len(s) }
func (s sampled) Less(i, j int) bool { return s[i].number > s[j].number }
func (s sampled) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sampled) Push(any)          {}
func (s *sampled) Pop() any          { return nil }

// Sample gives each face a number by its id and the seed and takes those with the smallest:
// the order in which the gallery was filled does not matter.
func (x *Index) Sample(ctx context.Context, generation string, n int, seed uint64) ([]schemas.Face, error) {
	g, release, err := x.named(ctx, generation)
	if err != nil {
		return nil, err
	}
	defer release()
	v, err := g.view(ctx)
	if err != nil {
		return nil, err
	}
	defer g.arena.release(v)
	var s sampled
	n = min(n, v.faces)
	for at, c := range v.chunks {
		if n <= 0 || ctx.Err() != nil {
			break
		}
		for row := range int(v.table[at].n) {
			number := mix(binary.BigEndian.Uint64(c.ids[row][:8]) ^ mix(seed))
			if len(s) == n && number >= s[0].number || !v.visible(c, row) {
				continue
			}
			item := sampled{{number, at, row}}[0]
			if len(s) < n {
				s = append(s, item)
				heap.Fix(&s, len(s)-1)
				continue
			}
			s[0] = item
			heap.Fix(&s, 0)
		}
	}
	slices.SortFunc(s, func(a, b struct {
		number     uint64
		chunk, row int
	}) int {
		return cmp.Compare(a.number, b.number)
	})
	faces := make([]schemas.Face, len(s))
	for i, at := range s {
		c := v.chunks[at.chunk]
		faces[i] = v.face(c, at.row)
		faces[i].Embedding = slices.Clone(c.rows[at.row*v.stride:][:g.Model.Dimensions])
	}
	return faces, ctx.Err()
}

func (v *view) visible(c *chunk, row int) bool {
	return atomic.LoadUint64(&c.born[row]) <= v.version && v.version < atomic.LoadUint64(&c.died[row])
}

// mix is the finaliser of SplitMix64.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// Count counts what a generation holds.
func (x *Index) Count(ctx context.Context, generation string) (index.Counts, error) {
	g, release, err := x.named(ctx, generation)
	if err != nil {
		return index.Counts{}, err
	}
	defer release()
	var c index.Counts
	err = g.read.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM document), (SELECT count(DISTINCT rid) FROM face), (SELECT count(*) "+
		"FROM face)").
		Scan(&c.Registrants, &c.WithFace, &c.Faces)
	if err != nil {
		return c, fmt.Errorf("count generation %s: %w", generation, explain(err))
	}
	return c, nil
}

// Persons tells who shares a person.
func (x *Index) Persons(ctx context.Context, generation string, ids ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error) {
	g, release, err := x.named(ctx, generation)
	if err != nil {
		return nil, err
	}
	defer release()
	raw := make([]any, 0, len(ids))
	for _, id := range ids {
		if b, err := bytesOf(id); err == nil { // what cannot be an id is not held
			raw = append(raw, b)
		}
	}
	persons := map[schemas.UUID]schemas.UUID{}
	for part := range slices.Chunk(raw, 500) {
		err := g.each(ctx, g.read, "SELECT id, person FROM registrant WHERE listed AND person IS NOT NULL AND id IN ("+marks(len(part))+")", part,
			func(rows *sql.Rows) error {
				var id, person []byte
				if err := rows.Scan(&id, &person); err != nil {
					return err
				}
				if len(id) != 16 || len(person) != 16 {
					return errDamaged
				}
				persons[uuidOf([16]byte(id))] = uuidOf([16]byte(person))
				return nil
			})
		if err != nil {
			return nil, fmt.Errorf("persons of %d registrants: %w", len(ids), err)
		}
	}
	return persons, nil
}

func (x *Index) named(ctx context.Context, name string) (*generation, func(), error) {
	if name == "" {
		return nil, nil, missing(name)
	}
	return x.use(ctx, name)
}

// walkPage is how many documents Walk reads at a time: a long read would keep the write-ahead
// log from being folded back.
const walkPage = 1000

// Walk yields every registrant the generation holds, by id.
func (x *Index) Walk(ctx context.Context, generation string, from schemas.UUID) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		g, release, err := x.named(ctx, generation)
		if err != nil {
			yield(index.Document{}, err)
			return
		}
		defer release()
		after, reached := []byte{}, ">"
		if from != "" {
			if after, err = bytesOf(from); err != nil {
				yield(index.Document{}, err)
				return
			}
			reached = ">="
		}
		for {
			page := make([]index.Document, 0, walkPage)
			err := g.each(ctx, g.read, "SELECT r.id, r.revision, d.photos FROM registrant r JOIN document d ON d.rid = r.rid WHERE r.id "+
				reached+" ? ORDER BY r.id LIMIT ?",
				[]any{after, walkPage}, func(rows *sql.Rows) error {
					var (
						d          index.Document
						id, photos []byte
					)
					if err := rows.Scan(&id, &d.Revision, &photos); err != nil {
						return err
					}
					d.ID, after = uuidOf([16]byte(id)), id
					page = append(page, d)
					return json.Unmarshal(photos, &page[len(page)-1].Photos)
				})
			if err != nil {
				yield(index.Document{}, fmt.Errorf("walk generation %s: %w", generation, err))
				return
			}
			reached = ">"
			for _, d := range page {
				if !yield(d, nil) {
					return
				}
			}
			if len(page) < walkPage {
				return
			}
		}
	}
}

// Held returns what a generation holds of a photo.
func (x *Index) Held(ctx context.Context, generation string, photo schemas.Digest) ([]schemas.Face, []index.PhotoOutcome, error) {
	g, release, err := x.named(ctx, generation)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	digest, err := digestBytes(photo)
	if err != nil {
		return nil, nil, err
	}
	var (
		faces    []schemas.Face
		outcomes []index.PhotoOutcome
	)
	err = g.each(ctx, g.read, "SELECT "+faceColumns+" FROM face f JOIN registrant r ON r.rid = f.rid WHERE f.photo = ? ORDER BY f.id LIMIT ?",
		[]any{digest, index.MostHeld},
		func(rows *sql.Rows) error {
			f, err := scanFace(rows, g.Model.Dimensions)
			faces = append(faces, f)
			return err
		})
	if err != nil {
		return nil, nil, fmt.Errorf("faces of a photo in generation %s: %w", generation, err)
	}
	err = g.each(ctx, g.read, "SELECT outcome FROM photo WHERE photo = ? ORDER BY rowid LIMIT ?", []any{digest, index.MostHeld},
		func(rows *sql.Rows) error {
			var (
				outcome []byte
				o       index.PhotoOutcome
			)
			if err := rows.Scan(&outcome); err != nil {
				return err
			}
			err := json.Unmarshal(outcome, &o)
			outcomes = append(outcomes, o)
			return err
		})
	if err != nil {
		return nil, nil, fmt.Errorf("outcomes of a photo in generation %s: %w", generation, err)
	}
	return faces, outcomes, nil
}

// Sharing returns photos of a source's registrants that look like hash, unmarked ones first.
func (x *Index) Sharing(ctx context.Context, generation, source string, hash uint64, bits, limit int) ([]index.Sharer, error) {
	g, release, err := x.named(ctx, generation)
	if err != nil {
		return nil, err
	}
	defer release()
	sharers, err := g.sharing(context.WithoutCancel(ctx), source, hash, bits, limit)
	if err != nil {
		return nil, fmt.Errorf("photos like one in generation %s: %w", generation, explain(err))
	}
	return sharers, nil
}

func (x *generation) sharing(ctx context.Context, source string, hash uint64, most, limit int) ([]index.Sharer, error) {
	rids, err := x.alike(ctx, source, hash, most, limit)
	if err != nil {
		return nil, err
	}
	var sharers []index.Sharer
	for _, rid := range rids {
		err := x.each(ctx, x.read, "SELECT r.id, p.outcome FROM photo p JOIN registrant r ON r.rid = p.rid WHERE p.rid = ? ORDER BY p.rowid",
			[]any{rid}, func(rows *sql.Rows) error {
				var id, outcome []byte
				if err := rows.Scan(&id, &outcome); err != nil {
					return err
				}
				if len(id) != 16 {
					return errDamaged
				}
				s := index.Sharer{ID: uuidOf([16]byte(id))}
				if err := json.Unmarshal(outcome, &s.Photo); err != nil {
					return err
				}
				if s.Photo.Hash != 0 && bits.OnesCount64(s.Photo.Hash^hash) <= most {
					sharers = append(sharers, s)
				}
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	marked := func(s index.Sharer) int {
		if s.Photo.Problem == index.Placeholder {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(sharers, func(a, b index.Sharer) int { return marked(a) - marked(b) })
	return sharers[:min(limit, len(sharers))], nil
}

// alike gives the registrants of a source with a photo that looks like hash.
func (x *generation) alike(ctx context.Context, source string, hash uint64, most, limit int) ([]int64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.catchUp(ctx); err != nil {
		return nil, err
	}
	if _, ok := x.hashes[source]; !ok {
		if x.hashes == nil {
			x.hashes = hashes{}
		}
		x.hashes[source] = &looks{at: map[int64][]int{}}
		if err := x.hashes.load(ctx, x.watch, source, 0); err != nil {
			delete(x.hashes, source)
			return nil, err
		}
	}
	return x.hashes[source].alike(hash, most, limit), nil
}

// ScanCounts says how the scans went since the index was opened.
func (x *Index) ScanCounts() ScanCounts {
	x.scans.mu.Lock()
	defer x.scans.mu.Unlock()
	return x.scans.counts
}
