package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"lineup/config"
	"lineup/ingest"
	"lineup/internal/progress"
	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/source"
)

// Definitions are what sources there are: the program's, and those in sources_dir.
func (o Options) Definitions() *source.Catalog {
	if o.Catalog != nil {
		return o.Catalog
	}
	return source.In(o.Config.SourcesDir)
}

// SourceNames are the ids of all sources, each with a tab and its name: those of the definitions, and those of the agencies
// that handed files over.
func (o Options) SourceNames(ctx context.Context) (names []string) {
	all, err := o.Definitions().All()
	if err != nil {
		return nil
	}
	for _, s := range all {
		names = append(names, s.Info().ID+"\t"+s.Info().Name)
	}
	ctx, cancel := context.WithTimeout(ctx, namesLimit)
	defer cancel()
	n, err := Open(ctx, o)
	if err != nil {
		return names
	}
	defer n.Close() // read only: nothing to lose
	agencies, _ := n.agencies(ctx)
	for _, id := range agencies {
		if s, err := o.Definitions().Get(id); err == nil {
			names = append(names, id+"\t"+s.Info().Name)
		}
	}
	return names
}

// Source opens a source as the operator configured it.
func (o Options) Source(id string) (scraper.Source, *schemas.Permission, error) {
	s, err := o.Definitions().Get(id)
	if err != nil {
		return nil, nil, err
	}
	definition, agency := schemas.SplitSource(id)
	configured := o.Config.Sources[definition]
	if configured.BaseURL != "" && agency == "" {
		if s, err = s.Sample(configured.BaseURL); err != nil {
			return nil, nil, fmt.Errorf("sources.%s.base_url: %w", id, err)
		}
	}
	if configured.Vehicles {
		s = s.WithVehicles()
	}
	if account := configured.Account; account != nil {
		s = s.WithAccount(account.User, account.Password)
	}
	return s, configured.Permission, nil
}

// site opens a source whose site will be crawled.
func (o Options) site(id string) (scraper.Source, *schemas.Permission, error) {
	s, permission, err := o.Source(id)
	if err == nil && o.Config.Contact == "" && o.Config.Sources[id].BaseURL == "" && (s.Info().Mode == scraper.Enabled || permission.Valid()) {
		err = fmt.Errorf("%s is not asked by a nameless program: set contact in the configuration to an e-mail address or URL "+
			"that the site's owner can complain to", id)
	}
	return s, permission, err
}

// Registries returns, by id, what is needed to check a configuration of sources.
func Registries(catalog *source.Catalog) (map[string]config.Registry, error) {
	all, err := catalog.All()
	if err != nil {
		return nil, err
	}
	known := make(map[string]config.Registry, len(all))
	for _, s := range all {
		info := s.Info()
		known[info.ID] = config.Registry{LinkOnly: info.Mode == scraper.LinkOnly, Import: info.Mode == scraper.Import,
			Permission: info.Mode == scraper.PermissionRequired, Unverified: info.Mode == scraper.Unverified, Terms: config.TermsKnown}
		if r := known[info.ID]; info.Shadows {
			r.Shadows = info.File
			known[info.ID] = r
		}
		if r := known[info.ID]; info.TermsUnread && !r.Permission {
			r.Terms = cmp.Or(info.Policy.Terms, info.Home)
			known[info.ID] = r
		}
	}
	return known, nil
}

// words are the operator's records of who read a source's terms and who held its definition against the site.
func words(s config.Source) (termsRead, checked *scraper.Word, err error) {
	read := func(w *config.Word) *scraper.Word {
		if w == nil || err != nil {
			return nil
		}
		var when schemas.Date
		when, err = schemas.ParseDate(w.When)
		return &scraper.Word{Who: w.Who, When: when}
	}
	termsRead, checked = read(s.TermsRead), read(s.Checked)
	return termsRead, checked, err
}

// contact is how a site's owner can reach the operator.
func (o Options) contact() string {
	if o.Config.Contact != "" {
		return o.Config.Contact
	}
	return "sample site or files only"
}

// crawled returns a function that shows the progress of a crawl in shown.
func crawled(shown *progress.Task) func(scraper.Progress) {
	return func(p scraper.Progress) {
		shown.SetMore(int64(p.Registrants), int64(p.Claimed), fmt.Sprintf(", %d pages, %d photos, %d MB", p.Pages, p.Photos, p.Bytes>>20))
	}
}

// CrawlSite crawls the site of one source once, as c's settings say.
func (n *Node) CrawlSite(ctx context.Context, id string, c *scraper.Crawl) (schemas.RunSummary, error) {
	s, err := n.recorded(id, c)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	return n.CrawlSource(ctx, s, c)
}

// recorded opens the source of a site, and gives the crawl what the operator has recorded about it.
func (o Options) recorded(id string, c *scraper.Crawl) (s scraper.Source, err error) {
	if s, c.Permission, err = o.site(id); err != nil {
		return nil, err
	}
	if c.TermsRead, c.Checked, err = words(o.Config.Sources[id]); err != nil {
		return nil, fmt.Errorf("sources.%s: %w", id, err)
	}
	c.Beside, err = o.beside(s.Info())
	return s, err
}

