package read

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"lineup/scraper/definition/redact"
	"lineup/scraper/fetch"
)

var _ scraper.Source = (*Source)(nil)

// New makes a Source of a definition that Lint finds no fault with.
func New(def *definition.Definition) (*Source, error) {
	base, err := url.Parse(def.Base)
	if err != nil {
		return nil, fmt.Errorf("%s: base: %w", def.ID, err)
	}
	return &Source{def: def, base: base, opt: options{def: def, labels: def.LabelsByStep()}}, nil
}

// Load reads a source.yml and makes its Source. file is the name used in errors.
func Load(file string, data []byte) (*Source, error) {
	def, err := definition.Load(file, data)
	if err != nil {
		return nil, err
	}
	return New(def)
}

// At is s asked at another scheme and host, with the same paths: a proxy, a test.
func (s *Source) At(site string) (*Source, error) {
	u, err := url.Parse(site)
	if err != nil || !u.IsAbs() || u.Host == "" {
		return nil, fmt.Errorf("%s: site %q: want an absolute URL", s.def.ID, site)
	}
	out, base := *s, *s.base
	base.Scheme, base.Host = u.Scheme, u.Host
	out.base, out.elsewhere = &base, true
	return &out, nil
}

// Sample is s pointed at a sample site: nobody's permission is needed there, and it is asked
// without delay. Only a loopback address is taken, so no real site can be called a sample.
func (s *Source) Sample(base string) (*Source, error) {
	out, err := s.At(base)
	if err != nil {
		return nil, err
	}
	host := out.base.Hostname()
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s: sample site at %q: want a loopback address", s.def.ID, host)
	}
	out.sample = true
	return out, nil
}

// WithVehicles is s keeping vehicles (never plates); without it they are left out.
func (s *Source) WithVehicles() *Source {
	out := *s
	out.opt.vehicles = true
	return &out
}

// WithAccount is s with the operator's own account at the source.
func (s *Source) WithAccount(user, password string) *Source {
	out := *s
	out.opt.user, out.opt.password = user, password
	return &out
}

// Definition is what s runs. It is not to be changed.
func (s *Source) Definition() *definition.Definition { return s.def }

// Info describes the source.
func (s *Source) Info() scraper.Info {
	d := s.def
	info := scraper.Info{
		ID: d.ID, Name: d.Name, Jurisdiction: d.Jurisdiction, Home: d.Home, Mode: d.Mode, Version: d.Version,
		Manners: d.Manners, Guards: d.Guards, Policy: d.Policy, Blocked: d.Blocked,
	}
	info.File, info.Shadows = s.file, s.shadows
	info.Verified, info.TermsUnread = d.Verified, d.Policy.TermsRead == ""
	if info.Mode == scraper.Enabled && (d.Verified.By == "" || d.Verified.By == scraper.Nothing) {
		info.Mode = scraper.Unverified
	}
	if s.files != nil || s.sample {
		info.TermsUnread = false
	}
	if s.base.Host != "" {
		info.Hosts = append([]string{s.base.Host}, d.Hosts...)
	}
	if s.elsewhere {
		info.Local = s.base.Host
	}
	if s.files != nil {
		info.Hosts = []string{"*"}  // the transport is the folder, which answers for no host but its own
		info.Mode = scraper.Enabled // whoever hands the files over has decided
		info.Manners = scraper.Manners{Manners: fetch.Manners{Concurrency: 4, MaxBody: maxImport}, StubPhotos: d.Manners.StubPhotos,
			StubURLs: d.Manners.StubURLs}
	}
	if s.sample {
		info.Mode = scraper.Enabled
		info.Manners.Interval, info.Manners.PerHour, info.Manners.Every, info.Manners.Window, info.Manners.Refresh = 0, 0, 0, "", 0
		info.Manners.Concurrency = max(info.Manners.Concurrency, 4)
		info.Guards.MinCount = min(info.Guards.MinCount, 1)
	}
	return info
}

