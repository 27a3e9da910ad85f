package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/face/dlib/weights"
	"lineup/ingest/blob/minio"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// Doctor checks the configuration and every engine, from here.
type Doctor struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Help says what the exit codes mean.
func (c *Doctor) Help() string {
	return "Checks everything even when something fails, and changes nothing but what it removes again.\nExit codes: 0 all is well (advice apart), 1 something is wrong."
}

// Finding is the outcome of one check.
type Finding struct {
	What  string `json:"what"`
	State string `json:"state"` // ok, advice, wrong
	Say   string `json:"say"`
}

// checkup collects findings.
type checkup []Finding

func (c *checkup) ok(what, format string, args ...any) {
	*c = append(*c, Finding{what, "ok", fmt.Sprintf(format, args...)})
}

func (c *checkup) advise(what, format string, args ...any) {
	*c = append(*c, Finding{what, "advice", fmt.Sprintf(format, args...)})
}

func (c *checkup) wrong(what, format string, args ...any) {
	*c = append(*c, Finding{what, "wrong", fmt.Sprintf(format, args...)})
}

// doctorLimit bounds all checks together, an engine that never answers included.
const doctorLimit = 2 * time.Minute

// lowSpace is how much must be free where the all-in-one keeps its data.
const lowSpace = 2 << 30

