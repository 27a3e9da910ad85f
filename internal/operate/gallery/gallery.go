// Package gallery looks for enrolled faces and photos that look wrong: it asks the serving generation about its
// own faces.
package gallery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"lineup/indexer/index"
	"lineup/indexer/score"
	"lineup/schemas"
	"lineup/schemas/person"
)

const (
	// mostFindings bounds how many findings of one kind a report names; all are counted.
	mostFindings = 1000
	// duplicatePairs is the number of pairs of strangers, expected in the whole gallery, below which
	// two people are named as possibly one.
	duplicatePairs = 0.1
	// gallerySample is the number of faces from which the usual distance to a nearest stranger is measured.
	gallerySample = 200
	// outlier is how many robust standard deviations beyond the median a nearest stranger must be
	// for the face to resemble nobody (Hampel's identifier uses 3; here one night looks at many).
	outlier = 6
	// aroundPhotos is how many neighbours beyond score.K are fetched for the person's own photos.
	aroundPhotos = 16
)

// Check asks for a check of the serving generation.
type Check struct {
	Since time.Time             // only registrants whose record or photos changed since then; zero: everybody
	Shown func(done, all int64) // shows how far the check is; may be nil
}

// Report is what looks wrong in a gallery. It contains uuids only, is for the operator alone, and is not stored.
type Report struct {
	Generation string         `json:"generation"`
	Looked     int            `json:"looked"` // registrants looked at
	Faces      int            `json:"faces"`  // of theirs
	Counts     map[string]int `json:"counts"` // by kind of finding
	// Alone are faces that resemble nobody: the detector may have taken something else for a face.
	Alone []AloneFace `json:"alone"`
	// Disagree are two photos of one registrant that do not look like one person.
	Disagree []DisagreeingPhotos `json:"disagree"`
	// Shared are photos that stand with people whose records contradict each other.
	Shared []SharedPhoto `json:"shared"`
	// Duplicates are people whom nothing links and whose faces are so alike that in the whole gallery fewer
	// than 0.1 such pairs of strangers are expected.
	Duplicates []Duplicate `json:"duplicates"`
}

// Kinds of findings, as Counts and the metric name them.
const (
	FindingAlone     = "alone"
	FindingDisagree  = "disagree"
	FindingShared    = "shared"
	FindingDuplicate = "duplicate"
)

// AloneFace is a face whose nearest stranger is unusually far.
type AloneFace struct {
	Registrant schemas.UUID `json:"uuid"`
	Face       schemas.UUID `json:"faceId"`
	Distance   float64      `json:"distance"`
}

// DisagreeingPhotos are two faces of one registrant.
type DisagreeingPhotos struct {
	Registrant schemas.UUID    `json:"uuid"`
	Faces      [2]schemas.UUID `json:"faceIds"`
	Distance   float64         `json:"distance"`
}

// SharedPhoto is one picture under two registrants who cannot be one person.
type SharedPhoto struct {
	Registrants [2]schemas.UUID `json:"uuids"`
	Faces       [2]schemas.UUID `json:"faceIds"`
}

// Duplicate is two registrants who may be one person.
type Duplicate struct {
	Registrants   [2]schemas.UUID `json:"uuids"`
	Distance      float64         `json:"distance"`
	ExpectedPairs float64         `json:"expectedPairs"` // of strangers so near, in the whole gallery
}

// check is the state of one check.
type check struct {
	ix     index.Index
	report Report
	g      index.Generation
	people int     // with a face, in the gallery
	far    float64 // a face whose nearest stranger is farther away resembles nobody
	seen   map[[2]schemas.UUID]bool
}

// Look checks the serving generation, with one search for each face. How alike two faces must be is judged by their
// own neighbourhood (score's E), so that a group whose faces lie close together does not fill the list. Errors:
// index.ErrNoneServing.
func Look(ctx context.Context, ix index.Index, c Check) (Report, error) {
	all, err := ix.Generations(ctx)
	if err != nil {
		return Report{}, err
	}
	g, err := index.ServingOf(all)
	if err != nil {
		return Report{}, err
	}
	counts, err := ix.Count(ctx, g.Name)
	if err != nil {
		return Report{}, err
	}
	k := &check{ix: ix, g: g, people: counts.WithFace, seen: map[[2]schemas.UUID]bool{}, report: Report{Generation: g.Name,
		Counts: map[string]int{FindingAlone: 0, FindingDisagree: 0, FindingShared: 0, FindingDuplicate: 0},
		Alone:  []AloneFace{}, Disagree: []DisagreeingPhotos{}, Shared: []SharedPhoto{}, Duplicates: []Duplicate{}}}
	if k.far, err = k.usual(ctx); err != nil {
		return Report{}, err
	}
	look := func(d index.Document) error {
		if err := k.registrant(ctx, d); err != nil {
			return fmt.Errorf("check registrant %s: %w", d.ID, err)
		}
		if c.Shown != nil {
			c.Shown(int64(k.report.Looked), int64(counts.Registrants))
		}
		return nil
	}
	if c.Since.IsZero() {
		for d, err := range ix.Walk(ctx, g.Name, "") {
			if err == nil && schemas.Visible(ctx, d.ID) {
				err = look(d)
			}
			if err != nil {
				return Report{}, err
			}
		}
		return k.report, nil
	}
	for q := (index.Query{ChangedFrom: c.Since}); ; {
		found, err := ix.Find(ctx, q)
		if err != nil {
			return Report{}, err
		}
		for _, d := range found.Documents {
			if err := look(d); err != nil {
				return Report{}, err
			}
		}
		if q.After = found.Next; q.After == nil {
			return k.report, nil
		}
	}
}