// Parse reads one answer. Errors: fetch.ErrBlocked, scraper.ErrLayout.
func (s *Source) Parse(page scraper.Page) (scraper.Parsed, error) {
	step, ok := s.def.Steps[page.Request.Rule]
	if !ok {
		return scraper.Parsed{}, fmt.Errorf("%s: page for step %q, which the definition lacks", s.def.ID, page.Request.Rule)
	}
	if as := step.As; !redact.IsEvidence(page.Body) && (as == "html" || looksHTML(page.Body)) {
		if marker := fetch.Refusal(page.Body, s.def.Blocked); marker != "" {
			return scraper.Parsed{}, fmt.Errorf("%s: %s: page says %q: %w", s.def.ID, page.Request.Rule, marker, fetch.ErrBlocked)
		}
	}
	if page.Request.Carry[countOnly] != "" {
		return s.counted(page)
	}
	d, err := newDoc(&step, page, s.opt)
	if err != nil {
		return scraper.Parsed{}, fmt.Errorf("%s: %w", s.def.ID, err)
	}
	if err := d.decode(page); err != nil {
		return scraper.Parsed{}, fmt.Errorf("%s: %w", s.def.ID, err)
	}
	out, err := s.read(d)
	if err == nil && len(d.missing) > 0 {
		err = fmt.Errorf("missing %s: %w", strings.Join(slices.Sorted(maps.Keys(d.missing)), ", "), scraper.ErrLayout)
	}
	if err != nil {
		if marker := fetch.Challenge(page.Body); marker != "" && errors.Is(err, scraper.ErrLayout) {
			err = fmt.Errorf("%w; the page has %q: %w", err, marker, fetch.ErrBlocked)
		}
		return scraper.Parsed{}, fmt.Errorf("%s: step %s: %w", s.def.ID, d.rule, err)
	}
	return out, nil
}

func (s *Source) read(d *doc) (scraper.Parsed, error) {
	if d.failed {
		return s.told(d)
	}
	out := scraper.Parsed{Dropped: map[string]int{}}
	if err := d.marked(); err != nil {
		return out, err
	}
	empty := len(d.step.Empty) > 0 && says(d.all(), d.step.Empty...)
	items, err := d.items()
	if err != nil {
		return out, err
	}
	d.pageItems = items
	if d.step.Items != nil && len(items) == 0 && !empty && d.carry["@seen"] == "" {
		return out, fmt.Errorf("no items, and nothing says that there are none: %w", scraper.ErrLayout)
	}
	if d.step.Total != nil && !empty && !d.kept {
		if out.Total, err = d.number(d.top, d.step.Total); err != nil {
			return out, err
		}
		if out.Total == 0 && len(items) > 0 && !d.step.Total.Optional {
			return out, fmt.Errorf("no total where one is expected: %w", scraper.ErrLayout)
		}
	}
	taken, err := d.taken()
	if err != nil {
		return out, err
	}
	keys, err := s.readItems(d, items, taken, &out)
	if err != nil {
		return out, err
	}
	out.Keys, out.Entries, out.Numbers = keys, rowCount(items), d.numbers(items)
	if !d.kept {
		d.misfitted(&out)
	}
	if d.streams(items) && len(d.missing) == 0 {
		out.Rows = s.rows(d, items)
	}
	if !d.kept {
		next, err := s.more(d, keys, rowCount(items), out.Total)
		if err != nil {
			return out, err
		}
		out.Next, out.CutOff = append(out.Next, next...), d.cutOff
		if next, err = s.howMany(d); err != nil {
			return out, err
		}
		out.Next = append(out.Next, next...)
		if next, err = s.then(d, taken); err != nil {
			return out, err
		}
		out.Next = append(out.Next, next...)
	}
	if !empty && (d.spared == 0 || d.spared < len(items)) {
		d.audit(items)
	}
	out.Leftover = d.leftovers()
	return out, nil
}

