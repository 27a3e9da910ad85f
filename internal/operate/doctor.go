package operate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/config"
	"lineup/indexer/face/dlib/blas"
	"lineup/indexer/face/dlib/weights"
	"lineup/indexer/index"
	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// Finding is the outcome of one check.
type Finding struct {
	What  string `json:"what"`
	State string `json:"state"` // ok, advice, wrong
	Say   string `json:"say"`
}

// Checkup collects findings.
type Checkup []Finding

// OK notes that something is as it should be.
func (c *Checkup) OK(what, format string, args ...any) {
	*c = append(*c, Finding{what, "ok", fmt.Sprintf(format, args...)})
}

// Advise notes what would better be otherwise.
func (c *Checkup) Advise(what, format string, args ...any) {
	*c = append(*c, Finding{what, "advice", fmt.Sprintf(format, args...)})
}

// Wrong notes what must be otherwise.
func (c *Checkup) Wrong(what, format string, args ...any) {
	*c = append(*c, Finding{what, "wrong", fmt.Sprintf(format, args...)})
}

// Note notes err as wrong, and nil as well.
func (c *Checkup) Note(what string, err error, well string) {
	if err != nil {
		c.Wrong(what, "%v", err)
	} else {
		c.OK(what, "%s", well)
	}
}

// Wrongs reports whether anything is wrong.
func (c Checkup) Wrongs() bool {
	return slices.ContainsFunc(c, func(f Finding) bool { return f.State == "wrong" })
}

// lowSpace is how much must be free where the all-in-one keeps its data.
const lowSpace = 2 << 30

// CheckConfig looks at what is configured, at what is wrong with it, and at what is odd about it.
func (c *Checkup) CheckConfig(set config.Loaded, invalid error) {
	var problems config.Problems
	switch {
	case errors.As(invalid, &problems):
		for _, p := range problems {
			c.Wrong("configuration", "%v", p)
		}
		return
	case invalid != nil:
		c.Wrong("configuration", "%v", invalid)
		return
	}
	c.OK("configuration", "read and valid (lineup config prints it)")
	for _, odd := range set.Warnings {
		c.Advise("configuration", "%s", odd)
	}
	enabled := 0
	for _, s := range set.Sources {
		if s.Enabled {
			enabled++
		}
	}
	if enabled == 0 {
		c.Advise("sources", "none is enabled: nothing will be crawled (lineup sources list)")
	} else {
		c.OK("sources", "%d enabled", enabled)
	}
	if set.Reachable() && set.Corrections == "" {
		c.Advise("corrections", "others reach this installation: set correction_contact to where people ask you to correct or remove "+
			"a copy of a "+
			"record (they are sent to %s)", cmp.Or(set.Contact, "nobody"))
	}
	if set.Private != "" {
		if host, _, err := net.SplitHostPort(set.Private); err == nil && !net.ParseIP(host).IsLoopback() {
			c.Advise("private", "%s shows metrics and profiles to whoever reaches it: keep it inside", set.Private)
		}
	}
}

// CheckModels looks at the face models in dir, and at the processor and the matrix kernel they run on.
func (c *Checkup) CheckModels(dir string) {
	c.Note("processor", blas.Runnable(), "has what this program needs")
	if err := weights.Verify(dir); err != nil {
		c.Wrong("models", "%v (lineup models fetches them; scrape alone does not need them)", err)
	} else {
		c.OK("models", "verified in %s", dir)
	}
	if kernel := blas.Current(); kernel.Slow {
		c.Advise("matrix kernel", "%s: embedding takes up to half as long again; a newer OpenBLAS or OPENBLAS_CORETYPE mends it", kernel)
	} else {
		c.OK("matrix kernel", "%s", kernel)
	}
}

