package evaluate

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
)

// scan is a gallery in memory, one face a person, searched face by face: exact in any metric.
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

// nearest keeps the nearest k in order as it passes over the gallery; each sees every distance.
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

// sighting is what the two searches of one probe found.
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

// look searches one probe of a person with and without the person's record.
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
