package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"lineup/ingest"
	"lineup/ingest/blob"
	"lineup/ingest/broker"
	"lineup/ingest/signing"
	"lineup/queryd/evidence"
	"lineup/schemas"
)

// Reasons are the codes for why a registrant is removed, with their meanings.
func Reasons() map[string]string {
	return map[string]string{
		"court_order": "a court ordered it",
		"agency":      "the registry asked for it",
		"person":      "the person asked for it, and has a right to",
		"mistake":     "the record is wrong, or somebody else's",
		"policy":      "the operator's own rules",
		"other":       "see the note",
	}
}

// Why checks the reason that an operator gives for removing a registrant: a code, and a note. The note is kept for
// ever, so it must not name the person.
func (s *Stores) Why(ctx context.Context, id schemas.UUID, code, note string) (schemas.Removal, error) {
	if Reasons()[code] == "" {
		return schemas.Removal{}, schemas.Misuse("reason %.40q: want one of %s (and --note for more)", code,
			strings.Join(slices.Sorted(maps.Keys(Reasons())), ", "))
	}
	why := schemas.Removal{Reason: code, Note: strings.TrimSpace(note)}
	if why.Note == "" {
		return why, nil
	}
	named, err := s.named(ctx, id, strings.ToLower(why.Note))
	if err != nil {
		return why, err
	}
	if named != "" {
		return why, fmt.Errorf("the note holds the person's %s, and it is kept for ever: write it without, as a number of your own files", named)
	}
	return why, nil
}

// named returns which part of a registrant's identity a text contains; "" if none was found.
func (s *Stores) named(ctx context.Context, id schemas.UUID, text string) (string, error) {
	listing, err := s.Ledger.Find(ctx, id)
	if err != nil || listing.Record == "" {
		return "", ignore(err, fs.ErrNotExist)
	}
	data, err := s.Blobs.Get(ctx, blob.Ref{Owner: id, Kind: blob.Record, Digest: listing.Record})
	if err != nil {
		return "", ignore(ignore(err, fs.ErrNotExist), blob.ErrCorrupt)
	}
	record, err := schemas.DecodeRecord(data)
	if err != nil {
		return "", err
	}
	parts := map[string][]string{"registry number": {listing.Key}, "name": {record.Name.First, record.Name.Last, record.Name.Full}}
	for _, alias := range record.Aliases {
		parts["name"] = append(parts["name"], alias.Name.First, alias.Name.Last, alias.Name.Full)
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r > 0x7f) })
	for what, all := range parts {
		for _, part := range all {
			if part = strings.ToLower(part); len(part) > 1 && (slices.Contains(words, part) ||
				strings.Contains(part, " ") && strings.Contains(text, part)) {
				return what, nil
			}
		}
	}
	return "", nil
}

func ignore(err, known error) error {
	if errors.Is(err, known) {
		return nil
	}
	return err
}

// Traces is everything that is stored about a registrant.
type Traces struct {
	Registrant  schemas.UUID `json:"registrant"`
	Source      string       `json:"source"`
	Listed      bool         `json:"listed"`
	Removed     bool         `json:"removed"` // has been removed before
	Photos      int          `json:"photos"`
	Pages       int          `json:"pages"`
	Records     int          `json:"records"`
	Generations []string     `json:"generations"` // of the index that hold or held the registrant
	Matches     int          `json:"matches"`     // matches that have evidence
	Searches    int          `json:"searches"`    // searches that returned these matches
}

// Traces returns what is stored about a registrant, and changes nothing. Errors: fs.ErrNotExist.
func (s *Stores) Traces(ctx context.Context, id schemas.UUID) (Traces, error) {
	found := Traces{Registrant: id, Generations: []string{}}
	listing, err := s.Ledger.Find(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return found, schemas.NotFound("nobody of the uuid %s was ever listed here", id)
	}
	if err != nil {
		return found, err
	}
	found.Source, found.Listed, found.Removed = listing.Source, listing.Listed, listing.Removal != nil
	found.Generations = append(found.Generations, slices.Sorted(maps.Keys(listing.Marks))...)
	for info, err := range s.Blobs.Walk(ctx, id) {
		if err != nil {
			return found, err
		}
		switch info.Kind {
		case blob.Photo:
			found.Photos++
		case blob.Page:
			found.Pages++
		case blob.Record:
			found.Records++
		}
	}
	proofs, err := evidence.Purge(ctx, s.JS, true, about(id))
	found.Matches, found.Searches = proofs.Matches, proofs.Searches
	return found, err
}

