package scraper

import (
	"cmp"
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
	Total  int  `json:"total"`
	Read   int  `json:"read"`             // entries: rows or cards
	People int  `json:"people,omitempty"` // registrants among them, each once
	Moved  bool `json:"moved,omitempty"`  // its pages claimed different totals
}

// pending are the list pages still to read, the last first, so that few wait at a time.
type pending struct {
	mu    sync.Mutex
	items []listItem
	parts map[uint64]part
	named map[uint64]struct{} // registrants that lists named, by partition and key
}

func (p *pending) start(requests []Request) {
	p.items, p.parts, p.named = nil, map[uint64]part{}, nil
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

// count notes what a whole page gave its partition; rows is how many it gave one by one. The result is how many entries
// all lists have given so far.
func (p *pending) count(id uint64, parsed Parsed, rows int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.named == nil {
		p.named = map[uint64]struct{}{}
	}
	now := p.parts[id]
	people := 0
	name := func(key string) {
		h := keyHash(key) ^ id
		if _, ok := p.named[h]; !ok {
			p.named[h] = struct{}{}
			people++
		}
	}
	for _, key := range parsed.Keys {
		name(key)
	}
	if parsed.Keys == nil {
		for _, key := range parsed.Listed {
			name(key)
		}
		for _, d := range parsed.Drafts {
			name(d.Record.Key)
		}
		people += rows
		for _, dropped := range parsed.Dropped {
			people += dropped
		}
	}
	entries := parsed.Entries
	if entries == 0 {
		entries = people
	}
	now.Moved = now.Moved || now.Total > 0 && parsed.Total > 0 && now.Total != parsed.Total
	now.Total, now.Read, now.People = max(now.Total, parsed.Total), now.Read+entries, now.People+people
	p.parts[id] = now
	all := 0
	for _, one := range p.parts {
		all += one.Read
	}
	return all
}

// moved reports whether a list changed while its pages were read: they claimed different totals, or gave less than they
// claimed.
func (p *pending) moved() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.parts {
		if one.Moved || one.missing() > 0 {
			return true
		}
	}
	return false
}

// missing is how much less than claimed was read. Some sources count entries, others registrants.
func (one part) missing() int { return one.Total - max(one.Read, one.People) }

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
		if one.missing() > one.Total/200 {
			return fmt.Sprintf("the site says a list has %d entries, %d were read", one.Total, max(one.Read, one.People))
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
const checkpointSchema = 2

// checkpoint is where a run is: list pages to read, what the partitions gave, and the counts.
type checkpoint struct {
	Schema  int                `json:"schema"`
	Version int                `json:"version"` // of the definition
	Items   []listItem         `json:"items"`
	Parts   map[uint64]part    `json:"parts"`
	Sum     schemas.RunSummary `json:"sum"`
	Unread  map[string]Request `json:"unread,omitempty"` // registrants of pages that were read, who could not be read themselves
	Asked   []time.Time        `json:"asked,omitempty"`  // for the hourly quota
}

const (
	checkpointEvery = 10 * time.Second
	maxCheckpoint   = 512 << 10 // bytes: a message of the ledger holds 1 MiB
)

// checkpoint keeps where the run is, not oftener than CheckpointEvery unless now.
func (c *Crawl) checkpoint(ctx context.Context, now bool) error {
	if c.fetcher == nil {
		return nil
	}
	c.mu.Lock()
	wait := !now && c.Now().Sub(c.saved) < cmp.Or(c.CheckpointEvery, checkpointEvery)
	if !wait {
		c.saved = c.Now()
	}
	note := checkpoint{Schema: checkpointSchema, Version: c.info.Version, Items: c.pending.items, Sum: c.boundary, Unread: maps.Clone(c.unread), Asked: c.fetcher.Recent()}
	c.mu.Unlock()
	if wait {
		return nil
	}
	c.pending.mu.Lock()
	note.Parts = maps.Clone(c.pending.parts)
	c.pending.mu.Unlock()
	if c.info.Manners.JoinPages {
		note.Items, note.Parts, note.Unread = nil, nil, nil // the spool dies with the process: start over
	}
	data, err := json.Marshal(note)
	if err == nil && len(data) > maxCheckpoint {
		note.Items, note.Parts, note.Unread = nil, nil, nil
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
	for key, r := range note.Unread {
		c.unread[key] = r
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
}

func newErrorBook() *errorBook { return &errorBook{class: map[string]int{}} }

// errorClass is the kind of err, as summaries count it.
func errorClass(err error) string {
	var status *fetch.StatusError
	var wait *fetch.WaitError
	var foreign *fetch.HostError
	switch {
	case errors.As(err, &wait):
		return "wait"
	case errors.As(err, &foreign):
		return "host"
	case errors.Is(err, fetch.ErrRobots):
		return "robots"
	case errors.Is(err, fetch.ErrBlocked):
		return "blocked"
	case errors.Is(err, ErrLayout):
		return "layout"
	case errors.Is(err, fetch.ErrTooLarge):
		return "too_large"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &status):
		return fmt.Sprintf("status_%d", status.Status)
	case errors.Is(err, fs.ErrNotExist):
		return "status_404"
	}
	return "network"
}

func (b *errorBook) add(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.class[errorClass(err)]++
}

func (b *errorBook) counts() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.class)
}