// Run does it.
func (c *Doctor) Run(ctx context.Context, app *App) error {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	found := app.examine(ctx)
	if c.JSON {
		if err := app.printJSON(found); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(app.Stdout, 0, 4, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.What, f.Say)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	for _, f := range found {
		if f.State == "wrong" {
			return exitError{code: 1}
		}
	}
	return nil
}

func (a *App) examine(ctx context.Context) (found checkup) {
	a.examineConfig(&found)
	a.examineModels(&found)
	a.examineData(&found)
	a.examineNode(ctx, &found)
	return found
}

func (a *App) examineConfig(found *checkup) {
	c := a.Config
	found.ok("configuration", "read and valid (lineup config prints it)")
	enabled := 0
	for _, s := range c.Sources {
		if s.Enabled {
			enabled++
		}
	}
	switch {
	case enabled > 0 && c.Contact == "":
		found.wrong("contact", "%d sources are enabled and nobody can be reached: set contact to an e-mail address or a URL", enabled)
	case enabled == 0:
		found.advise("sources", "none is enabled: nothing will be crawled (lineup sources list)")
	default:
		found.ok("sources", "%d enabled", enabled)
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && c.Public == "" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		found.advise("public", "the API listens on %s: set public to its https:// address behind your proxy, for the links in answers", c.Listen)
	}
	if c.Private != "" {
		if host, _, err := net.SplitHostPort(c.Private); err == nil && !net.ParseIP(host).IsLoopback() {
			found.advise("private", "%s shows metrics and profiles to whoever reaches it: keep it inside", c.Private)
		}
	}
}

func (a *App) examineModels(found *checkup) {
	dir, err := a.modelsDir()
	if err == nil {
		err = weights.Verify(dir)
	}
	if err != nil {
		found.wrong("models", "%v (lineup models fetches them; scrape alone does not need them)", err)
	} else {
		found.ok("models", "verified in %s", dir)
	}
	if kernel := blas.Current(); kernel.Slow {
		found.advise("matrix kernel", "%s: embedding takes up to half as long again; a newer OpenBLAS or OPENBLAS_CORETYPE mends it", kernel)
	} else {
		found.ok("matrix kernel", "%s", kernel)
	}
}

// examineData looks at the directory where parts without an external engine are kept.
func (a *App) examineData(found *checkup) {
	c := a.Config
	if c.NATS.URL != "" && c.S3.Endpoint != "" && c.Qdrant.Address != "" {
		found.ok("data", "all engines are external")
		return
	}
	info, err := os.Stat(c.Data)
	if err != nil {
		found.advise("data", "%s does not exist yet: lineup makes it", c.Data)
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		found.advise("data", "%s can be read by others (mode %04o): chmod 700 it", c.Data, info.Mode().Perm())
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(c.Data, &disk); err != nil {
		found.wrong("data", "ask for free space: %v", err)
		return
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < lowSpace {
		found.wrong("data", "only %d MB are free below %s: crawling stops when it is full (docs/sizing.md)", free>>20, c.Data)
	} else {
		found.ok("data", "%d GB free below %s", free>>30, c.Data)
	}
}

func (a *App) examineNode(ctx context.Context, found *checkup) {
	h := &Node{}
	defer func() {
		if err := h.Close(); err != nil {
			found.wrong("closing", "%v", err)
		}
	}()
	nc, err := a.connect(h)
	if err != nil {
		found.wrong("nats", "%v", err)
	} else {
		h.closers = append(h.closers, func() error { nc.Close(); return nil })
		a.examineNATS(ctx, nc, found)
	}
	if blobs, err := a.openBlobs(ctx); err != nil {
		found.wrong("blobs", "%v", err)
	} else {
		h.closers = append(h.closers, blobs.Close)
		if bucket, ok := blobs.(*minio.Store); ok {
			probe, err := bucket.Probe(ctx)
			for _, w := range probe.Warnings {
				found.advise("blobs", "%s", w)
			}
			if strings.HasPrefix(a.Config.S3.Endpoint, "http://") {
				found.advise("blobs", "%s speaks without TLS: photos and keys cross the network in clear", a.Config.S3.Endpoint)
			}
			if err != nil && a.readsBlobs(ctx) {
				found.advise("blobs", "this key may read and not write: as lineup query should, too little for scrape, index and admin (deploy/s3)")
			} else {
				report(found, "blobs", err, "a blob could be written, read and deleted in bucket "+a.Config.S3.Bucket)
			}
		} else {
			report(found, "blobs", blobs.Check(ctx), "a blob could be written, read and deleted")
		}
	}
	if index, err := a.openIndex(ctx); err != nil {
		found.wrong("index", "%v", err)
	} else {
		h.closers = append(h.closers, index.Close)
		report(found, "index", index.Check(ctx), "the index answers")
		if a.Config.Qdrant.Address != "" && (!a.Config.Qdrant.TLS || a.Config.Qdrant.APIKey == "") {
			found.advise("index", "Qdrant is reached without TLS or without a key: set qdrant.tls and qdrant.api_key")
		}
	}
}

// readsBlobs reports whether the bucket's key may at least read.
func (a *App) readsBlobs(ctx context.Context) bool {
	o := a.bucket()
	o.ReadOnly = true
	store, err := minio.New(o)
	if err != nil {
		return false
	}
	defer store.Close()
	return store.Check(ctx) == nil
}

func report(found *checkup, what string, err error, well string) {
	if err != nil {
		found.wrong(what, "%v", err)
	} else {
		found.ok(what, "%s", well)
	}
}

// examineNATS checks that the broker answers and how it is set up.
func (a *App) examineNATS(ctx context.Context, nc *nats.Conn, found *checkup) {
	n := a.Config.NATS
	js, err := jetstream.New(nc)
	if err != nil {
		found.wrong("nats", "%v", err)
		return
	}
	l, err := ledger.Open(ctx, js, n.Replicas)
	if err != nil {
		found.wrong("nats", "%v (a role may not make streams: run lineup prepare as admin, deploy/nats; a call that is forbidden gets no answer)", err)
		return
	}
	start := time.Now()
	// Somebody who never was: every role may ask, though not every role may sweep.
	if _, err := l.Listing(ctx, "doctor", schemas.RandomID()); !errors.Is(err, fs.ErrNotExist) {
		found.wrong("nats", "read the ledger: %v", err)
		return
	}
	found.ok("nats", "ledger answers in %s", time.Since(start).Round(time.Millisecond))
	if n.URL == "" {
		return
	}
	for address := range strings.SplitSeq(n.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err == nil && u.Scheme != "tls" && u.Scheme != "wss" && n.CA == "" && !net.ParseIP(u.Hostname()).IsLoopback() {
			found.advise("nats", "%s is reached without TLS: use tls:// and nats.ca", u.Host)
		}
	}
	if servers := len(nc.Servers()); n.Replicas == 1 && servers > 1 {
		found.advise("nats", "the cluster has %d servers and nats.replicas is 1: a lost server stops everything; set 3", servers)
	}
	examineSync(ctx, n.Monitor, found)
	stream, err := js.Stream(ctx, "KV_"+ledger.ListingsBucket)
	if err != nil {
		found.wrong("nats", "%v", err)
		return
	}
	if cluster := stream.CachedInfo().Cluster; cluster != nil {
		for _, peer := range cluster.Replicas {
			if peer.Offline || !peer.Current {
				found.advise("nats", "replica %s of the ledger is behind or away: look at that server", peer.Name)
			}
		}
		if cluster.Leader == "" {
			found.wrong("nats", "%v", errors.New("the ledger has no leader: more than half of the servers must run"))
		}
	}
}

// examineSync looks whether every server syncs what it acknowledges.
func examineSync(ctx context.Context, monitor string, found *checkup) {
	if monitor == "" {
		found.advise("nats", "a client cannot see whether the servers sync every write: make sure of sync_interval: always (deploy/nats/lineup.conf), or a power failure loses acknowledged work; with nats.monitor set it is looked at here")
		return
	}
	for address := range strings.SplitSeq(monitor, ",") {
		sync, err := broker.Syncing(ctx, address)
		switch {
		case err != nil:
			found.advise("nats", "%v (nats.monitor)", err)
		case sync.Always:
			found.ok("nats", "%s syncs every write", sync.Server)
		default:
			found.advise("nats", "%s syncs every %s only: a power failure loses what it acknowledged since; set sync_interval: always (deploy/nats/lineup.conf)", sync.Server, sync.Every)
		}
	}
}
