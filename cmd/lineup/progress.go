package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress shows how far a task is: a bar where a person watches, a line a minute elsewhere.
type progress struct {
	out  io.Writer
	what string
	bars *mpb.Progress
	bar  *mpb.Bar
	last time.Time
}

// lineEvery is how often a task says how far it is where nobody watches.
const lineEvery = time.Minute

func (a *App) progress(what string, total int64) *progress {
	p := &progress{out: a.Stderr, what: what, last: time.Now()}
	if terminal(a.Stderr) {
		p.bars = mpb.New(mpb.WithOutput(a.Stderr), mpb.WithWidth(48))
		p.bar = p.bars.AddBar(total,
			mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-10s", what)), decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	}
	return p
}

// set says that done of total are done.
func (p *progress) set(done, total int64) {
	if p.bar != nil {
		p.bar.SetTotal(max(total, done), false)
		p.bar.SetCurrent(done)
		return
	}
	if time.Since(p.last) >= lineEvery {
		p.last = time.Now()
		fmt.Fprintf(p.out, "%s: %d of %d\n", p.what, done, total)
	}
}

// end says that the task is over.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bars.Wait()
	}
}
