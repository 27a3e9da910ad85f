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
	"gonum.org/v1/plot/vg/draw"
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
		draw func() (*picture, error)
	}{{"det", r.det}, {"scores", r.scores}, {"promise", r.promise}} {
		drawn, err := p.draw()
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", p.name, err)
		}
		path := filepath.Join(dir, p.name+"."+format)
		if err := drawn.save(path, format); err != nil {
			return nil, fmt.Errorf("write plot: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// picture is a plot with its legend beside it, where no line can run under it.
type picture struct {
	*plot.Plot
	legend plot.Legend
}

const (
	pictureWidth  = 20 * vg.Centimeter
	pictureHeight = 12 * vg.Centimeter
	legendWidth   = 6 * vg.Centimeter
)

func (p *picture) save(path, format string) error {
	canvas, err := draw.NewFormattedCanvas(pictureWidth, pictureHeight, format)
	if err != nil {
		return err
	}
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, 0, -legendWidth, 0, 0))
	p.legend.Draw(draw.Crop(all, pictureWidth-legendWidth+vg.Millimeter*3, 0, 0, -vg.Centimeter))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// sets returns all people and each group, in order.
func (r Report) sets() (names []string, of map[string]Summary) {
	of = maps.Clone(r.Groups)
	if of == nil {
		of = map[string]Summary{}
	}
	names = slices.Sorted(maps.Keys(of))
	of["all"] = r.Summary
	return append([]string{"all"}, names...), of
}

// det plots the detection error trade-off of comparing two photos.
func (r Report) det() (*picture, error) {
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
				points = append(points, plotter.XY{X: max(falseMatch[bin], p.X.Min), Y: 1 - match[bin]})
			}
		}
		if err := addShares(p, name, i, points, p.Y.Min, int(c.mateDistances.total)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// scores plots the similarities of mates, and of the best stranger when the mate is taken out.
func (r Report) scores() (*picture, error) {
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
		p.legend.Add(set.name, line)
	}
	return p, nil
}

// promise plots, by E, the share of mateless searches with a candidate below E: promised and measured.
func (r Report) promise() (*picture, error) {
	p := blank("Promise and measure", "expected false matches E", "mateless searches with a candidate below E")
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
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
	p.legend.Add("promised at most", line)
	names, sets := r.sets()
	for i, name := range names {
		c := sets[name].counts
		var points plotter.XYs
		for j, e := range promised {
			points = append(points, plotter.XY{X: e, Y: share(c.promise[j], c.matelessSearches)})
		}
		if err := addShares(p, name, i, points, floor, c.matelessSearches); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func blank(title, x, y string) *picture {
	p := &picture{Plot: plot.New(), legend: plot.NewLegend()}
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.BackgroundColor = color.White
	p.Title.TextStyle.Font.Size = font.Points(13)
	p.legend.Top, p.legend.Left = true, true
	p.legend.Padding = vg.Points(2)
	p.Add(plotter.NewGrid())
	return p
}

func addLine(p *picture, name string, i int, points plotter.XYs) error {
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
	p.legend.Add(name, line)
	return nil
}

// addShares draws shares on a logarithmic axis. A share of zero has no place on it: it is drawn as a hollow point at
// the bottom, and the legend says of how many searches there was none.
func addShares(p *picture, name string, i int, points plotter.XYs, floor float64, of int) error {
	var seen, none plotter.XYs
	for _, xy := range points {
		if xy.Y > floor/2 {
			seen = append(seen, plotter.XY{X: xy.X, Y: max(xy.Y, floor)})
		} else {
			none = append(none, plotter.XY{X: xy.X, Y: floor})
		}
	}
	if err := addLine(p, name, i, seen); err != nil || len(none) == 0 {
		return err
	}
	if len(none) > 8 { // for a curve of many points its end is enough
		none = plotter.XYs{none[0], none[len(none)-1]}
	}
	marks, err := plotter.NewScatter(none)
	if err != nil {
		return err
	}
	marks.Color, marks.Shape, marks.Radius = plotutil.Color(i), draw.RingGlyph{}, vg.Points(3)
	p.Add(marks)
	p.legend.Add(fmt.Sprintf("%s: none of %d", name, of), marks)
	return nil
}
