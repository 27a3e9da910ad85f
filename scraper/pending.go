package scraper

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"time"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// listItem is a list page to read, and the partition it belongs to: a first page and the pages
// that follow it under the same rule.
type listItem struct {
	Request Request `json:"request"`
	Part    uint64  `json:"part"`
}

// part is what was claimed and read of one partition.
type part struct {
	Total int `json:"total"`
	Read  int `json:"read"`
}

// pending are the list pages still to read, the last first, so that few wait at a time.
type pending struct {
	mu    sync.Mutex
	items []listItem
	parts map[uint64]part
}

func (p *pending) start(requests []Request) {
	p.items, p.parts = nil, map[uint64]part{}
	for i := len(requests) - 1; i >= 0; i-- {
		p.items = append(p.items, listItem{Request: requests[i], Part: requestHash(requests[i])})
	}
}

func (p *pending) top() (listItem, bool) {
	if len(p.items) == 0 {
		return listItem{}, false
	}
	return p.items[len(p.items)-1], true
}

// done takes the top off and puts what it led to in its place.
func (p *pending) done(more []listItem) {
	p.items = p.items[:len(p.items)-1]
	for i := len(more) - 1; i >= 0; i-- {
		p.items = append(p.items, more[i])
	}
}

// count notes what a whole page gave its partition; rows is how many it gave one by one.
func (p *pending) count(id uint64, parsed Parsed, rows int) {
	keys := map[string]struct{}{}
	for _, key := range parsed.Listed {
		keys[key] = struct{}{}
	}
	for _, d := range parsed.Drafts {
		keys[d.Record.Key] = struct{}{}
	}
	n := len(keys) + rows
	for _, dropped := range parsed.Dropped {
		n += dropped
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.parts[id]
	now.Total, now.Read = max(now.Total, parsed.Total), now.Read+n
	p.parts[id] = now
}

func (p *pending) claimed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, one := range p.parts {
		n += one.Total
	}
	return n
}

// short says which partitions gave less than they claimed, "" when none did. One in two hundred
// may be missing: a registry changes while it is read.
func (p *pending) short() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.parts {
		if one.Total-one.Read > one.Total/200 {
			return fmt.Sprintf("the site says a list has %d entries, %d were read", one.Total, one.Read)
		}
	}
	return ""
}

// requestHash names a request within a run.
func requestHash(r Request) uint64 {
	h := sha256.New()
	if r.Key != "" {
		h.Write([]byte("key\x00" + r.Key))
	} else {
		h.Write([]byte(r.Method + "\x00" + r.URL + "\x00"))
		h.Write(r.Body)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

func keyHash(key string) uint64 {
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:])
}

// checkpointSchema is the version of a checkpoint: another one is not understood, and the run
// starts over.
const checkpointSchema = 1

// checkpoint is where a run is: list pages to read, what the partitions gave, and the counts.
type checkpoint struct {
	Schema  int                `json:"schema"`
	Version int                `json:"version"` // of the definition
	Items   []listItem         `json:"items"`
	Parts   map[uint64]part    `json:"parts"`
	Sum     schemas.RunSummary `json:"sum"`
	Asked   []time.Time        `json:"asked,omitempty"` // for the hourly quota
}

const (
	checkpointEvery = 10 * time.Second
	maxCheckpoint   = 512 << 10 // bytes: a message of the ledger holds 1 MiB
)

// checkpoint keeps where the run is, not oftener than checkpointEvery unless now.
func (c *Crawl) checkpoint(ctx context.Context, now bool) error {
	if c.fetcher == nil {
		return nil
	}
	c.mu.Lock()
	wait := !now && c.Now().Sub(c.saved) < checkpointEvery
	if !wait {
		c.saved = c.Now()
	}
	note := checkpoint{Schema: checkpointSchema, Version: c.info.Version, Items: c.pending.items, Sum: c.boundary, Asked: c.fetcher.Recent()}
	c.mu.Unlock()
	if wait {
		return nil
	}
	c.pending.mu.Lock()
	note.Parts = maps.Clone(c.pending.parts)
	c.pending.mu.Unlock()
	if c.info.Manners.JoinPages {
		note.Items, note.Parts = nil, nil // the spool dies with the process: start over
	}
	data, err := json.Marshal(note)
	if err == nil && len(data) > maxCheckpoint {
		note.Items, note.Parts = nil, nil
		data, err = json.Marshal(note)
	}
	if err == nil {
		err = c.Sink.Checkpoint(ctx, c.info.ID, c.run, data)
	}
	if err != nil {
		return fmt.Errorf("keep a checkpoint: %w: %w", errSink, err)
	}
	return nil
}

// restore goes on from a checkpoint; false when there is none to go on from.
func (c *Crawl) restore(data []byte) bool {
	var note checkpoint
	if len(data) == 0 || json.Unmarshal(data, &note) != nil || note.Schema != checkpointSchema {
		return false
	}
	c.Fetcher.Asked = note.Asked
	c.sum.Started = note.Sum.Started
	if note.Version != c.info.Version || len(note.Items) == 0 {
		return false
	}
	c.sum = note.Sum
	c.sum.State, c.sum.Ended, c.sum.Errors, c.sum.Drift = schemas.RunRunning, time.Time{}, nil, nil
	for _, m := range []*map[string]int{&c.sum.Photos, &c.sum.Dropped, &c.sum.Leftovers} {
		if *m == nil {
			*m = map[string]int{}
		}
	}
	c.pending.items, c.pending.parts = note.Items, note.Parts
	if c.pending.parts == nil {
		c.pending.parts = map[uint64]part{}
	}
	for _, item := range note.Items {
		c.asked[requestHash(item.Request)] = struct{}{}
	}
	return true
}

// errorBook counts what went wrong in a run, by class.
type errorBook struct {
	mu    sync.Mutex
	class map[string]int
	lost  int // registrants that could not be read
}

// maxSpoiled is how many registrants a run may fail to read before it ends.
const maxSpoiled = 100

func newErrorBook() *errorBook { return &errorBook{class: map[string]int{}} }

func (b *errorBook) add(err error) {
	class := "network"
	var status *fetch.StatusError
	switch {
	case errors.Is(err, fetch.ErrRobots):
		class = "robots"
	case errors.Is(err, fetch.ErrBlocked):
		class = "blocked"
	case errors.Is(err, ErrLayout):
		class = "layout"
	case errors.Is(err, fetch.ErrTooLarge):
		class = "too_large"
	case errors.Is(err, context.DeadlineExceeded):
		class = "timeout"
	case errors.As(err, &status):
		class = fmt.Sprintf("status_%d", status.Status)
	case errors.Is(err, fs.ErrNotExist):
		class = "status_404"
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.class[class]++
}

func (b *errorBook) spoil()        { b.mu.Lock(); b.lost++; b.mu.Unlock() }
func (b *errorBook) spoiled() int  { b.mu.Lock(); defer b.mu.Unlock(); return b.lost }
func (b *errorBook) tooMany() bool { return b.spoiled() >= maxSpoiled }
func (b *errorBook) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.class)
}
