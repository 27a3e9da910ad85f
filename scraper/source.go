// Package scraper reads registry sites politely and gives what they say to ingest. It knows no
// site: a Source says how one is asked and read.
package scraper

import (
	"errors"
	"iter"
	"net/http"
	"time"

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// Mode says whether a source may be crawled.
type Mode string

// The modes of a source.
const (
	Enabled Mode = "enabled" // published for reuse, or documented
	// Unverified is like Enabled, but its definition was never held against a real page: it is crawled once the
	// operator has recorded who did that.
	Unverified         Mode = "unverified"
	PermissionRequired Mode = "permission_required" // crawled only under a permission the operator recorded
	LinkOnly           Mode = "link_only"           // gated: we say where to look, never crawl
	Import             Mode = "import"              // read from files an agency hands over
)

// Errors of a crawl. Each ends the run; none of them delists anybody.
var (
	// ErrLayout says a page lacks the marker its definition expects: the site has changed.
	ErrLayout = errors.New("page without its expected marker")
	// ErrPermission says the source needs a permission the operator has not recorded.
	ErrPermission = errors.New("no permission recorded for this source")
)

// Request is one thing to ask a site for.
type Request struct {
	Rule    string            // which part of the definition reads the answer: "list", "detail" ...
	Method  string            // "" is GET
	URL     string            // absolute
	Earlier []string          // where the site had it before: asked in turn while the newer answers that it is not there
	Header  http.Header       // beyond the fetcher's own
	Body    []byte            // of a POST
	Carry   map[string]string // what the answer's reader must know of the page that asked: partition, page number, list row
	Key     string            // names the request within a run, so that it is asked once; "" is Method, URL and Body

	// Told says that the service tells in JSON what is the matter when it fails: that is read too.
	Told bool
	// Optional says that it is nothing wrong when nothing is there.
	Optional bool

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
	Total    int                     // how many entries or registrants the page says its partition has; 0 when it says nothing
	Listed   []string                // keys of registrants this page lists whose records are on other pages
	Unnamed  []string                // keys of registrants this page lists, or speaks of, whom it does not name: they are not read this time
	CutOff   bool                    // the site has more than it gave, and cannot be asked more narrowly
	Perhaps  [][]string              // for each row that does not fit: keys of whom it may speak, by where a cell is lost or too many
	Misfits  int                     // rows that do not fit their table's header and cannot be named: somebody is listed in each
	Keys     []string                // keys of all entries of the page, those left out included; may be nil where Listed and Drafts say it all
	Entries  int                     // how many rows or cards the page shows; 0 is one for each key
	Numbers  []string                // what the page's rows are numbered by, where they are: a row that comes twice counts once
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

	File    string `json:"file,omitempty"`    // of a definition that is not the program's own
	Shadows bool   `json:"shadows,omitempty"` // it stands in the place of one that is

	Verified Verified `json:"verified"`
	// TermsUnread says that nobody has read the terms for everybody: the operator must, before the
	// site is asked. It is false where no site is asked, and for a sample site.
	TermsUnread bool `json:"termsUnread,omitempty"`
	// Hosts are those that the source's pages, photos and files may be asked of, as in URLs; nil is those of the
	// first requests, "*" is any. Local is the one that need not have a public address: the operator's own.
	Hosts []string `json:"hosts,omitempty"`
	Local string   `json:"local,omitempty"`

	Blocked []string `json:"blocked,omitempty"` // texts, beyond the usual ones, that mean the site refuses us
}

// Verified says what a definition was held against.
type Verified struct {
	By   string   `yaml:"by" json:"by" doc:"real_page, public_code or none"`
	On   string   `yaml:"on,omitempty" json:"on,omitempty" doc:"the day: 2026-11-27"`
	From []string `yaml:"from,omitempty" json:"from,omitempty" doc:"repository and file, or how the page was come by"`
}

// What a definition may be verified by.
const (
	RealPage   = "real_page"
	PublicCode = "public_code"
	Nothing    = "none"
)

// Manners are how a site is asked, when, and what its crawl must know of its pages.
type Manners struct {
	fetch.Manners `yaml:",inline"`
	Every         time.Duration `yaml:"every,omitempty" json:"every,omitempty" doc:"not crawled more often than this"`
	Schedule      string        `yaml:"schedule,omitempty" json:"schedule,omitempty" doc:"cron expression, CRON_TZ= allowed"`
	Window        string        `yaml:"window,omitempty" json:"window,omitempty" doc:"daily window in the schedule's zone, 01:00-05:00"`
	Refresh       time.Duration `yaml:"refresh,omitempty" json:"refresh,omitempty" doc:"rolling: read a registrant again when older than this"`
	JoinPages     bool          `yaml:"join_pages,omitempty" json:"joinPages,omitempty" doc:"parts of one registrant may stand on several pages"`
	StubPhotos    []string      `yaml:"stub_photos,omitempty" json:"stubPhotos,omitempty" doc:"SHA-256 of pictures that mean there is no photo"`
	StubURLs      []string      `yaml:"stub_urls,omitempty" json:"stubURLs,omitempty" doc:"parts of a photo's address that mean there is no photo"`
}

// Guards are what must hold before a run may delist anybody.
type Guards struct {
	MinCount  int     `yaml:"min_count,omitempty" json:"minCount" doc:"fewer registrants are not believed"`
	MaxDrop   float64 `yaml:"max_drop,omitempty" json:"maxDrop,omitempty" doc:"share of the listed that may vanish in one run (default 0.10)"`
	MaxDrift  float64 `yaml:"max_drift,omitempty" json:"maxDrift,omitempty" doc:"change of the share of records with photo, birth or offence that alarms (default 0.10)"`
	HasPhotos bool    `yaml:"has_photos,omitempty" json:"hasPhotos,omitempty" doc:"the source publishes photos"`
}

// Policy is the law and the terms of a source, as data.
type Policy struct {
	Terms       string        `yaml:"terms,omitempty" json:"terms,omitempty" doc:"URL of the terms"`
	TermsRead   string        `yaml:"terms_read,omitempty" json:"termsRead,omitempty" doc:"day somebody read them"`
	Attribution string        `yaml:"attribution,omitempty" json:"attribution,omitempty" doc:"shown with every answer"`
	Notices     []string      `yaml:"notices,omitempty" json:"notices,omitempty" doc:"shown with every answer"`
	KeepPages   time.Duration `yaml:"keep_pages,omitempty" json:"keepPages,omitempty" doc:"how long pages are kept as evidence"`
	KeepRecords time.Duration `yaml:"keep_records,omitempty" json:"keepRecords,omitempty" doc:"longest time without a new sighting"`
	NoPhotos    bool          `yaml:"no_photos,omitempty" json:"noPhotos,omitempty" doc:"photos may not be stored"`
	NoCoords    bool          `yaml:"no_coords,omitempty" json:"noCoords,omitempty" doc:"coordinates may not be stored"`
	Evidence    string        `yaml:"evidence" json:"evidence,omitempty" doc:"what is known of the site, and since when"`
}

// errSink marks what the sink refused: reading on would lose it.
var errSink = errors.New("accepting what was read")

// errUnnamed says that a registrant's page or row does not name them.
var errUnnamed = errors.New("without a name")

// errSame says that the source's one file has not changed since the last complete run.
var errSame = errors.New("not modified")

var (
	// errTooMany ends a run in which so much fails that going on is of no use.
	errTooMany = errors.New("too many pages cannot be read")
	// errEndless ends a run over a list that does not end by itself.
	errEndless = errors.New("the list goes on and on")
)

// ErrWindow says that the source's daily window is closed; the next run goes on.
var ErrWindow = errors.New("outside the source's daily window")

// Word is an operator's note that somebody did something, and when.
type Word struct {
	Who  string
	When schemas.Date
}

// Valid reports whether the note says who and when.
func (w *Word) Valid() bool { return w != nil && w.Who != "" && !w.When.IsZero() }
