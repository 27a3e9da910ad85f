// Package scraper reads registry sites politely and gives what they say to ingest. It knows no
// site: a Source says how one is asked and read.
package scraper

import (
	"errors"
	"iter"
	"net/http"
	"time"

	"lineup/schemas"
)

// Mode says whether a source may be crawled.
type Mode string

// The modes of a source.
const (
	Enabled            Mode = "enabled"             // published for reuse, or documented
	PermissionRequired Mode = "permission_required" // crawled only under a permission the operator recorded
	LinkOnly           Mode = "link_only"           // gated: we say where to look, never crawl
	Import             Mode = "import"              // read from files an agency hands over
)

// Errors of a crawl. Each ends the run; none of them delists anybody.
var (
	// ErrBlocked says the site does not want us: a CAPTCHA, a bot wall, a login, a refusal.
	// The source is marked blocked, and not asked again until a human says so.
	ErrBlocked = errors.New("the site refuses automated reading")
	// ErrLayout says a page lacks the marker its definition expects: the site has changed.
	ErrLayout = errors.New("page without its expected marker")
	// ErrDown says that a host failed so often in a row that it is asked no more in this run.
	ErrDown = errors.New("the site fails again and again, so it is left alone for now")
	// ErrRules says that a robots.txt cannot be read, which forbids everything (RFC 9309 §2.3.1.4).
	ErrRules = errors.New("its robots.txt cannot be read, so nothing may be asked")
	// ErrPermission says the source needs a permission the operator has not recorded.
	ErrPermission = errors.New("no permission recorded for this source")
)

// Request is one thing to ask a site for.
type Request struct {
	Rule   string            // which part of the definition reads the answer: "list", "detail" ...
	Method string            // "" is GET
	URL    string            // absolute
	Header http.Header       // beyond the fetcher's own
	Body   []byte            // of a POST
	Carry  map[string]string // what the answer's reader must know of the page that asked: partition, page number, list row
	Key    string            // names the request within a run, so that it is asked once; "" is Method, URL and Body

	// Registrant is the key of the one registrant the answer speaks of, "" when that is not
	// known or there are several. A run that goes on skips what it has accepted already, and a
	// rolling source asks again only for what is older than its refresh time.
	Registrant string
	// Modified is what the page that asked says of the registrant's last change, "" for
	// nothing: a rolling source asks at once when it moved.
	Modified string
}

// Page is an answer.
type Page struct {
	Request Request
	URL     string // where it came from in the end
	Status  int
	Header  http.Header
	Body    []byte
	Read    time.Time
}

// Parsed is what one page says.
type Parsed struct {
	Drafts   []Draft
	Rows     iter.Seq2[Draft, error] // in the place of Drafts for a large file: one registrant at a time, grouped already
	Next     []Request               // pages to read after this one, in this order
	Total    int                     // how many registrants the page says its partition has; 0 when it says nothing
	Listed   []string                // keys of registrants this page lists whose records are on other pages
	Leftover []Leftover              // values no rule handled
	Dropped  map[string]int          // records left out, by the rule's name: "juvenile", "moved"
}

// Draft is a registrant as one page (or file) gives it, before its photos are fetched.
// Drafts of one Record.Key from several pages are parts of one registrant and are joined.
type Draft struct {
	Record schemas.Record // Photos have URL, Taken and View, no digest yet
	Photos []Request      // one for each of Record.Photos; a data: URL needs no network
	// Evidence is the part of the page that speaks of this registrant and of nobody else, such
	// that Parse of a page with the same Request and this body gives the draft again.
	Evidence []byte
}

// Leftover is a value that no rule of the definition handled.
type Leftover struct {
	Where string // "detail: label"
	Name  string // the label, column or field; never the value, which may name a person
}

// Source is one registry: how it is asked and how its pages are read. Parse is pure: bytes in,
// drafts and next requests out.
type Source interface {
	Info() Info
	// Start gives the first requests of a run.
	Start() ([]Request, error)
	// Parse reads one answer. Errors: ErrBlocked, ErrLayout.
	Parse(Page) (Parsed, error)
}

// Info is what is known of a source beside how to read it: data, shown to operators and enforced by the crawl.
type Info struct {
	ID           string  `json:"id"`   // "us-ny"
	Name         string  `json:"name"` // "New York State ... Registry"
	Jurisdiction string  `json:"jurisdiction"`
	Home         string  `json:"home"` // where a person would look
	Mode         Mode    `json:"mode"`
	Version      int     `json:"version"` // of the definition: a higher one makes stored pages due for reading again
	Manners      Manners `json:"manners"`
	Guards       Guards  `json:"guards"`
	Policy       Policy  `json:"policy"`
}

// Manners are how a site is asked.
type Manners struct {
	Interval    time.Duration `json:"interval"`              // at least this between two requests to a host
	Concurrency int           `json:"concurrency,omitempty"` // requests at once to a host, 0 is 1
	PerHour     int           `json:"perHour,omitempty"`     // requests an hour, 0 is no limit
	Every       time.Duration `json:"every,omitempty"`       // not crawled more often than this
	Schedule    string        `json:"schedule,omitempty"`    // cron expression, CRON_TZ= allowed
	Window      string        `json:"window,omitempty"`      // "01:00-05:00", in the schedule's zone
	CA          string        `json:"ca,omitempty"`          // PEM of a certificate the site fails to send
	Refresh     time.Duration `json:"refresh,omitempty"`     // rolling: a registrant's page is read again when older than this
	JoinPages   bool          `json:"joinPages,omitempty"`   // parts of one registrant may stand on several pages; else they stand on one
	Timeout     time.Duration `json:"timeout,omitempty"`     // for one answer, 0 is 60 s
	MaxBody     int64         `json:"maxBody,omitempty"`     // bytes of one answer, 0 is 64 MiB
	BlockMarks  []string      `json:"blockMarks,omitempty"`  // text that only a refusal of this site has, beyond the common ones
	StubPhotos  []string      `json:"stubPhotos,omitempty"`  // SHA-256 of this site's pictures for "no photo"
	StubURLs    []string      `json:"stubURLs,omitempty"`    // parts of a photo's URL that mean "no photo", beyond the common ones
}

// Guards are what must hold before a run may delist anybody.
type Guards struct {
	MinCount  int     `json:"minCount"`            // fewer registrants than this: the run is not complete
	MaxDrop   float64 `json:"maxDrop,omitempty"`   // share of the listed that may vanish in one run, 0 is 0.10
	MaxDrift  float64 `json:"maxDrift,omitempty"`  // change in the share of records with photo, birth date or offence that raises an alarm, 0 is 0.10
	HasPhotos bool    `json:"hasPhotos,omitempty"` // the source publishes photos
}

// Policy is the law and the terms of a source, as data.
type Policy struct {
	Terms       string        `json:"terms,omitempty"`     // URL
	TermsRead   string        `json:"termsRead,omitempty"` // date somebody read them
	Attribution string        `json:"attribution,omitempty"`
	Notices     []string      `json:"notices,omitempty"` // shown with every answer from this source
	KeepPages   time.Duration `json:"keepPages,omitempty"`
	KeepRecords time.Duration `json:"keepRecords,omitempty"` // longest time without a new sighting, 0 is no limit
	NoPhotos    bool          `json:"noPhotos,omitempty"`    // photos may not be stored
	NoCoords    bool          `json:"noCoords,omitempty"`    // coordinates may not be stored
	Evidence    string        `json:"evidence,omitempty"`    // what is known of the site, and since when
}
