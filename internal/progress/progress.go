// Package progress shows how far a task is: a bar where a person watches; elsewhere a line at once and one a minute.
package progress

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Task shows the progress of one task. Its methods may be called concurrently; a nil Task shows nothing.
type Task struct {
	out    io.Writer
	log    *slog.Logger // used instead of out
	what   string
	source string
	bars   *mpb.Progress
	bar    *mpb.Bar

	mu    sync.Mutex
	last  time.Time // when a line was written
	begun time.Time // time and value of the first figure: a resumed run does not start at 0
	first int64
	rate  float64 // per second, since begun
	left  time.Duration
}

// lineEvery is how often a task writes a line where nobody watches.
const lineEvery = time.Minute

// Show starts to show a task on w; total is 0 while it is not known.
func Show(w io.Writer, what string, total int64) *Task {
	p := &Task{out: w, what: what, last: time.Now()}
	if !terminal(w) {
		fmt.Fprintf(w, "%s...\n", what)
	} else {
		p.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(48))
		p.bar = p.bars.AddBar(total,
			mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-10s", what)), decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.Any(func(decor.Statistics) string { return p.eta() })))
	}
	return p
}

// Log starts to write the progress of a source's task to the log, for tasks that run beside others.
func Log(log *slog.Logger, what, source string) *Task {
	return &Task{log: log, what: what, source: source, last: time.Now()}
}

// Set reports that done of total are done; total is 0 if it is not known.
func (p *Task) Set(done, total int64) { p.SetMore(done, total, "") }

// SetMore is Set with further text, shown where there is room for a line.
func (p *Task) SetMore(done, total int64, more string) {
	if p == nil {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begun.IsZero() {
		p.begun, p.first = now, done
	}
	p.rate, p.left = 0, 0
	if passed := now.Sub(p.begun).Seconds(); passed > 0 {
		p.rate = float64(done-p.first) / passed
	}
	if done > p.first && total > done {
		p.left = time.Duration(float64(now.Sub(p.begun)) / float64(done-p.first) * float64(total-done))
	}
	if p.bar != nil {
		p.bar.SetTotal(max(total, done), false)
		p.bar.SetCurrent(done)
		return
	}
	if now.Sub(p.last) < lineEvery {
		return
	}
	p.last = now
	if p.log != nil {
		p.log.Info(p.what, "source", p.source, "done", done, "of", total, "left", p.left.Round(time.Second).String())
		return
	}
	of := ""
	if total > 0 {
		of = fmt.Sprintf(" of %d", total)
	}
	fmt.Fprintf(p.out, "%s: %d%s%s%s\n", p.what, done, of, more, p.pace())
}

func (p *Task) eta() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace()
}

// pace returns the rate and the time left, where they are known.
func (p *Task) pace() (text string) {
	if p.rate > 0 {
		text = fmt.Sprintf(", %.1f a second", p.rate)
	}
	if p.left > 0 {
		text += fmt.Sprintf(", %s left", p.left.Round(time.Second))
	}
	return text
}

// End reports that the task is over.
func (p *Task) End() {
	if p != nil && p.bar != nil {
		p.bar.SetTotal(-1, true)
		p.bars.Wait()
	}
}

// terminal reports whether a person watches w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
