package scraper

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"time"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// maxPending bounds the list pages that wait to be read.
const maxPending = 100_000

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
	Rows   int  `json:"rows,omitempty"`   // rows that the source numbers, each once
	Moved  bool `json:"moved,omitempty"`  // its pages claimed different totals
}

// pending holds the list pages still to read, the last one first, so that few wait at a time.
type pending struct {
	mu    sync.Mutex
	items []listItem
	pages int // list pages read since the lists were begun
	parts map[uint64]part
	named map[uint64]struct{} // registrants that lists named, by partition and key
}

func (p *pending) start(requests []Request) {
	p.items, p.parts, p.named, p.pages = nil, map[uint64]part{}, nil, 0
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

// done replaces the top page by the pages it led to.
func (p *pending) done(more []listItem) {
	p.pages++
	p.items = p.items[:len(p.items)-1]
	for i := len(more) - 1; i >= 0; i-- {
		p.items = append(p.items, more[i])
	}
}

// count adds what a whole page yielded to its partition; rows is how many it yielded one by one. It returns the number
// of entries in all lists so far.
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
	for _, number := range parsed.Numbers {
		h := keyHash("row\x00"+number) ^ id
		if _, ok := p.named[h]; !ok {
			p.named[h] = struct{}{}
			now.Rows++
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

// read is how much was read of what a list claims. Some sources count entries, others registrants.
func (one part) read() int {
	if one.Rows > 0 {
		return one.Rows
	}
	return max(one.Read, one.People)
}

// missing is how much less than claimed was read.
func (one part) missing() int { return one.Total - one.read() }

func (p *pending) claimed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, one := range p.parts {
		n += one.Total
	}
	return n
}

// short returns which partitions yielded less than they claimed; "" if none did. One in two hundred may be missing,
// since a registry changes while it is read. Where rows are numbered none may be missing: the next run shows them.
func (p *pending) short() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.parts {
		few := one.Total / 200
		if one.Rows > 0 {
			few = 0
		}
		if one.missing() > few {
			return fmt.Sprintf("the site says a list has %d entries, %d were read", one.Total, one.read())
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
	Schema   int                `json:"schema"`
	Version  int                `json:"version"` // of the definition
	Items    []listItem         `json:"items"`
	Parts    map[uint64]part    `json:"parts"`
	Sum      schemas.RunSummary `json:"sum"`
	Captured int                `json:"captured,omitempty"` // registrants of Sum who were read, not only seen
	Unread   map[string]Request `json:"unread,omitempty"`   // registrants of pages that were read, who could not be read themselves
	Asked    []time.Time        `json:"asked,omitempty"`    // for the hourly quota
}

const (
	checkpointEvery = 10 * time.Second
	maxCheckpoint   = 512 << 10 // bytes: a message of the ledger holds 1 MiB
)

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

// ends reports whether err, met on a registrant's or a list's page, ends the run rather than spoiling that page.
func ends(err error) bool {
	wait := (*fetch.WaitError)(nil)
	return errors.Is(err, fetch.ErrBlocked) || errors.Is(err, ErrWindow) || errors.Is(err, errSink) || errors.Is(err, fetch.ErrRules) ||
		errors.Is(err, fetch.ErrDown) || errors.Is(err, context.Canceled) || errors.Is(err, schemas.ErrLeased) ||
		errors.Is(err, errTooMany) || errors.Is(err, errEndless) || errors.As(err, &wait)
}

// boundary is what a run had counted when the last whole page was read.
type boundary struct {
	sum      schemas.RunSummary
	captured int
}
