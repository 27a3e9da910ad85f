package operate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"lineup/config"
	"lineup/indexer/index"
	"lineup/internal/notify"
	"lineup/internal/trust"
	"lineup/schemas"
)

// overdue is how long after its scheduled time a source may stay uncrawled before a human should check whether a
// scraper runs. It is longer than a scraper takes to notice what another one has done.
const overdue = time.Hour

// Bounds beyond which something needs a human.
const (
	lowDisk     = 0.05                // share of the data directory's disk that must be free
	certificate = 14 * 24 * time.Hour // before a certificate ends
	auditOld    = 3 * 24 * time.Hour  // after the last audit
	countsOld   = 24 * time.Hour      // after the last reconciliation that counted the ledger
)

// Attend sets Attention to what needs a human at a given time. Status, its exit code and notices use it.
func (r *StatusReport) Attend(now time.Time) {
	r.Attention = []notify.Condition{}
	add := func(kind, about, format string, args ...any) {
		r.Attention = append(r.Attention, notify.Condition{Kind: kind, Source: about, Say: fmt.Sprintf(format, args...)})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Engines)) {
		if state := r.Engines[name]; state != "ok" {
			add("engine_down", name, "%s does not answer: %s (lineup doctor)", name, state)
		}
	}
	listed := 0
	for _, s := range r.Sources {
		listed += s.Listed
		r.attendSource(s, now, add)
	}
	for _, g := range r.Generations {
		if g.Stragglers != nil {
			add("stragglers", g.Name, "generation %s %s: lineup jobs dead lists the dead jobs; photos are read again by the next crawl", g.Name,
				g.Stragglers)
		}
	}
	serves := slices.ContainsFunc(r.Generations, func(g GenerationStatus) bool { return g.State == string(index.Serving) })
	if listed > 0 && !serves && r.Engines["index"] == "ok" {
		add("no_generation", "", "no generation serves, so searches are refused: an indexer fills one (lineup index, or lineup up)")
	}
	if c := r.Canary; c != nil && len(c.Late) > 0 {
		why := c.Failure
		if why == "" {
			why = "the scrape role takes its steps: does one run?"
		}
		add("canary", "", "the canary has not proven for too long: %v (%s): lineup canary tries it now", c.Late, why)
	}
	if r.Untold > 0 {
		add("webhooks", "", "%d webhooks of watches could not be told for a day and a half: lineup watches lists them", r.Untold)
	}
	if at := r.Counted.At; !at.IsZero() && now.Sub(at) > countsOld {
		add("counts_old", "", "nobody has counted the registrants since %s: is an indexer running? (lineup up, or lineup index)",
			at.UTC().Format("2006-01-02 15:04 MST"))
	}
	r.attendHost(now, add)
}

// attendHost adds what the machine and the audits report.
func (r *StatusReport) attendHost(now time.Time, add func(kind, about, format string, args ...any)) {
	if d := r.Disk; d != nil && (d.Free < lowSpace || float64(d.Free) < lowDisk*float64(d.Size)) {
		add("disk_full", "", "only %d MB are free below %s: crawling stops when it is full: make room (docs/sizing.md)", d.Free>>20, d.Path)
	}
	for _, c := range r.Certificates {
		switch left := c.Ends.Sub(now); {
		case c.Wrong != "":
			add("certificate", c.Of, "%s cannot be used: %s; what runs goes on with the one before and would not start anew: mend the file, then "+
				"lineup reload",
				c.Of, c.Wrong)
		case left < 0:
			add("certificate", c.Of, "the certificate of %s ended at %s: %s", c.Of, c.Ends.UTC().Format("2006-01-02 15:04 MST"), renew)
		case left < certificate:
			add("certificate", c.Of, "the certificate of %s ends at %s: %s", c.Of, c.Ends.UTC().Format("2006-01-02 15:04 MST"), renew)
		}
	}
	if a := r.Audit; a != nil {
		if len(a.Differences) > 0 {
			add("audit", "", "the audit of %s found differences: lineup audit names them, --repair queues jobs for them",
				a.Ended.UTC().Format("2006-01-02 15:04 MST"))
		}
		if now.Sub(a.Ended) > auditOld {
			add("audit_old", "", "no audit ended since %s: look at the log of the scraper", a.Ended.UTC().Format("2006-01-02 15:04 MST"))
		}
	}
}

