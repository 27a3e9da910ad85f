package upgrade

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"

	"lineup/config"
	"lineup/ingest/broker"
)

// Place is an installation, as far as it can be seen whether a step concerns it and is done.
type Place struct {
	Config   config.Config
	Stores   []broker.Condition // of NATS servers that run by themselves; none in an all-in-one, which makes its own
	Accounts bool               // those servers give each role an account of its own
	Root     string             // of the file system: "/"
	Home     string             // of the user, "" where it is not known

	InKubernetes bool
}

// step is what one change asks of an operator.
type step struct {
	do   string           // as CHANGELOG.md has it under "Do"
	left func(Place) bool // whether it concerns a place and is not seen to be done there
}

// steps are all that upgrades ever asked, oldest first. They are only added to, at the end: an installation notes how
// many are done (broker.Upgrades is their number).
var steps = []step{
	{"Definitions of your own: name further hosts of photos and files in `hosts:`. Nothing else is asked, and nothing that is not a " +
		"public address.",
		func(p Place) bool { return p.Config.SourcesDir != "" }},
	{"A crawl that reached its end and is incomplete is closed; the next starts afresh. A source that grows by more than half, or loses " +
		"more than its maximum drop of those listed before the run, waits for `--accept-drop REASON`.",
		func(p Place) bool { return slices.ContainsFunc(p.sources(), p.enabled) }},
	{"`lineup index`, `lineup query` and `lineup scrape --follow` need `nats.url`; over one data directory it is `lineup up`.",
		toldAnyway},
	{"Run `lineup config` once before restarting: what used to be found out late or never (an unknown source, a schedule that cannot be " +
		"read, a number out of bounds) now stops every command at once.",
		toldAnyway},
	{"`lineup audit` exits with 3, not 2, where it could not tell: 2 is for wrong arguments. Change scripts that look at it.", anywhere},
	{"A wrong data directory ends with 2, in `lineup audit` too. `lineup demo --sample` with a taken address is an error.", anywhere},
	{"A proxy in front: name its addresses in `query.proxies`, or all who come by it share the limits of one client (600 requests a minute " +
		"without a key, 200 connections); let it keep connections to lineup for less than 30 seconds.",
		func(p Place) bool { return p.Config.Reachable() && p.Config.Query.Proxies == "" }},
	{"Shells: take the old line of `lineup completion` out of ~/.bashrc or ~/.zshrc and write `source <(lineup completion bash)` (or zsh).",
		Place.completesByItself},
	{"NATS: every role has an account of its own, and routes an authority and a password of their own. Run `deploy/secrets.sh`, copy " +
		"deploy/nats/lineup.conf and cluster.conf, add `routes.conf`, `route.pem`, `route.key` and `route-ca.pem` to the secret lineup-nats, " +
		"restart the NATS servers together, run `lineup prepare` as admin, then the roles. To have certificates of S3 and Qdrant that serve " +
		"for servers only: `rm secrets/s3.pem secrets/qdrant.pem secrets/nats.pem` before `secrets.sh`.",
		func(p Place) bool { return p.Config.NATS.URL != "" && !p.Accounts }},
	{"NATS: run `lineup prepare` once more as admin: there is a bucket for notices, which scrape writes (deploy/nats/lineup.conf).",
		func(p Place) bool { return p.lacks(broker.Notices) }},
	{"Compose: `docker compose down` before `up`, for the services' networks are new.",
		func(p Place) bool {
			return !p.InKubernetes && (p.has("/.dockerenv") || p.has("/run/.containerenv"))
		}},
	{"Kubernetes: everything is shut now that no policy names. Check the namespaces of Prometheus, KEDA, S3 and Qdrant in " +
		"deploy/kubernetes/network.yaml before applying it.",
		func(p Place) bool { return p.InKubernetes }},
	{"`lineup remove --reason` takes a code (court_order, agency, person, mistake, policy, other); words go to `--note`, without the name.",
		anywhere},
	{"Copy deploy/nats/lineup.conf again and run `lineup prepare`: indexers take turns over a new bucket. Until then each sweeps for itself.",
		func(p Place) bool { return p.lacks(broker.Sweeps) }},
	{"S3: query reads photos alone and index writes no blobs. Run `s3-init` again (Compose: build the image lineup-s3 anew), or attach " +
		"deploy/s3/policy-*.json again.",
		func(p Place) bool { return p.Config.S3.Endpoint != "" }},
	{"systemd, where the units were copied by hand: copy them again (`Type=notify`), with `lineup.socket` and `lineup-ctl` " +
		"(deploy/README.md); `systemctl daemon-reload`.",
		Place.unitsOld},
	{"us-mo: birth dates as 1984/01/02 count like other forms in the ids that stand in for the registry's own. Its first run says that " +
		"everybody changed ids: crawl it once with `--accept-drop`.",
		func(p Place) bool { return p.enabled("us-mo") }},
	{"Copy deploy/nats/lineup.conf again and run `lineup prepare`: there is a bucket for what a sweep counted (lineup-swept). Until then " +
		"`lineup status` and the metrics of sources read the whole ledger each time, as before.",
		func(p Place) bool { return p.lacks(broker.Swept) }},
	{"Values that can be right nowhere end with 2, in every command, where some ended with 1: an unknown source or reason, a year to " +
		"come, a key's name, a file that is not there. What is well asked and not there (no such key, nobody of that uuid) ends with 1.",
		anywhere},
}

// inKubernetes is a variable that every container there has.
const inKubernetes = "KUBERNETES_SERVICE_HOST"

// anywhere concerns everybody, and is done when somebody says so: it is about scripts and habits.
func anywhere(Place) bool { return true }

// toldAnyway is what the program says by itself to whom it concerns, doctor included.
func toldAnyway(Place) bool { return false }

func (p Place) sources() (ids []string) {
	for id := range p.Config.Sources {
		ids = append(ids, id)
	}
	return ids
}

func (p Place) enabled(source string) bool { return p.Config.Sources[source].Enabled }

// lacks reports whether a store is seen to be missing. One that these credentials may not look at is not.
func (p Place) lacks(store string) bool {
	return slices.ContainsFunc(p.Stores, func(c broker.Condition) bool { return c.Store.Name == store && c.Missing })
}

func (p Place) has(path string) bool {
	_, err := os.Stat(filepath.Join(p.Root, path))
	return err == nil
}

// completesByItself reports whether a shell still asks the program in the way of the first version.
func (p Place) completesByItself() bool {
	return p.Home != "" && slices.ContainsFunc([]string{".bashrc", ".bash_profile", ".zshrc"}, func(name string) bool {
		text, err := os.ReadFile(filepath.Join(p.Home, name))
		if err != nil {
			return false
		}
		return slices.ContainsFunc(bytes.Split(text, []byte("\n")), func(line []byte) bool {
			line = bytes.TrimSpace(line)
			return bytes.HasPrefix(line, []byte("complete -C ")) && bytes.HasSuffix(line, []byte(" lineup"))
		})
	})
}

// unitsOld reports whether units that were copied by hand are from before systemd was told of readiness. Those of a package
// stand elsewhere.
func (p Place) unitsOld() bool {
	for _, dir := range []string{"etc/systemd/system", "usr/local/lib/systemd/system"} {
		units, err := filepath.Glob(filepath.Join(p.Root, dir, "lineup*.service"))
		if err != nil {
			continue
		}
		for _, unit := range units {
			if text, err := os.ReadFile(unit); err == nil && !bytes.Contains(text, []byte("Type=notify")) {
				return true
			}
		}
	}
	return false
}