// readItems reads every item and gives their keys.
func (s *Source) readItems(d *doc, items []node, taken map[string]string, out *scraper.Parsed) ([]string, error) {
	if d.step.Key == nil && d.step.Record == nil {
		return nil, nil
	}
	var keys []string
	listed := map[string]bool{}
	for _, item := range items {
		d.joined = nil
		key, weak, err := d.key(item)
		if err != nil {
			return nil, err
		}
		rule, err := d.dropped(item)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
		if rule == "" && d.step.Record != nil {
			if rule, err = s.draft(d, item, key, weak, out); err != nil {
				return nil, err
			}
		}
		if rule == noNameRule || rule == otherPersonRule {
			out.Unnamed = append(out.Unnamed, key)
		}
		if rule != "" {
			d.spare(item, rule)
			out.Dropped[rule]++
			if d.step.Detail == "" {
				continue
			}
		}
		if rule == "" && d.step.Detail != "" && !listed[key] && !d.kept {
			listed[key] = true
			r, err := s.detail(d, item, key, taken)
			if err != nil {
				return nil, err
			}
			out.Next, out.Listed = append(out.Next, r), append(out.Listed, key)
		}
		if d.streams(items) {
			clear(out.Drafts)
			out.Drafts = out.Drafts[:0]
		}
	}
	return keys, nil
}

// spare notes that a rule left an item out: what it holds is not wanted, so nobody need hear that
// nothing read it. An item without a name is another matter: perhaps the name's place has changed.
func (d *doc) spare(item node, rule string) {
	if rule == noNameRule {
		return
	}
	d.spared++
	if item.html != nil {
		d.Use(item.html)
	}
}

// maxDrafts is how many records of one answer are held at once; of a larger file each is read
// twice: first to know that all can be read, then one at a time as they are taken in.
const maxDrafts = 2000

func (d *doc) streams(items []node) bool {
	return len(items) > maxDrafts && d.step.Record != nil && d.step.Detail == "" && d.top.html == nil
}

// rows reads the items again, one at a time.
func (s *Source) rows(d *doc, items []node) iter.Seq2[scraper.Draft, error] {
	return func(yield func(scraper.Draft, error) bool) {
		for _, item := range items {
			var out scraper.Parsed
			out.Dropped = map[string]int{}
			if _, err := s.readItems(d, []node{item}, nil, &out); err != nil {
				yield(scraper.Draft{}, fmt.Errorf("%s: step %s: %w", s.def.ID, d.rule, err))
				return
			}
			for _, draft := range out.Drafts {
				if !yield(draft, nil) {
					return
				}
			}
		}
	}
}

// detail asks for the page of an item.
func (s *Source) detail(d *doc, item node, key string, taken map[string]string) (scraper.Request, error) {
	vars := maps.Clone(taken)
	vars["key"] = key
	for name, v := range d.step.Carry {
		text, err := d.text(item, &v)
		if err != nil {
			return scraper.Request{}, err
		}
		if text == "" && !v.Optional {
			return scraper.Request{}, fmt.Errorf("nothing to carry as %q: %w", name, scraper.ErrLayout)
		}
		vars[name] = text
	}
	if s.def.Steps[d.step.Detail].Same && d.step.Record != nil {
		rec, _, err := d.record(item, d.step.Record)
		if err != nil {
			return scraper.Request{}, err
		}
		vars["@same"] = identity(rec)
	}
	r, err := s.ask(d.step.Detail, vars, d)
	r.Registrant = key
	return r, err
}

// Rules that leave out an item because of what its page lacks. They say nothing of whether its registrant is listed.
const (
	noNameRule      = "no name"               // the name is missing or a placeholder
	otherPersonRule = "another person's page" // name or birth date is not the list's
)

// identity is what must agree before two pages are taken to speak of the same person.
func identity(r schemas.Record) string {
	return notation.Fold(r.Name.First) + "\x00" + notation.Fold(r.Name.Last) + "\x00" + r.Birth.String()
}