// CheckData looks at the directory where parts without an external engine are kept.
func (c *Checkup) CheckData(set config.Config) {
	if set.NATS.URL != "" && set.S3.Endpoint != "" && set.Qdrant.Address != "" {
		c.OK("data", "all engines are external")
		return
	}
	info, err := os.Stat(set.Data)
	if err != nil {
		c.Advise("data", "%s does not exist yet: lineup up makes it, and what is kept there could not be looked at", set.Data)
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		c.Advise("data", "%s can be read by others (mode %04o): chmod 700 it", set.Data, info.Mode().Perm())
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(set.Data, &disk); err != nil {
		c.Wrong("data", "ask for free space: %v", err)
		return
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < lowSpace {
		c.Wrong("data", "only %d MB are free below %s: crawling stops when it is full (docs/sizing.md)", free>>20, set.Data)
	} else {
		c.OK("data", "%d GB free below %s", free>>30, set.Data)
	}
}

// CheckGenerations looks at what the index holds; err is why it could not be listed.
func (c *Checkup) CheckGenerations(generations []index.Generation, err error) {
	if err != nil {
		c.Wrong("generations", "%v", err)
		return
	}
	serving, filling := "", 0
	for _, g := range generations {
		switch g.State {
		case index.Serving:
			serving = g.Name
			if g.Features != index.FeatureVersion {
				c.Advise("generations", "%s has features of version %d, this program computes %d: an indexer builds them anew beside it", g.Name,
					g.Features, index.FeatureVersion)
			}
		case index.Building:
			filling++
		}
	}
	switch {
	case serving != "":
		c.OK("generations", "%s serves, of %d", serving, len(generations))
	case filling > 0:
		c.Advise("generations", "none serves yet: an indexer fills one, and searches are refused until then")
	default:
		c.Advise("generations", "there is none: an indexer makes and fills the first (lineup index, or lineup up)")
	}
}

// CheckNATS checks that the broker answers and how it is set up.
func (c *Checkup) CheckNATS(ctx context.Context, nc *nats.Conn, set config.NATS) {
	js, err := broker.JetStream(ctx, nc)
	if err != nil {
		c.Wrong("nats", "%v", err)
		return
	}
	l, err := ledger.Open(ctx, js, set.Replicas)
	if err != nil {
		c.Wrong("nats", "%v (a role may not make streams: run lineup prepare as admin, deploy/nats; a call that is forbidden "+
			"gets no answer)", err)
		return
	}
	start := time.Now()
	// Somebody who never was: every role may ask, though not every role may sweep.
	if _, err := l.Listing(ctx, "doctor", schemas.RandomID()); !errors.Is(err, fs.ErrNotExist) {
		c.Wrong("nats", "read the ledger: %v", err)
		return
	}
	c.OK("nats", "ledger answers in %s", time.Since(start).Round(time.Millisecond))
	if set.URL == "" {
		return
	}
	c.checkServers(ctx, nc, set)
	c.checkStores(ctx, js, set.Replicas)
}

// roles are the users of deploy/nats, with the commands that each may run. The tag rights of a command names one of them.
var roles = map[string]string{
	"admin":  "every command",
	"scrape": "lineup scrape; every other command needs those of its role, or of admin",
	"index":  "lineup index; every other command needs those of its role, or of admin",
	"query":  "lineup query; every other command needs those of its role, or of admin",
}

// CheckRole names whose credentials of NATS these are, and what they are for.
func (c *Checkup) CheckRole(set config.NATS) {
	user, err := natsUser(set)
	switch {
	case err != nil:
		c.Wrong("nats role", "%v", err)
	case user == "":
		c.Advise("nats role", "nats.url names no user and nats.credentials no file: give a role its own account "+
			"(deploy/nats/lineup.conf), or whoever "+
			"reaches NATS may do everything")
	case roles[user] == "":
		c.OK("nats role", "the user %s, which is none of deploy/nats (admin, scrape, index, query): commands of an operator need "+
			"what admin may", user)
	default:
		c.OK("nats role", "the credentials of %s: for %s", user, roles[user])
	}
}

// natsUser is the user's name in nats.url, or in the file of credentials; "" for none.
func natsUser(set config.NATS) (string, error) {
	if set.Credentials != "" {
		text, err := os.ReadFile(set.Credentials)
		if err != nil {
			return "", fmt.Errorf("read nats.credentials: %w", err)
		}
		token, err := jwt.ParseDecoratedJWT(text)
		if err != nil {
			return "", fmt.Errorf("nats.credentials %s holds no user's token: %w (nsc generate creds writes one)", set.Credentials, err)
		}
		user, err := jwt.DecodeUserClaims(token)
		if err != nil {
			return "", fmt.Errorf("nats.credentials %s: %w (nsc generate creds writes one)", set.Credentials, err)
		}
		return cmp.Or(user.Name, user.Subject), nil
	}
	first, _, _ := strings.Cut(set.URL, ",")
	u, err := url.Parse(strings.TrimSpace(first))
	if err != nil || u.User == nil {
		return "", nil
	}
	return u.User.Username(), nil
}

// checkServers looks at the addresses of the servers and at what they do with a write.
func (c *Checkup) checkServers(ctx context.Context, nc *nats.Conn, set config.NATS) {
	for address := range strings.SplitSeq(set.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		if err == nil && u.Scheme != "tls" && u.Scheme != "wss" && set.CA == "" && !net.ParseIP(u.Hostname()).IsLoopback() {
			c.Advise("nats", "%s is reached without TLS: use tls:// and nats.ca", u.Host)
		}
	}
	if servers := len(nc.Servers()); set.Replicas == 1 && servers > 1 {
		c.Advise("nats", "the cluster has %d servers and nats.replicas is 1: a lost server stops everything; set 3", servers)
	}
	if set.Monitor == "" {
		c.Advise("nats", "a client cannot see whether the servers sync every write: make sure of sync_interval: always "+
			"(deploy/nats/lineup.conf), "+
			"or a power failure loses acknowledged work; with nats.monitor set it is looked at here")
		return
	}
	for address := range strings.SplitSeq(set.Monitor, ",") {
		sync, err := broker.Syncing(ctx, address)
		switch {
		case err != nil:
			c.Advise("nats", "%v (nats.monitor)", err)
		case sync.Always:
			c.OK("nats", "%s syncs every write", sync.Server)
		default:
			c.Advise("nats", "%s syncs every %s only: a power failure loses what it acknowledged since; set sync_interval: always "+
				"(deploy/nats/lineup.conf)", sync.Server, sync.Every)
		}
	}
}

// checkStores looks at every stream and bucket that this user may look at.
func (c *Checkup) checkStores(ctx context.Context, js jetstream.JetStream, replicas int) {
	stores, err := broker.Examine(ctx, js, replicas)
	if err != nil {
		c.Wrong("nats", "%v", err)
	}
	for _, s := range stores {
		switch {
		case s.Missing:
			c.Wrong("nats", "%s is missing: run lineup prepare as admin", s.Store.Name)
		case !s.Leader:
			c.Wrong("nats", "%s has no leader: more than half of the servers must run", s.Store.Name)
		case s.Differs:
			c.Wrong("nats", "%s is not as this version and nats.replicas want it (it has %d replicas): run lineup prepare as admin", s.Store.Name,
				s.Replicas)
		}
		for _, peer := range s.Behind {
			c.Advise("nats", "replica %s of %s is behind or away: look at that server", peer, s.Store.Name)
		}
	}
}