// usual is the distance beyond which a nearest stranger is unusual in this gallery: the median over a
// sample and six robust standard deviations (1.4826 times the median deviation).
func (k *check) usual(ctx context.Context) (float64, error) {
	faces, err := k.ix.Sample(ctx, k.g.Name, gallerySample, 1)
	if err != nil {
		return 0, err
	}
	var nearest []float64
	for _, f := range faces {
		strangers, err := k.strangers(ctx, f)
		if err != nil {
			return 0, err
		}
		if len(strangers) > 0 {
			nearest = append(nearest, strangers[0].Distance)
		}
	}
	if len(nearest) == 0 {
		return k.g.Model.MaxDistance * 2, nil
	}
	slices.Sort(nearest)
	middle := nearest[len(nearest)/2]
	deviations := make([]float64, len(nearest))
	for i, d := range nearest {
		deviations[i] = max(d-middle, middle-d)
	}
	slices.Sort(deviations)
	return max(middle+outlier*1.4826*deviations[len(deviations)/2], k.g.Model.MaxDistance), nil
}

// strangers are the nearest faces of other registrants who share no person with the face's.
func (k *check) strangers(ctx context.Context, f schemas.Face) ([]index.Neighbour, error) {
	near, err := k.ix.Search(ctx, k.g.Name, f.Embedding, score.K+aroundPhotos)
	if err != nil {
		return nil, err
	}
	ids := map[schemas.UUID]bool{f.Registrant: true}
	for _, n := range near {
		ids[n.Face.Registrant] = true
	}
	persons, err := k.ix.Persons(ctx, k.g.Name, slices.Collect(maps.Keys(ids))...)
	if err != nil {
		return nil, err
	}
	own := persons[f.Registrant]
	near = slices.DeleteFunc(near, func(n index.Neighbour) bool {
		return n.Face.Registrant == f.Registrant || own != "" && persons[n.Face.Registrant] == own
	})
	return near[:min(len(near), score.K)], nil
}

// registrant looks at all faces of one registrant.
func (k *check) registrant(ctx context.Context, d index.Document) error {
	k.report.Looked++
	var faces []schemas.Face
	for _, p := range d.Photos {
		if p.Face == "" {
			continue
		}
		held, _, err := k.ix.Held(ctx, k.g.Name, p.Photo)
		if err != nil {
			return err
		}
		for _, f := range held {
			if f.Registrant == d.ID {
				faces = append(faces, f)
			}
		}
	}
	for i, f := range faces {
		k.report.Faces++
		for _, other := range faces[:i] {
			if distance := k.g.Model.Distance(f.Embedding, other.Embedding); distance > k.g.Model.MaxDistance {
				k.report.Disagree = counted(k, FindingDisagree, k.report.Disagree,
					DisagreeingPhotos{d.ID, [2]schemas.UUID{other.ID, f.ID}, score.Rounded(distance)})
			}
		}
		if err := k.face(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// face compares one face with everybody else's.
func (k *check) face(ctx context.Context, f schemas.Face) error {
	strangers, err := k.strangers(ctx, f)
	if err != nil || len(strangers) == 0 {
		return err
	}
	if strangers[0].Distance > k.far {
		k.report.Alone = counted(k, FindingAlone, k.report.Alone, AloneFace{f.Registrant, f.ID, score.Rounded(strangers[0].Distance)})
	}
	for _, c := range score.Of(strangers, k.g.Model, score.GalleryOf(k.g, k.people)).Candidates {
		// Both people of a pair are searched, so each pair is seen twice.
		pairs := c.ExpectedFalseMatches * float64(k.people) / 2
		if pairs >= duplicatePairs {
			break
		}
		pair := [2]schemas.UUID{f.Registrant, c.Face.Registrant}
		slices.Sort(pair[:])
		if k.seen[pair] {
			continue
		}
		k.seen[pair] = true
		docs, err := k.ix.Lookup(ctx, pair[0], pair[1])
		if err != nil {
			return err
		}
		same := f.Photo == c.Face.Photo || c.Distance == 0
		switch {
		case len(docs) == 2 && same && person.Contradict(docs[0].Record, docs[1].Record):
			k.report.Shared = counted(k, FindingShared, k.report.Shared, SharedPhoto{[2]schemas.UUID{f.Registrant, c.Face.Registrant},
				[2]schemas.UUID{f.ID, c.Face.ID}})
		case len(docs) == 2:
			k.report.Duplicates = counted(k, FindingDuplicate, k.report.Duplicates, Duplicate{pair, score.Rounded(c.Distance), pairs})
		}
	}
	return nil
}

// counted counts a finding, and adds it to its list while that is not full.
func counted[T any](k *check, kind string, list []T, finding T) []T {
	k.report.Counts[kind]++
	if len(list) == mostFindings {
		return list
	}
	return append(list, finding)
}
