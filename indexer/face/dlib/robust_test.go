package dlib

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	faces "lineup/indexer/face"
	"lineup/indexer/face/dlib/photo"
	"lineup/indexer/score"
)

// BenchmarkRobustness makes the table of docs/benchmarks.md: the b views of all forty identities, made
// worse step by step, searched among the forty plain photos. It prints, of each way and step: how many
// show a face, are answered with the right person first, and with similarity above 90; how many name
// somebody else above 90; and what the others were refused as.
//
//	go test ./indexer/face/dlib -run '^$' -bench Robustness -benchtime 1x
func BenchmarkRobustness(b *testing.B) {
	e := open(b, Options{CNN: true})
	gallery := people(b, e)
	var plain []*image.RGBA
	for i := range gallery {
		p, err := photo.Decode(context.Background(), sampled(b, fmt.Sprintf("p%03db.jpg", i+1)), photo.DefaultLimits(), photo.Whole)
		if err != nil {
			b.Fatal(err)
		}
		plain = append(plain, p.Image)
	}
	var table strings.Builder
	table.WriteString("\n| of 40 | found | first | above 90 | somebody else above 90 | refused as |\n| --- | --- | --- | --- | --- | --- |\n")
	for b.Loop() {
		for _, w := range worse() {
			t := tally{refused: map[faces.Code]int{}}
			var wg sync.WaitGroup
			for worker := range e.opts.Workers {
				wg.Go(func() {
					for i := worker; i < len(plain); i += e.opts.Workers {
						data, err := photo.JPEG(w.make(plain[i]), w.quality)
						if err != nil {
							b.Error(err)
							return
						}
						t.add(b, e, gallery, i+1, data)
					}
				})
			}
			wg.Wait()
			fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %s |\n", w.name, t.found, t.first, t.above, t.other, t.reasons())
		}
	}
	fmt.Println(table.String())
}

// way is a photo made worse in one way.
type way struct {
	name    string
	quality int // of the JPEG
	make    func(*image.RGBA) *image.RGBA
}

func worse() (ways []way) {
	add := func(name string, make func(*image.RGBA) *image.RGBA) { ways = append(ways, way{name, 90, make}) }
	same := func(img *image.RGBA) *image.RGBA { return img }
	add("as they are", same)
	for _, side := range []int{200, 100, 70, 50, 35} {
		add(fmt.Sprintf("%d pixels high", side), func(img *image.RGBA) *image.RGBA { return photo.Fit(img, side) })
	}
	for _, quality := range []int{30, 10, 5, 2} {
		ways = append(ways, way{fmt.Sprintf("JPEG quality %d", quality), quality, same})
	}
	for _, r := range []int{2, 4, 6, 9} {
		add(fmt.Sprintf("blurred over %d pixels", 2*r+1), func(img *image.RGBA) *image.RGBA { return blurred(img, r) })
	}
	for _, percent := range []float64{40, 20, 10, 5, 250, 500} {
		add(fmt.Sprintf("%.0f %% of the light", percent), func(img *image.RGBA) *image.RGBA {
			return lit(img, func(v float64) float64 { return v * percent / 100 })
		})
	}
	for _, degrees := range []float64{15, 30, 45} {
		add(fmt.Sprintf("leaning by %.0f°", degrees), func(img *image.RGBA) *image.RGBA { return leaning(img, degrees) })
	}
	add("lying on its side", func(img *image.RGBA) *image.RGBA { return photo.Turn(img, 90) })
	part := func(x0, y0, x1, y1 float64) func(*image.RGBA) image.Rectangle {
		return func(img *image.RGBA) image.Rectangle {
			w, h := float64(img.Rect.Dx()), float64(img.Rect.Dy())
			return image.Rect(int(w*x0), int(h*y0), int(w*x1), int(h*y1))
		}
	}
	add("a bar over the eyes", func(img *image.RGBA) *image.RGBA { return barred(img, part(0, .4, 1, .5)(img)) })
	add("the lower half covered", func(img *image.RGBA) *image.RGBA { return barred(img, part(0, .58, 1, 1)(img)) })
	add("a third of the width cut off", func(img *image.RGBA) *image.RGBA { return cropped(img, part(0, 0, .67, 1)(img)) })
	add("a third of the height cut off", func(img *image.RGBA) *image.RGBA { return cropped(img, part(0, 0, 1, .67)(img)) })
	return ways
}

// tally counts what becomes of the photos of one way.
type tally struct {
	mu                         sync.Mutex
	found, first, above, other int
	refused                    map[faces.Code]int
}

func (t *tally) add(b *testing.B, e *Embedder, gallery [][]float32, identity int, data []byte) {
	r, err := e.Embed(context.Background(), data, faces.Probe)
	t.mu.Lock()
	defer t.mu.Unlock()
	var p *faces.Problem
	if errors.As(err, &p) {
		t.refused[p.Code]++
		return
	}
	if err != nil {
		b.Error(err)
		return
	}
	t.found++
	var distances []float64
	for _, g := range gallery {
		distances = append(distances, distance(g, r.Embedding))
	}
	slices.Sort(distances)
	nearest, at := nearest(gallery, r.Embedding)
	similarity := score.Similarity(score.Expectation(distances, e.Model(), score.Gallery{Registrants: len(gallery)}).At(at))
	within := at <= e.Model().MaxDistance && !math.IsNaN(similarity)
	switch {
	case nearest == identity && within:
		t.first++
		if similarity > 90 {
			t.above++
		}
	case within && similarity > 90:
		t.other++
	}
}

func (t *tally) reasons() string {
	var out []string
	for _, code := range slices.Sorted(maps.Keys(t.refused)) {
		out = append(out, fmt.Sprintf("%s %d", code, t.refused[code]))
	}
	return strings.Join(out, ", ")
}
