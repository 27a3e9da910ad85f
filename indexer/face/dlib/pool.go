package dlib

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	faces "lineup/indexer/face"
)

// pool hands out items, each to one caller at a time. Probes go before enrolments, because
// somebody waits for them, and only maxProbes of them may wait.
//
// Probes of different owners take turns: next is an owner that has the fewest items, and of those the one
// whose round is the earliest. An owner's probes are a round each; its first is of the round that is
// served when it comes. So an owner gets all items while nobody else asks, and no more than its share
// while somebody does; then the spare ones are left to others, who need not wait for what it has begun.
type pool[T any] struct {
	mu        sync.Mutex
	items     int // all there are
	spare     int // that the probes of one owner leave to others, while there are any
	idle      []T
	probes    []*turn[T] // callers that wait, longest first
	enrols    []*turn[T]
	maxProbes int
	owners    map[string]*owner // that have or had items since all were idle
	round     uint64            // the latest that was served
	latest    string            // owner of the latest probe
	mixed     time.Time         // when a probe last had another owner than the one before
	clock     func() time.Time
}

// alone is how long no other owner asked where one has all items.
const alone = 10 * time.Second

// owner is whose probes they are.
type owner struct {
	items int    // that its probes have
	next  uint64 // the earliest round of its next probe
}

// turn is a caller that waits.
type turn[T any] struct {
	owner string
	round uint64        // that was served when it came
	given chan T        // gets the item
	full  chan struct{} // closed where its place was given to another owner's probe
}

func newPool[T any](items []T, spare, maxProbes int) *pool[T] {
	return &pool[T]{items: len(items), spare: spare, idle: items, maxProbes: maxProbes, owners: map[string]*owner{}, clock: time.Now}
}

// acquire waits for an item, which release gives back. Errors: faces.ErrBusy for a probe when
// enough wait, ctx's.
func (p *pool[T]) acquire(ctx context.Context, purpose faces.Purpose) (item T, release func(), err error) {
	if err := ctx.Err(); err != nil {
		return item, nil, err
	}
	probe := purpose == faces.Probe
	t := &turn[T]{owner: faces.Owner(ctx), given: make(chan T, 1), full: make(chan struct{})}
	release = func() { p.release(item, probe, t.owner) }
	if err := p.enter(t, probe); err != nil {
		return item, nil, err
	}
	select {
	case item = <-t.given:
		return item, release, nil
	case <-t.full:
		return item, nil, faces.ErrBusy
	case <-ctx.Done():
		if given, ok := p.leave(t, probe); ok {
			p.release(given, probe, t.owner)
		}
		return item, nil, ctx.Err()
	}
}

// enter gives t an idle item or a place among those who wait.
func (p *pool[T]) enter(t *turn[T], probe bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.round = p.round
	if probe && t.owner != p.latest {
		p.latest, p.mixed = t.owner, p.clock()
	}
	switch {
	case !probe:
		p.enrols = append(p.enrols, t)
	case len(p.idle) > 0 && p.mayHave(t), len(p.probes) < p.maxProbes, p.displace(t.owner):
		p.probes = append(p.probes, t)
	default:
		return faces.ErrBusy
	}
	p.dispatch()
	return nil
}

// dispatch gives idle items to those who wait, probes first.
func (p *pool[T]) dispatch() {
	for len(p.idle) > 0 {
		var next *turn[T]
		for _, t := range p.probes {
			if p.mayHave(t) && (next == nil || p.before(t, next) < 0) {
				next = t
			}
		}
		item := p.idle[len(p.idle)-1]
		switch {
		case next != nil:
			p.probes = slices.DeleteFunc(p.probes, func(t *turn[T]) bool { return t == next })
			p.give(item, next, true)
		case len(p.enrols) > 0:
			next, p.enrols = p.enrols[0], p.enrols[1:]
			p.give(item, next, false)
		default:
			return
		}
		p.idle = p.idle[:len(p.idle)-1]
	}
}

// mayHave says whether a probe's owner may have one more item.
func (p *pool[T]) mayHave(t *turn[T]) bool {
	return p.owner(t.owner).items < p.items-p.spare || p.clock().Sub(p.mixed) > alone
}

// give hands an item to t, who does not wait any more.
func (p *pool[T]) give(item T, t *turn[T], probe bool) {
	if probe {
		o := p.owner(t.owner)
		p.round = max(p.round, t.round, o.next)
		o.items, o.next = o.items+1, p.round+1
	}
	t.given <- item
}

// owner is what is known of an owner.
func (p *pool[T]) owner(name string) *owner {
	o := p.owners[name]
	if o == nil {
		o = &owner{}
		p.owners[name] = o
	}
	return o
}

// before orders the probes that wait.
func (p *pool[T]) before(a, b *turn[T]) int {
	x, y := p.owner(a.owner), p.owner(b.owner)
	return cmp.Or(cmp.Compare(x.items, y.items), cmp.Compare(max(a.round, x.next), max(b.round, y.next)))
}

// displace takes the place of the latest probe of the owner that has most, items and places, if owner
// has less even with one more: a queue that one owner fills is not full for others.
func (p *pool[T]) displace(owner string) bool {
	all := map[string]int{owner: p.owner(owner).items + 1}
	for _, t := range p.probes {
		if _, ok := all[t.owner]; !ok {
			all[t.owner] = p.owner(t.owner).items
		}
		all[t.owner]++
	}
	last := -1
	for i, t := range p.probes {
		if last < 0 || all[t.owner] >= all[p.probes[last].owner] {
			last = i
		}
	}
	if last < 0 || all[p.probes[last].owner] <= all[owner] {
		return false
	}
	close(p.probes[last].full)
	p.probes = slices.Delete(p.probes, last, last+1)
	return true
}

// leave takes t off those who wait; ok says that an item came to it meanwhile.
func (p *pool[T]) leave(t *turn[T], probe bool) (item T, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := &p.enrols
	if probe {
		waiting = &p.probes
	}
	*waiting = slices.DeleteFunc(*waiting, func(other *turn[T]) bool { return other == t })
	select {
	case item = <-t.given:
		return item, true
	default:
		return item, false
	}
}

// release takes an item back that a probe of owner or an enrolment had, and passes it on: to a probe
// if one waits.
func (p *pool[T]) release(item T, probe bool, owner string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if probe {
		p.owner(owner).items--
	}
	p.idle = append(p.idle, item)
	p.dispatch()
	if len(p.idle) == p.items {
		clear(p.owners)
	}
}