func (r *StatusReport) attendSource(s SourceStatus, now time.Time, add func(kind, about, format string, args ...any)) {
	switch s.LastState {
	case schemas.RunBlocked:
		add("blocked", s.Source, "%s refused to be crawled and is not asked again: look at the site, then lineup scrape %s --once "+
			"--unblock REASON", s.Source, s.Source)
	case schemas.RunRefused:
		add("run_refused", s.Source, "%s: the last run was not believed: %s", s.Source, s.LastReason)
	case schemas.RunFailed:
		add("run_failed", s.Source, "%s: the last run failed: %s (lineup runs %s)", s.Source, s.LastReason, s.Source)
	}
	switch {
	case !s.Enabled || s.LastState == schemas.RunBlocked:
	case s.Last == nil:
		add("never_crawled", s.Source, "%s is enabled and was never crawled: is a scraper running? (lineup up, or lineup "+
			"scrape --follow)", s.Source)
	case !s.Next.IsZero() && now.Sub(s.Next) > overdue:
		add("overdue", s.Source, "%s should have been crawled at %s: is a scraper running?", s.Source,
			s.Next.UTC().Format("2006-01-02 15:04 MST"))
	}
	if len(s.Alarms) > 0 {
		add("source_changed", s.Source, "%s: %s (lineup runs %s)", s.Source, strings.Join(s.Alarms, "; "), s.Source)
	}
	if s.Dead > 0 {
		add("dead_jobs", s.Source, "%s: %d registrants cannot be indexed (lineup jobs dead)", s.Source, s.Dead)
	}
}

// Disk is the size of the file system that holds the all-in-one's data, in bytes.
type Disk struct {
	Path string `json:"path"`
	Free uint64 `json:"free"`
	Size uint64 `json:"size"`
}

// DiskOf measures the file system of a directory; nil if it cannot.
func DiskOf(path string) *Disk {
	var disk syscall.Statfs_t
	if syscall.Statfs(path, &disk) != nil {
		return nil
	}
	return &Disk{path, disk.Bavail * uint64(disk.Bsize), disk.Blocks * uint64(disk.Bsize)}
}

// Certificate says when a certificate that this installation depends on ends.
type Certificate struct {
	Of    string    `json:"of"` // the configuration key that names its file
	Ends  time.Time `json:"ends"`
	Wrong string    `json:"wrong,omitempty"` // why the file cannot be used; Ends is then unknown
}

const renew = "renew it, then lineup reload (its server must be told too)"

// Certificates reads the certificates that the configuration names. Of a file with several it takes the one that ends
// first.
func Certificates(c config.Config) (found []Certificate) {
	add := func(key string, ends time.Time, err error) {
		one := Certificate{Of: key, Ends: ends}
		if err != nil {
			one.Wrong = err.Error()
		}
		found = append(found, one)
	}
	authorities := func(key, path string) {
		if path != "" {
			_, ends, err := trust.ReadCA(path)
			add(key, ends, err)
		}
	}
	authorities("nats.ca", c.NATS.CA)
	if c.NATS.Cert != "" {
		_, ends, err := trust.ReadPair(c.NATS.Cert, c.NATS.Key)
		add("nats.cert", ends, err)
	}
	authorities("s3.ca", c.S3.CA)
	authorities("qdrant.ca", c.Qdrant.CA)
	return found
}

// CheckCertificates checks the certificate files that the configuration names.
func (c *Checkup) CheckCertificates(set config.Config) {
	for _, one := range Certificates(set) {
		switch left := time.Until(one.Ends); {
		case one.Wrong != "":
			c.Wrong("certificates", "%s: %s; what runs goes on with the one before, and would not start anew", one.Of, one.Wrong)
		case left < 0:
			c.Wrong("certificates", "%s ended at %s: %s", one.Of, one.Ends.UTC().Format(time.DateTime), renew)
		case left < certificate:
			c.Advise("certificates", "%s ends at %s: %s", one.Of, one.Ends.UTC().Format(time.DateTime), renew)
		default:
			c.OK("certificates", "%s is good until %s", one.Of, one.Ends.UTC().Format(time.DateOnly))
		}
	}
}

// Audited is the result of the last audit by a process.
type Audited struct {
	Ended       time.Time      `json:"ended"`
	Differences map[string]int `json:"differences"`
}