// key is the source's own id of an item. Errors: scraper.ErrLayout when there is none.
func (d *doc) key(item node) (string, bool, error) {
	k := d.step.Key
	if k == nil {
		if key := d.carry["key"]; key != "" {
			return key, d.carry["@weak"] != "", nil
		}
		return "", false, fmt.Errorf("item without a key: %w", scraper.ErrLayout)
	}
	if len(k.Weak) == 0 {
		key, err := d.text(item, &k.Value)
		if err == nil && key == "" {
			err = fmt.Errorf("item without a key (%s): %w", k.Called(), scraper.ErrLayout)
		}
		return key, false, err
	}
	h := sha256.New()
	some := false
	for i := range k.Weak {
		text, err := d.text(item, &k.Weak[i])
		if err != nil {
			return "", true, err
		}
		some = some || text != ""
		h.Write([]byte(notation.KeyPart(text) + "\x00"))
	}
	if !some {
		return "", true, fmt.Errorf("item without any field of its key: %w", scraper.ErrLayout)
	}
	return "w" + hex.EncodeToString(h.Sum(nil)[:16]), true, nil
}

// dropped gives the name of the first rule that leaves the item out, or "".
func (d *doc) dropped(item node) (string, error) {
	for i := range d.step.Drop {
		rule := &d.step.Drop[i]
		if d.kept && d.hidden(&rule.When) {
			continue // what it decides by is not kept, and it decided when the page came
		}
		d.Quiet = true // deciding by a value is not keeping it
		all, err := d.texts(item, &rule.When)
		d.Quiet = false
		if err != nil {
			return "", err
		}
		if len(all) == 0 && len(rule.When.Column) == 0 && !rule.When.Optional {
			d.leave("nothing to decide by", rule.Name)
		}
		text := strings.Join(all, "\n")
		for _, test := range []struct {
			re   string
			want bool
		}{{rule.Match, true}, {rule.Not, false}} {
			if test.re == "" {
				continue
			}
			re, err := definition.Pattern(test.re)
			if err != nil {
				return "", err
			}
			if re.MatchString(text) == test.want {
				return rule.Name, nil
			}
		}
	}
	return "", nil
}

// hidden reports whether v stands in what is never stored.
func (d *doc) hidden(v *definition.Value) bool {
	for _, names := range []definition.Texts{v.Label, v.Column, {v.Path}, {v.XPath}} {
		for _, name := range names {
			if name != "" && d.Never(name) {
				return true
			}
		}
	}
	return false
}

// draft reads an item's record; it gives the name of the rule that leaves it out, or "".
func (s *Source) draft(d *doc, item node, key string, weak bool, out *scraper.Parsed) (string, error) {
	rec, photos, err := d.record(item, d.step.Record)
	if err != nil {
		return "", err
	}
	rec.Key, rec.WeakKey = key, weak
	if rec.URL == "" && d.step.As == "html" && d.step.Items == nil {
		rec.URL = d.url.String()
	}
	switch {
	case notation.IsNoName(rec.Name.Full):
		return noNameRule, nil
	case !rec.Birth.IsZero() && rec.Birth.YearsBetween(d.today) < 18, rec.Age.Years > 0 && rec.Age.Years < 18:
		return "under 18", nil
	case d.step.Same && d.carry["@same"] != identity(rec):
		return otherPersonRule, nil
	}
	if s.files != nil && !s.def.Policy.NoPhotos {
		rec.Photos, photos = s.files.pair(key, rec.Photos, photos)
		for _, photo := range rec.Photos {
			if s.files.ambiguous(photo.URL) {
				d.leave("photo that may be any of several files", path.Base(photo.URL))
			}
		}
	}
	out.Drafts = append(out.Drafts, scraper.Draft{Record: rec, Photos: photos, Evidence: d.evidence(item)})
	return "", nil
}
