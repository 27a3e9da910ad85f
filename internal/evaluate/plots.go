package evaluate

import (
	"errors"
	"fmt"
	"image/color"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// Plots writes det, scores and promise as pictures in format, "svg" or "png", into dir,
// which is made if it is missing, and gives their paths.
func (r Report) Plots(dir, format string) ([]string, error) {
	if format != "svg" && format != "png" {
		return nil, errors.New("plots are svg or png")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("write plots: %w", err)
	}
	var paths []string
	for _, p := range []struct {
		name string
		draw func() (*plot.Plot, error)
	}{{"det", r.det}, {"scores", r.scores}, {"promise", r.promise}} {
		drawn, err := p.draw()
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", p.name, err)
		}
		path := filepath.Join(dir, p.name+"."+format)
		if err := drawn.Save(16*vg.Centimeter, 12*vg.Centimeter, path); err != nil {
			return nil, fmt.Errorf("write plot: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// sets are all people and each group, in order.
func (r Report) sets() (names []string, of map[string]Summary) {
	of = maps.Clone(r.Groups)
	if of == nil {
		of = map[string]Summary{}
	}
	names = slices.Sorted(maps.Keys(of))
	of["all"] = r.Summary
	return append([]string{"all"}, names...), of
}

// det is the detection error trade-off of comparing two photos.
func (r Report) det() (*plot.Plot, error) {
	p := blank("Detection error trade-off", "false-match rate", "false-non-match rate")
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 1e-4, 1, 1e-3, 1
	names, sets := r.sets()
	for i, name := range names {
		c := sets[name].counts
		if c.strangers.total == 0 || c.mateDistances.total == 0 {
			continue
		}
		falseMatch, match := c.strangers.within(), c.mateDistances.within()
		var points plotter.XYs
		for bin := range falseMatch {
			if falseMatch[bin] > 0 {
				points = append(points, plotter.XY{X: max(falseMatch[bin], p.X.Min), Y: max(1-match[bin], p.Y.Min)})
			}
		}
		if err := addLine(p, name, i, points); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// scores are the similarities of mates, and of the best stranger when the mate is out.
func (r Report) scores() (*plot.Plot, error) {
	p := blank("Similarities", "similarity", "searches")
	var ticks plot.ConstantTicks
	for _, at := range []float64{0, 20, 40, 60, 80, 90, 95, 100} {
		ticks = append(ticks, plot.Tick{Value: at, Label: fmt.Sprint(at)})
	}
	p.X.Tick.Marker = ticks
	for i, set := range []struct {
		name   string
		scores [101]int
	}{{"own record", r.counts.mateScores}, {"best stranger, own record out", r.counts.matelessScores}} {
		var points plotter.XYs
		for score, n := range set.scores {
			points = append(points, plotter.XY{X: float64(score), Y: float64(n)})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.StepStyle, line.Color = plotter.PostStep, plotutil.Color(i)
		p.Add(line)
		p.Legend.Add(set.name, line)
	}
	p.Legend.Left = true
	return p, nil
}

// promise is, by E, the share of mateless searches with a candidate below E: promised and measured.
func (r Report) promise() (*plot.Plot, error) {
	p := blank("Promise and measure", "expected false matches E", "mateless searches with a candidate below E")
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Legend.Left = true
	floor := 1e-4
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = promised[0], promised[len(promised)-1], floor, 1
	var limit plotter.XYs
	for _, e := range promised {
		limit = append(limit, plotter.XY{X: e, Y: chance(e)})
	}
	line, err := plotter.NewLine(limit)
	if err != nil {
		return nil, err
	}
	line.Dashes, line.Color = []vg.Length{vg.Points(4), vg.Points(3)}, color.Gray{Y: 90}
	p.Add(line)
	p.Legend.Add("promised at most", line)
	names, sets := r.sets()
	for i, name := range names {
		c := sets[name].counts
		var points plotter.XYs
		for j, e := range promised {
			points = append(points, plotter.XY{X: e, Y: max(floor, share(c.promise[j], c.matelessSearches))})
		}
		if err := addLine(p, name, i, points); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func blank(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.BackgroundColor = color.White
	p.Title.TextStyle.Font.Size = font.Points(13)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(2)
	p.Add(plotter.NewGrid())
	return p
}

func addLine(p *plot.Plot, name string, i int, points plotter.XYs) error {
	points = slices.DeleteFunc(points, func(xy plotter.XY) bool { return math.IsNaN(xy.X) || math.IsNaN(xy.Y) })
	if len(points) == 0 {
		return nil
	}
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.Color = plotutil.Color(i)
	line.Width = vg.Points(1.5)
	p.Add(line)
	p.Legend.Add(name, line)
	return nil
}
