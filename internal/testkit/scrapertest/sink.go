// Package scrapertest helps to test crawls: a sink in memory that behaves like the ingester,
// and a source that reads the sample site's pages.
package scrapertest

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"lineup/schemas"
)

// Sink is an ingester in memory. Its methods may be called at once.
type Sink struct {
	mu       sync.Mutex
	runs     int
	open     map[string]string // source to run that can be resumed
	notes    map[string][]byte
	leased   map[string]bool
	listing  map[string]schemas.Listing // by source and key
	blobs    map[schemas.Digest][]byte
	last     map[string]schemas.RunSummary // complete
	ended    map[string]schemas.RunSummary // however
	Accepted int                           // captures taken in
	Before   func(n int) error             // called before capture n is accepted; its error is Accept's
	Records  map[string]schemas.Record     // by key
}

// NewSink makes an empty one.
func NewSink() *Sink {
	return &Sink{open: map[string]string{}, notes: map[string][]byte{}, leased: map[string]bool{}, listing: map[string]schemas.Listing{},
		blobs: map[schemas.Digest][]byte{}, last: map[string]schemas.RunSummary{}, ended: map[string]schemas.RunSummary{},
		Records: map[string]schemas.Record{}}
}

// Begin starts or resumes a run. Errors: schemas.ErrLeased.
func (s *Sink) Begin(_ context.Context, source string, resume bool) (string, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leased[source] {
		return "", nil, schemas.ErrLeased
	}
	s.leased[source] = true
	if resume && s.open[source] != "" {
		return s.open[source], s.notes[source], nil
	}
	s.runs++
	s.open[source], s.notes[source] = "run"+strconv.Itoa(s.runs), nil
	return s.open[source], nil, nil
}

// Die gives all leases back as a killed process would: without a word.
func (s *Sink) Die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.leased)
}

// Checkpoint keeps the note.
func (s *Sink) Checkpoint(_ context.Context, source, _ string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes[source] = slices.Clone(data)
	return nil
}

// Known gives a listing. Errors: fs.ErrNotExist.
func (s *Sink) Known(_ context.Context, source, key string) (schemas.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listing, ok := s.listing[source+"\x00"+key]
	if !ok {
		return listing, fmt.Errorf("%s: %w", source, fs.ErrNotExist)
	}
	return listing, nil
}

// Accept takes a capture. Errors: schemas.ErrPhotoNeeded, what Before says.
func (s *Sink) Accept(_ context.Context, run string, c schemas.Capture) (schemas.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(s.Accepted); err != nil {
			return "", err
		}
	}
	at := c.Record.Source + "\x00" + c.Record.Key
	was := s.listing[at]
	next := schemas.Listing{ID: schemas.RegistrantID(c.Record.Source, c.Record.Key), Source: c.Record.Source, Key: c.Record.Key, Listed: true,
		Run: run, Sighted: c.Read, FirstSeen: was.FirstSeen, Revision: was.Revision}
	if !was.Listed {
		next.FirstSeen = time.Now().UTC()
	}
	c.Record, next.Photos = c.Settled()
	for i, p := range c.Photos {
		if p.Data != nil {
			s.blobs[next.Photos[i].Digest] = p.Data
		} else if p.Unchanged != "" && s.blobs[p.Unchanged] == nil {
			return "", schemas.ErrPhotoNeeded
		}
	}
	for _, p := range c.Pages {
		d := schemas.DigestOf(p.Data)
		s.blobs[d] = p.Data
		next.Pages = append(next.Pages, schemas.PageState{URL: p.URL, Digest: d, Read: p.Read})
	}
	data, err := c.Record.Canonical()
	if err != nil {
		return "", err
	}
	next.Record = schemas.DigestOf(data)
	outcome := was.Brings(next.Record)
	if outcome != schemas.OutcomeUnchanged {
		next.Revision++
	}
	s.listing[at], s.Records[c.Record.Key] = next, c.Record
	s.Accepted++
	return outcome, nil
}

// ForgetPhotos loses the stored photos, as a damaged store would.
func (s *Sink) ForgetPhotos() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.blobs)
}

// Sight marks a registrant as seen by run. Errors: fs.ErrNotExist.
func (s *Sink) Sight(_ context.Context, source, run, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	listing, ok := s.listing[source+"\x00"+key]
	if !ok || !listing.Listed {
		return fs.ErrNotExist
	}
	listing.Run = run
	s.listing[source+"\x00"+key] = listing
	return nil
}

// Finish delists who was not seen, if the guards hold.
func (s *Sink) Finish(_ context.Context, source, run string, sum schemas.RunSummary) (schemas.RunSummary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, compared := s.last[source]
	tally := schemas.Tally{Compared: compared}
	for _, listing := range s.listing {
		if listing.Source == source {
			tally.Add(listing, listing.Run == run, last.Ended)
		}
	}
	delete(s.open, source)
	delete(s.leased, source)
	if doubt := sum.Doubt(tally); doubt != "" {
		sum.State, sum.Reason = schemas.RunRefused, doubt
		s.ended[source] = sum
		return sum, nil
	}
	for at, listing := range s.listing {
		if listing.Source == source && listing.Listed && listing.Run != run {
			s.listing[at] = schemas.Listing{ID: listing.ID, Source: source, Revision: listing.Revision + 1}
			delete(s.Records, listing.Key)
			sum.Delisted++
		}
	}
	s.last[source], s.ended[source] = sum, sum
	return sum, nil
}

// Abandon ends a run without delisting.
func (s *Sink) Abandon(_ context.Context, source, _ string, sum schemas.RunSummary) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !sum.Interrupted {
		delete(s.open, source)
	}
	s.ended[source] = sum
	delete(s.leased, source)
	return nil
}

// Listings yields all listings of source.
func (s *Sink) Listings(_ context.Context, source string) iter.Seq2[schemas.Listing, error] {
	s.mu.Lock()
	var all []schemas.Listing
	for _, listing := range s.listing {
		if listing.Source == source {
			all = append(all, listing)
		}
	}
	s.mu.Unlock()
	return func(yield func(schemas.Listing, error) bool) {
		for _, listing := range all {
			if !yield(listing, nil) {
				return
			}
		}
	}
}

// Page gives a stored page back. Errors: fs.ErrNotExist.
func (s *Sink) Page(_ context.Context, _ schemas.UUID, page schemas.PageState) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.blobs[page.Digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

// LastComplete is the summary of the last complete run. Errors: fs.ErrNotExist.
func (s *Sink) LastComplete(_ context.Context, source string) (schemas.RunSummary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok := s.last[source]
	if !ok {
		return sum, fs.ErrNotExist
	}
	return sum, nil
}

// LastRun is the summary of the last run that ended. Errors: fs.ErrNotExist.
func (s *Sink) LastRun(_ context.Context, source string) (schemas.RunSummary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok := s.ended[source]
	if !ok {
		return sum, fs.ErrNotExist
	}
	return sum, nil
}

// Age makes everybody's last reading older by d.
func (s *Sink) Age(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, listing := range s.listing {
		listing.Sighted = listing.Sighted.Add(-d)
		s.listing[at] = listing
	}
}

// Listed counts the listed registrants of source.
func (s *Sink) Listed(source string) int {
	n := 0
	for listing := range s.Listings(context.Background(), source) {
		if listing.Listed {
			n++
		}
	}
	return n
}