func about(id schemas.UUID) func(evidence.Match) (bool, error) {
	return func(m evidence.Match) (bool, error) { return m.Registrant == id, nil }
}

// Scrubbed says what a scrub erased.
type Scrubbed struct {
	Matches int           `json:"matches"` // whose evidence is about somebody who is not listed
	Entries int           `json:"entries"` // of the ledger and the runs, rewritten
	Took    time.Duration `json:"took"`
}

// Scrub erases what is still stored about registrants who are no longer listed: evidence of matches with them, and
// older entries of the ledger and the runs.
func (s *Stores) Scrub(ctx context.Context) (Scrubbed, error) {
	return s.scrub(ctx, func(m evidence.Match) (bool, error) {
		listing, err := s.Ledger.Listing(ctx, m.Source, m.Registrant)
		if errors.Is(err, schemas.ErrNewerSchema) {
			return false, nil
		}
		return !listing.Listed, ignore(err, fs.ErrNotExist)
	})
}

func (s *Stores) scrub(ctx context.Context, gone func(evidence.Match) (bool, error)) (done Scrubbed, err error) {
	started := time.Now()
	proofs, err := evidence.Purge(ctx, s.JS, false, gone)
	if done.Matches = proofs.Matches; err != nil {
		return done, err
	}
	names := []string{broker.Listings, broker.Runs}
	if proofs.Denied > 0 {
		names = append(names, broker.Evidence)
	}
	for _, name := range names {
		bucket, err := broker.UseBucket(s.JS, name)
		if err != nil {
			return done, err
		}
		scrubbed, err := bucket.Scrub(ctx)
		if done.Entries += scrubbed.Entries; err != nil {
			return done, err
		}
	}
	done.Took = time.Since(started)
	return done, nil
}

// Forget erases every trace of a removed registrant and returns the signed receipt that lists the places. indexed says
// why an index still holds the registrant; nil if none does.
func (s *Stores) Forget(ctx context.Context, r ingest.Removed, indexed error) (ingest.Receipt, error) {
	done, err := s.scrub(ctx, about(r.Listing.ID))
	if err != nil {
		return ingest.Receipt{}, fmt.Errorf("removed, and nobody is answered with it; but traces are left: %w (run the same command again)", err)
	}
	key, err := signing.Key(ctx, s.JS, signing.Removals)
	if err != nil {
		return ingest.Receipt{}, err
	}
	return r.Sign(key, s.places(r, done, indexed))
}

// raftBound is what the servers of a cluster keep after they were told to delete.
const raftBound = "5 minutes: the logs that NATS servers keep for each other are cut by then; a server that is away, when it is back"

// places lists where the registrant was stored.
func (s *Stores) places(r ingest.Removed, done Scrubbed, indexed error) []ingest.Place {
	took := done.Took.Round(time.Millisecond).String()
	ledger := ingest.Place{Name: "ledger and runs", Says: "emptied, and all earlier revisions erased in " + took}
	proofs := ingest.Place{Name: "evidence of matches", Says: fmt.Sprintf("%d matches erased", done.Matches)}
	if s.Replicas > 1 {
		ledger.Within, proofs.Within = raftBound, raftBound
	}
	blobs := ingest.Place{Name: "photos, pages and records", Says: "deleted"}
	if v, ok := s.Blobs.(interface{ Leftover() string }); ok {
		blobs.Within = v.Leftover()
	}
	ix := ingest.Place{Name: "search index", Says: fmt.Sprintf("no generation holds it; %d did", len(r.Listing.Marks))}
	if v, ok := s.Index.(interface{ Leftover() string }); ok {
		ix.Within = v.Leftover()
	}
	if indexed != nil {
		ix.Says = "an indexer has yet to delete it: " + indexed.Error()
	}
	return []ingest.Place{
		{Name: "answers", Says: "none since the moment of removal"}, ledger, blobs, ix, proofs,
		{Name: "log of removals", Says: "uuid, source, time and reason stay, so that nobody lists it again: " + s.Removals.Where()},
		{Name: "logs, usage of keys, jobs", Says: "held no more than the uuid"},
		{Name: "backups of the ledger made before", Says: "not reached: delete them when they are too old to be needed"},
	}
}
