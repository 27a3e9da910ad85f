package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"

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

// Source opens a source as the operator configured it.
func (o Options) Source(id string) (scraper.Source, *scraper.Permission, error) {
	s, err := o.Definitions().Get(id)
	if err != nil {
		return nil, nil, err
	}
	configured := o.Config.Sources[id]
	if configured.BaseURL != "" {
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
	var permission *scraper.Permission
	if p := configured.Permission; p != nil {
		when, err := schemas.ParseDate(p.When)
		if err != nil {
			return nil, nil, fmt.Errorf("sources.%s.permission: %w", id, err)
		}
		permission = &scraper.Permission{Who: p.Who, When: when, Reference: p.Reference, Terms: p.Terms}
	}
	return s, permission, nil
}

// site opens a source whose site is going to be asked.
func (o Options) site(id string) (scraper.Source, *scraper.Permission, error) {
	s, permission, err := o.Source(id)
	if err == nil && o.Config.Contact == "" && o.Config.Sources[id].BaseURL == "" && (s.Info().Mode == scraper.Enabled || permission.Valid()) {
		err = fmt.Errorf("%s is not asked by a nameless program: set contact in the configuration to an e-mail address or URL "+
			"that the site's owner can complain to", id)
	}
	return s, permission, err
}

// Registries are what a configuration of sources is held against.
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

// crawled shows a crawl's progress as shown.
func crawled(shown *progress.Task) func(scraper.Progress) {
	return func(p scraper.Progress) {
		shown.SetMore(int64(p.Registrants), int64(p.Claimed), fmt.Sprintf(", %d pages, %d photos, %d MB", p.Pages, p.Photos, p.Bytes>>20))
	}
}

// CrawlSite crawls the site of one source once, as c's settings say.
func (n *Node) CrawlSite(ctx context.Context, id string, c *scraper.Crawl) (schemas.RunSummary, error) {
	s, permission, err := n.site(id)
	if err != nil {
		return schemas.RunSummary{}, err
	}
	c.Permission = permission
	if c.TermsRead, c.Checked, err = words(n.Config.Sources[id]); err != nil {
		return schemas.RunSummary{}, fmt.Errorf("sources.%s: %w", id, err)
	}
	return n.CrawlSource(ctx, s, c)
}

// CrawlAndDrain crawls the made-up registry of source id, however much of it changed, and waits until it is indexed.
func (n *Node) CrawlAndDrain(ctx context.Context, id string) error {
	summary, err := n.CrawlSite(ctx, id, &scraper.Crawl{Resume: true, AcceptDrop: "the sample may change as it likes"})
	if err != nil {
		return err
	}
	shown := progress.Show(n.Stderr, "indexing", int64(summary.Registrants))
	defer shown.End()
	return n.Drain(ctx, shown.Set)
}

// CrawlSource crawls s once, as c's settings say, through c.Fetcher.Transport where its pages are files.
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
	c.Fetcher.Version, c.Fetcher.Contact = n.Version, n.contact()
	sum, err := c.Run(ctx)
	for _, alarm := range sum.Alarms() {
		n.Log.Warn("crawl wants a look", "source", id, "alarm", alarm)
	}
	if ctx.Err() != nil || errors.Is(err, schemas.ErrLeased) || c.DryRun {
		return sum, err
	}
	// Whatever the crawl did: what may not be kept any longer goes.
	policy := s.Info().Policy
	gone, rerr := n.Ingest.Retain(ctx, id, ingest.Keep{Records: policy.KeepRecords, Pages: policy.KeepPages})
	if gone.Delisted+gone.Pages > 0 {
		n.Log.Info("retention time over", "source", id, "delisted", gone.Delisted, "pages", gone.Pages)
	}
	return sum, errors.Join(err, rerr)
}

// DryCrawl is CrawlSite that writes nothing and tells what would change.
func (n *Node) DryCrawl(ctx context.Context, id string, c *scraper.Crawl) (schemas.RunSummary, []scraper.Change, error) {
	dry := scraper.NewDryRun(n.Ingest)
	c.DryRun, c.Sink = true, dry
	sum, err := n.CrawlSite(ctx, id, c)
	return sum, dry.Changes(), err
}

// Reread reads a source's stored pages again, with its definition as it is now, without asking the
// site. When dry, it writes nothing and tells what would change.
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
