// Package samplesite is a made-up registry web site: invented people with synthetic faces,
// served in the page shapes of real registries, with faults on demand. It is what `make run`
// shows, what the crawl is tested against, and nobody's data.
package samplesite

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lineup/schemas"
	"lineup/scraper/samplesite/people"
)

// What is invented, in package people.
type (
	Person  = people.Person
	Alias   = people.Alias
	Address = people.Address
	Offense = people.Offense
	Photo   = people.Photo
)

// Who there is, as package people has it.
const (
	DefaultPeople = people.DefaultPeople
	MaxPeople     = people.MaxPeople
	FirstID       = people.FirstID
	Shares        = people.Shares
	SharedWith    = people.SharedWith

	referenceYear = people.ReferenceYear
)

// Options are the settings of a Site.
type Options struct {
	People int          // registrants, 0 is DefaultPeople
	Seed   uint64       // of the invention; the same seed gives the same people
	Logger *slog.Logger // nil is silent
	// Framed draws a frame around the photo of everybody beyond the first DefaultPeople, so that
	// no two show the same picture. It makes a photo dearer to serve than a page.
	Framed bool
}

// Site is a registry with its web pages. Methods may be called at once, also while it serves.
type Site struct {
	opts Options
	mux  *http.ServeMux

	mu       sync.Mutex
	changes  map[int]change // by person id
	version  int            // of the whole registry: counts changes
	faults   []Fault
	requests map[string]int // by first path segment
}

// change is what has happened to a registrant since it was invented.
type change struct {
	delisted bool
	moves    int
	view     string // of the photo, "" is as invented
	stub     bool   // photo replaced by the placeholder
	level    int
	at       int // version
}

// New makes a site.
func New(opts Options) (*Site, error) {
	if opts.People == 0 {
		opts.People = DefaultPeople
	}
	if opts.People < 0 || opts.People > MaxPeople {
		return nil, fmt.Errorf("sample site of %d people: want 1 to %d", opts.People, MaxPeople)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Site{opts: opts, changes: map[int]change{}, requests: map[string]int{}, mux: http.NewServeMux()}
	s.routes()
	return s, nil
}

// routes says which shape answers where; paths are those of the sites the shapes are of.
func (s *Site) routes() {
	s.mux.HandleFunc("GET /robots.txt", s.robots)
	s.mux.HandleFunc("GET /{$}", s.home)
	s.routesNY()
	s.routesFiles()
	s.routesAPI()
	s.routesGated()
	s.routesDataTables()
	s.routesCards()
	s.routesWatch()
}

// ServeHTTP answers like a registry would, or as a fault says.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.count(r)
	fault, ok := s.takeFault(r)
	if !ok {
		s.mux.ServeHTTP(w, r)
		return
	}
	s.opts.Logger.Debug("fault", "kind", fault.Kind, "path", r.URL.Path)
	fault.serve(w, r, s.mux)
}

func (s *Site) robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, "User-agent: *\nDisallow: /private/\n")
}

