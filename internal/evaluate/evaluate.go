// Package evaluate measures, on an operator's own labelled photos, how well faces are told
// apart and whether the similarities keep their promise.
//
// People with one photo are enrolled only; of everybody else one photo drawn at random is
// enrolled and the rest are probes; five draws with a fixed seed. Every probe is searched twice:
// as it is, and with its person's record out of the gallery (mateless). Photos in which no face
// is found are counted, and count as misses. Only embeddings are kept in memory.
package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lineup/indexer/face"
	"lineup/schemas"
)

// maxPhotoBytes bounds what is read of one photo.
const maxPhotoBytes = 32 << 20

// Options of a run.
type Options struct {
	Seed     uint64
	Workers  int                               // photos embedded at once; 0 is one a processor
	Progress func(stage string, done, all int) // may be nil; called from one goroutine at a time
	Against  Gallery                           // may be nil; a real gallery that is searched besides
}

// Run evaluates embedder on the photos. The same photos, seed and embedder give the same
// report. Errors: ErrNoPhotos, ctx's error, and a photo that cannot be read.
func Run(ctx context.Context, embedder face.Embedder, photos []Photo, o Options) (Report, error) {
	if len(photos) == 0 {
		return Report{}, ErrNoPhotos
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Progress = oneAtATime(o.Progress)
	shots, err := embedAll(ctx, embedder, photos, o)
	if err != nil {
		return Report{}, err
	}
	people := byPerson(shots)
	t := newTally(embedder.Model(), people)
	for draw := range Draws {
		if err := t.search(ctx, people, rand.New(rand.NewPCG(o.Seed, uint64(draw))), o, draw); err != nil {
			return Report{}, err
		}
	}
	if o.Against != nil {
		if t.against, err = searchAgainst(ctx, embedder.Model(), o.Against, shots); err != nil {
			return Report{}, err
		}
	}
	return t.report(), nil
}

// embedAll embeds every photo once; repeated photos of one person are left out.
func embedAll(ctx context.Context, embedder face.Embedder, photos []Photo, o Options) ([]shot, error) {
	shots := make([]shot, len(photos))
	var mu sync.Mutex
	done := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.Workers)
	for i, p := range photos {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			s, err := embed(ctx, embedder, p)
			if err != nil {
				return err
			}
			shots[i] = s
			mu.Lock()
			defer mu.Unlock()
			done++
			o.Progress("embedding", done, len(photos))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil && len(photos) != done {
		return nil, err
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(shots, func(s shot) bool {
		key := s.Person + "\x00" + string(s.digest)
		again := seen[key]
		seen[key] = true
		return again
	}), nil
}

// embed sees p as a probe, and, if it is too poor for that, as a photo to enrol.
func embed(ctx context.Context, embedder face.Embedder, p Photo) (shot, error) {
	info, err := os.Stat(p.Path)
	if err != nil {
		return shot{}, fmt.Errorf("read photo: %w", err)
	}
	if info.Size() > maxPhotoBytes {
		return shot{}, fmt.Errorf("read photo: %s is larger than %d MB", p.Path, maxPhotoBytes>>20)
	}
	data, err := os.ReadFile(p.Path)
	if err != nil {
		return shot{}, fmt.Errorf("read photo: %w", err)
	}
	s := shot{Photo: p, digest: schemas.DigestOf(data)}
	for _, purpose := range []face.Purpose{face.Probe, face.Enrol} {
		result, err := patiently(ctx, embedder, data, purpose)
		var problem *face.Problem
		if errors.As(err, &problem) {
			if s.problem == nil {
				s.problem = problem
			}
			continue
		} else if err != nil {
			return shot{}, fmt.Errorf("embed %s: %w", p.Path, err)
		}
		s.embedding, s.probes = slices.Clone(result.Embedding), purpose == face.Probe
		break
	}
	return s, nil
}

// patiently waits while the embedder is busy with other probes, for at most a minute.
func patiently(ctx context.Context, embedder face.Embedder, photo []byte, purpose face.Purpose) (face.Result, error) {
	const pause, pauses = 50 * time.Millisecond, 1200
	for range pauses {
		result, err := embedder.Embed(ctx, photo, purpose)
		if !errors.Is(err, face.ErrBusy) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return face.Result{}, ctx.Err()
		case <-time.After(pause):
		}
	}
	return face.Result{}, face.ErrBusy
}

func byPerson(shots []shot) []person {
	var people []person
	at := map[string]int{}
	for _, s := range shots {
		i, ok := at[s.Person]
		if !ok {
			i = len(people)
			at[s.Person] = i
			people = append(people, person{name: s.Person, group: s.Group})
		}
		people[i].shots = append(people[i].shots, s)
	}
	return people
}

// search runs one draw: enrol, then search every probe with and without its mate.
func (t *tally) search(ctx context.Context, people []person, random *rand.Rand, o Options, draw int) error {
	gallery := scan{model: t.model}
	type probe struct {
		shot
		person   int
		enrolled bool
	}
	var probes []probe
	for i, p := range people {
		chosen := random.IntN(len(p.shots))
		enrolled := p.shots[chosen].embedding != nil
		if enrolled {
			gallery.add(i, p.group, p.shots[chosen])
		}
		for j, s := range p.shots {
			if j != chosen {
				probes = append(probes, probe{s, i, enrolled})
			}
		}
	}
	if err := gallery.calibrate(ctx); err != nil {
		return err
	}
	var mu sync.Mutex
	done := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range probes {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var seen sighting
			if p.probes {
				seen = gallery.look(p.embedding, p.person, p.Group)
			}
			seen.detected, seen.enrolled = p.probes, p.enrolled
			mu.Lock()
			defer mu.Unlock()
			t.add(p.person, seen)
			done++
			o.Progress("searching", draw*len(probes)+done, Draws*len(probes))
			return nil
		})
	}
	return g.Wait()
}

func oneAtATime(f func(string, int, int)) func(string, int, int) {
	if f == nil {
		return func(string, int, int) {}
	}
	var mu sync.Mutex
	return func(stage string, done, all int) {
		mu.Lock()
		defer mu.Unlock()
		f(stage, done, all)
	}
}
