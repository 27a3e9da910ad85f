package evaluate

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"lineup/indexer/face"
	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// scan is an exact gallery in memory with one face per person; a search compares with every face.
type scan struct {
	model      schemas.Model
	generation index.Generation // with its calibration
	faces      []schemas.Face
	people     []int
	groups     []string
	holders    map[int]int // person -> place
}

func (g *scan) add(person int, group string, s shot) {
	registrant := schemas.RegistrantID("evaluate", strconv.Itoa(person))
	if g.holders == nil {
		g.holders = map[int]int{}
	}
	g.holders[person] = len(g.faces)
	g.faces = append(g.faces, schemas.Face{ID: schemas.FaceID(registrant, s.digest), Registrant: registrant, Photo: s.digest,
		Embedding: s.embedding})
	g.people = append(g.people, person)
	g.groups = append(g.groups, group)
}

// calibrate measures the gallery as an indexer measures a generation.
func (g *scan) calibrate(ctx context.Context) (err error) {
	g.generation.Calibration, err = score.Measure(ctx, g, "")
	return err
}

// Count, Sample, Search and Persons are what a generation is measured with.

func (g *scan) Count(context.Context, string) (index.Counts, error) {
	return index.Counts{Registrants: len(g.faces), WithFace: len(g.faces), Faces: len(g.faces)}, nil
}

func (g *scan) Search(_ context.Context, _ string, embedding []float32, k int) ([]index.Neighbour, error) {
	return g.nearest(embedding, k, nil), nil
}

func (g *scan) Sample(_ context.Context, _ string, n int, seed uint64) ([]schemas.Face, error) {
	var faces []schemas.Face
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(g.faces))[:min(n, len(g.faces))] {
		faces = append(faces, g.faces[i])
	}
	return faces, nil
}

func (g *scan) Persons(context.Context, string, ...schemas.UUID) (map[schemas.UUID]schemas.UUID, error) {
	return nil, nil // one face a person
}

// nearest returns the nearest k in order in one pass over the gallery; each is called with every distance.
func (g *scan) nearest(embedding []float32, k int, each func(i int, distance float64)) []index.Neighbour {
	var kept []index.Neighbour
	for i := range g.faces {
		d := g.model.Distance(embedding, g.faces[i].Embedding)
		if each != nil {
			each(i, d)
		}
		if len(kept) == k && !(d < kept[k-1].Distance) {
			continue
		}
		at, _ := slices.BinarySearchFunc(kept, d, func(n index.Neighbour, d float64) int { return cmp.Compare(n.Distance, d) })
		if len(kept) == k {
			kept = kept[:k-1]
		}
		f := g.faces[i]
		f.Embedding = nil
		kept = slices.Insert(kept, at, index.Neighbour{Face: f, Distance: d})
	}
	return kept
}

// sighting is the result of the two searches of one probe.
type sighting struct {
	detected, enrolled bool
	first              bool    // the person's own record is the nearest of all
	answered           bool    // somebody has a similarity above 80
	mate               float64 // similarity of the person's own record
	mateDistance       float64
	stranger           float64 // best similarity when the person's record is taken out
	strangerExpected   float64 // its E, or +Inf when nobody is in reach
	strangers          histogram
	groupStrangers     histogram // of the person's own group only
}

// look searches with one probe of a person, with and without the person's record in the gallery.
func (g *scan) look(embedding []float32, person int, group string) sighting {
	s := sighting{strangerExpected: math.Inf(1), mateDistance: math.NaN()}
	near := g.nearest(embedding, score.K+1, func(i int, d float64) {
		if g.people[i] == person {
			s.mateDistance = d
			return
		}
		s.strangers.add(d)
		if g.groups[i] == group {
			s.groupStrangers.add(d)
		}
	})
	registrant := schemas.UUID("")
	searched := len(g.faces)
	if i, ok := g.holders[person]; ok {
		registrant = g.faces[i].Registrant
		searched--
	}
	scored := score.Of(near[:min(score.K, len(near))], g.model, score.GalleryOf(g.generation, len(g.faces)))
	s.answered = len(scored.Matches(1)) > 0
	for i, c := range scored.Candidates {
		if c.Face.Registrant == registrant {
			s.mate, s.first = c.Similarity, i == 0
		}
	}
	others := slices.DeleteFunc(near, func(n index.Neighbour) bool { return n.Face.Registrant == registrant })
	mateless := score.Of(others[:min(score.K, len(others))], g.model, score.GalleryOf(g.generation, searched))
	if len(mateless.Candidates) > 0 {
		s.stranger, s.strangerExpected = mateless.Candidates[0].Similarity, mateless.Candidates[0].ExpectedFalseMatches
	}
	return s
}

// shot is a photo after embedding.
type shot struct {
	Photo
	digest    schemas.Digest
	embedding []float32     // nil: no face to enrol
	probes    bool          // it is also good enough to search with
	problem   *face.Problem // why not
}

// person holds one person's photos, in the order of Read.
type person struct {
	name, group string
	shots       []shot
}

// histogram counts distances in thousandths; larger ones are counted in the last bin.
type histogram struct {
	bins  [distanceBins]uint64
	total uint64
}

const (
	distanceBins = 2048
	binsPerUnit  = 1000
)

func (h *histogram) add(d float64) {
	bin := distanceBins - 1
	if d >= 0 && d*binsPerUnit < distanceBins {
		bin = int(d * binsPerUnit)
	}
	h.bins[bin]++
	h.total++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.bins {
		h.bins[i] += n
	}
	h.total += o.total
}

// within returns the share of counts at or below each bin's upper end.
func (h *histogram) within() []float64 {
	shares := make([]float64, distanceBins)
	var sum uint64
	for i, n := range h.bins {
		sum += n
		shares[i] = float64(sum) / float64(max(h.total, 1))
	}
	return shares
}