func (s *Site) home(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><head><title>Sample registry</title></head><body>
<h1>Sample registry</h1>
<p>Nobody here is real: names, addresses and offenses are invented, faces are computer renderings.</p>
<p><a href="/SomsSUBDirectory/search_index.jsp">Search the directory</a></p></body></html>
`)
}

// Size is how many people were invented, listed or not.
func (s *Site) Size() int { return s.opts.People }

// Person gives registrant id as the pages show it now; false when it is not listed.
func (s *Site) Person(id int) (Person, bool) {
	i := id - FirstID
	if i < 0 || i >= s.opts.People {
		return Person{}, false
	}
	s.mu.Lock()
	c := s.changes[id]
	s.mu.Unlock()
	if c.delisted {
		return Person{}, false
	}
	p := c.apply(people.Invent(s.opts.Seed, i))
	for j := range p.Photos {
		p.Photos[j].Framed = s.opts.Framed && p.Photos[j].Tag != 0
	}
	return p, true
}

// People yields the registrants listed now, by id.
func (s *Site) People() iter.Seq[Person] {
	return func(yield func(Person) bool) {
		for i := range s.opts.People {
			if p, ok := s.Person(FirstID + i); ok && !yield(p) {
				return
			}
		}
	}
}

func (c change) apply(p Person) Person {
	for range c.moves {
		a := &p.Addresses[0]
		n, _ := strconv.Atoi(a.Number)
		a.Number, a.Street = strconv.Itoa(n%999+1), "Moved Street"
	}
	if c.level != 0 {
		p.Level = c.level
	}
	if len(p.Photos) > 0 {
		photo := &p.Photos[0]
		switch {
		case c.stub:
			photo.File, photo.Tag = "placeholder.jpg", 0
			photo.Taken = nextDay(photo.Taken)
		case c.view != "" && len(photo.File) == len("p001a.jpg"):
			photo.File = photo.File[:4] + c.view + ".jpg"
			photo.Taken = nextDay(photo.Taken)
			photo.ID = p.ID*10 + 3 + int(c.view[0]-'a')
		}
	}
	return p
}

func nextDay(d schemas.Date) schemas.Date { return schemas.DateOf(d.Start().AddDate(0, 0, 1)) }

// modified is when the page of id last changed, for Last-Modified: a fixed day and a second
// for each change of the registry.
func (s *Site) modified(id int) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changedAt(s.changes[id].at)
}

func (s *Site) changedAt(version int) time.Time {
	return time.Date(referenceYear, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(version) * time.Second)
}

// serveBytes answers with data and validators, and 304 to who has them.
func serveBytes(w http.ResponseWriter, r *http.Request, contentType string, modified time.Time, data []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("ETag", `"`+string(schemas.DigestOf(data)[:16])+`"`)
	http.ServeContent(w, r, "", modified, bytes.NewReader(data))
}

func (s *Site) count(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.URL.Path]++
}

// Requests is how many requests were answered for exactly path since the site started; for a
// path that ends in * it is the sum over all paths with that beginning.
func (s *Site) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	prefix, isPrefix := bytes.CutSuffix([]byte(path), []byte("*"))
	if !isPrefix {
		return s.requests[path]
	}
	n := 0
	for p, count := range s.requests {
		if bytes.HasPrefix([]byte(p), prefix) {
			n += count
		}
	}
	return n
}

// errNobody is returned for an id the registry never had.
var errNobody = errors.New("no such registrant in the sample registry")

// Delist takes the registrants off the registry.
func (s *Site) Delist(ids ...int) error {
	return s.change(ids, func(c *change) { c.delisted = true })
}

// Relist brings the registrants back.
func (s *Site) Relist(ids ...int) error {
	return s.change(ids, func(c *change) { c.delisted = false })
}

// Move gives the registrants another address.
func (s *Site) Move(ids ...int) error {
	return s.change(ids, func(c *change) { c.moves++ })
}

// SetLevel gives the registrants another risk level.
func (s *Site) SetLevel(level int, ids ...int) error {
	return s.change(ids, func(c *change) { c.level = level })
}

// Rephotograph replaces the registrants' current photo by another view of the same person:
// "b" or "c".
func (s *Site) Rephotograph(view string, ids ...int) error {
	if view != "a" && view != "b" && view != "c" {
		return fmt.Errorf("view %q: want a, b or c", view)
	}
	return s.change(ids, func(c *change) { c.view, c.stub = view, false })
}

// Stub replaces the registrants' current photo by the picture for "no photo".
func (s *Site) Stub(ids ...int) error {
	return s.change(ids, func(c *change) { c.stub = true })
}

func (s *Site) change(ids []int, how func(*change)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if id < FirstID || id >= FirstID+s.opts.People {
			return fmt.Errorf("%d: %w", id, errNobody)
		}
	}
	s.version++
	for _, id := range ids {
		c := s.changes[id]
		how(&c)
		c.at = s.version
		s.changes[id] = c
	}
	return nil
}

// Fault adds a fault. Errors: a kind the site does not know.
func (s *Site) Fault(f Fault) error {
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("fault %q: want one of %v", f.Kind, kinds)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return nil
}

// Heal ends all faults.
func (s *Site) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault finds the fault for r and uses up one of its times.
func (s *Site) takeFault(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	target := r.URL.RequestURI()
	for i := range s.faults {
		f := &s.faults[i]
		if f.Kind == Robots && r.URL.Path != "/robots.txt" || f.Kind != Robots && f.Path == "" && r.URL.Path == "/robots.txt" ||
			!strings.Contains(target, f.Path) || f.Times < 0 {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		taken := *f
		if f.Times == 1 {
			f.Times = -1 // used up
		} else if f.Times > 1 {
			f.Times--
		}
		return taken, true
	}
	return Fault{}, false
}