// beside returns the ids of the other sources whose site is at the same host: offices that one company serves. Sources on this
// machine are left out, since every one of a sample site is at one address.
func (o Options) beside(info scraper.Info) (ids []string, err error) {
	if len(info.Hosts) == 0 || o.Config.Sources[info.ID].BaseURL != "" {
		return nil, nil
	}
	all, err := o.Definitions().All()
	for _, s := range all {
		if other := s.Info(); other.ID != info.ID && len(other.Hosts) > 0 && strings.EqualFold(other.Hosts[0], info.Hosts[0]) {
			ids = append(ids, other.ID)
		}
	}
	return ids, err
}

// MayCrawl returns why a source must not be crawled. It is asked before anything is created or loaded. Stored pages
// may always be read again.
func (o Options) MayCrawl(id string, archive bool) error {
	if archive {
		_, _, err := o.Source(id)
		return err
	}
	var c scraper.Crawl
	s, err := o.recorded(id, &c)
	if err != nil {
		return err
	}
	c.Source = s
	return c.Permitted()
}

// CrawlAndDrain crawls the made-up registry of source id, accepts however much of it has changed, and waits until
// everything is indexed.
func (n *Node) CrawlAndDrain(ctx context.Context, id string) error {
	summary, err := n.CrawlSite(ctx, id, &scraper.Crawl{Resume: true, AcceptDrop: "the sample may change as it likes"})
	if err != nil {
		return err
	}
	shown := progress.Show(n.Stderr, "indexing", int64(summary.Registrants))
	defer shown.End()
	return n.Drain(ctx, shown.Set)
}

// CrawlSource crawls s once, with c's settings. Where the pages are files, c.Fetcher.Transport reads them.
func (n *Node) CrawlSource(ctx context.Context, s scraper.Source, c *scraper.Crawl) (schemas.RunSummary, error) {
	id := s.Info().ID
	if c.Progress == nil {
		shown := n.show("crawling", 0)
		defer shown.End()
		c.Progress = crawled(shown)
	}
	c.Source, c.Logger = s, n.Log
	if c.Sink == nil {
		c.Sink = n.Ingest
	}
	c.Fetcher.Version, c.Fetcher.Contact, c.Fetcher.Waits = n.Version, n.contact(), n.waits
	sum, err := c.Run(ctx)
	for _, alarm := range sum.Alarms() {
		n.Log.Warn("crawl wants a look", "source", id, "alarm", alarm)
	}
	if ctx.Err() != nil || errors.Is(err, schemas.ErrLeased) || c.DryRun {
		return sum, err
	}
	// Retention applies whatever the outcome of the crawl.
	policy := s.Info().Policy
	gone, rerr := n.Ingest.Retain(ctx, id, ingest.Keep{Records: policy.KeepRecords, Pages: policy.KeepPages})
	if gone.Delisted+gone.Pages > 0 {
		n.Log.Info("retention time over", "source", id, "delisted", gone.Delisted, "pages", gone.Pages)
	}
	return sum, errors.Join(err, rerr, n.scrubAfter(ctx, sum.Delisted+gone.Delisted))
}

// scrubAfter erases what the files still hold of registrants who were just delisted. Over a cluster it does nothing:
// `lineup scrub` does it, with an administrator's rights.
func (n *Node) scrubAfter(ctx context.Context, delisted int) error {
	if delisted == 0 || n.Config.NATS.URL != "" {
		return nil
	}
	done, err := n.Scrub(ctx)
	if err != nil {
		return err
	}
	n.Log.Info("scrubbed", "entries", done.Entries, "matches", done.Matches, "took", done.Took)
	return nil
}

// DryCrawl crawls like CrawlSite, writes nothing, and returns what would change.
func (n *Node) DryCrawl(ctx context.Context, id string, c *scraper.Crawl) (schemas.RunSummary, []scraper.Change, error) {
	dry := scraper.NewDryRun(n.Ingest)
	c.DryRun, c.Sink = true, dry
	sum, err := n.CrawlSite(ctx, id, c)
	return sum, dry.Changes(), err
}

// Reread reads a source's stored pages again with its current definition, without contacting the site. With dry, it
// writes nothing and returns what would change.
func (n *Node) Reread(ctx context.Context, id string, dry bool) (schemas.RunSummary, []scraper.Change, error) {
	s, _, err := n.Source(id)
	if err != nil {
		return schemas.RunSummary{}, nil, err
	}
	reread := scraper.Reread{Source: s, Sink: n.Ingest, DryRun: dry, Logger: n.Log}
	if !dry {
		sum, err := reread.Run(ctx)
		return sum, nil, err
	}
	sink := scraper.NewDryRun(n.Ingest)
	reread.Sink = sink
	sum, err := reread.Run(ctx)
	return sum, sink.Changes(), err
}
