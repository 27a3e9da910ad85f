package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/indexer/face"
	"lineup/ingest/signing"
	"lineup/internal/node/host"
	"lineup/queryd"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/queryd/retention"
	"lineup/schemas"
)

// NewServer makes the query daemon over the node.
func (n *Node) NewServer(ctx context.Context, faces face.Embedder) (*queryd.Server, error) {
	proofs, err := n.openEvidence(ctx)
	if err != nil {
		return nil, err
	}
	sources, err := n.toldSources()
	if err != nil {
		return nil, err
	}
	for _, m := range scanMetrics(n.Index) {
		if err := n.Metrics.Register(m); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
			return nil, err
		}
	}
	kept, err := n.retention()
	if err != nil {
		return nil, err
	}
	q := n.Config.Query
	return queryd.New(queryd.Config{
		PublicURL: n.Config.Public, Demo: q.Demo, DemoRecords: n.Options.DemoRecords, PerMinute: q.PerMinute, PerDay: q.PerDay,
		MaxPhoto:        q.MaxPhoto,
		StripDataPrefix: q.StripDataPrefix, Legacy200: q.Legacy200, NearDays: q.NearDays,
		EmbedTimeout: q.EmbedTimeout, SearchTimeout: q.SearchTimeout, Contact: n.Config.CorrectionContact(), AllowOrigin: q.AllowOrigin,
		ReadTimeout: q.ReadTimeout, MaxConnections: q.MaxConnections, MaxBodies: q.MaxBodies,
		IdleTimeout: q.IdleTimeout, AddressConnections: q.AddressConnections, AddressPerMinute: q.AddressPerMinute,
		PhotoLinkDays: q.PhotoLinkDays, Proxies: q.Proxies, BulletCrimes: q.BulletCrimes, Retention: kept,
		HooksInside: n.Config.Notify.WatchesInside,
	}, queryd.Deps{
		Index: n.Index, Faces: faces, MoreFaces: variants(faces), Photos: n.Blobs, Ledger: n.Ledger, Keys: n.Keys, Evidence: proofs,
		Sources: sources, Agencies: n.agencies, State: n.sourceState, Changes: n.Ledger.Changes, Moved: n.Ledger.Moved,
		Metrics: n.Metrics, Log: n.Log,
		PhotoSecrets: func(ctx context.Context) ([]signing.PhotoSecret, error) { return signing.PhotoSecrets(ctx, n.JS) },
		Ready:        func(ctx context.Context) map[string]error { return n.Ready(ctx, true) },
	})
}

// evidenceRetry is how long to wait before the evidence is tried again.
const evidenceRetry = 200 * time.Millisecond

// openEvidence opens the evidence. Daemons that start at the same time all try to create its buckets, and a busy
// cluster then takes longer than one attempt waits.
func (n *Node) openEvidence(ctx context.Context) (*evidence.Store, error) {
	for end := time.Now().Add(time.Minute); ; {
		proofs, err := evidence.Open(ctx, n.JS, n.Config.NATS.Replicas)
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return proofs, err
		}
		n.Log.Warn("evidence not opened, trying again", "error", err)
		time.Sleep(evidenceRetry)
	}
}

// agencies returns the sources of one agency each that have had a run.
func (n *Node) agencies(ctx context.Context) ([]string, error) {
	all, err := n.Ledger.Sources(ctx)
	return slices.DeleteFunc(all, func(id string) bool { _, agency := schemas.SplitSource(id); return agency == "" }), err
}

// sourceState returns how a source stands.
func (n *Node) sourceState(ctx context.Context, id string) (queryd.SourceState, error) {
	var state queryd.SourceState
	runs, err := n.Ledger.Runs(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	if runs.Last != nil {
		state.Last = *runs.Last
	}
	if runs.Complete != nil {
		state.Complete = *runs.Complete
	}
	state.Changed = runs.LastChange()
	return state, err
}

// staleAfter is how old the last complete run of a source may be. Answers from an older one say that they may be
// incomplete.
const staleAfter = 7 * 24 * time.Hour

// toldSources returns what answers and the coverage page say about the registries we know.
func (o Options) toldSources() ([]queryd.Source, error) {
	all, err := o.Definitions().All()
	if err != nil {
		return nil, err
	}
	var told []queryd.Source
	for _, s := range all {
		info := s.Info()
		age := time.Duration(0)
		if o.Config.Sources[info.ID].Enabled {
			age = max(staleAfter, 2*info.Manners.Every)
		}
		told = append(told, queryd.Source{
			ID: info.ID, Name: info.Name, Jurisdiction: info.Jurisdiction, Home: info.Home, Mode: string(info.Mode),
			HasPhotos: info.Guards.HasPhotos, Terms: info.Policy.Terms, Attribution: info.Policy.Attribution,
			Notices: info.Policy.Notices, MaxAge: age, Permission: o.Config.Sources[info.ID].Permission,
		})
	}
	return told, nil
}

// retention returns how long things are kept here, by the configuration and each registry's terms.
func (o Options) retention() (retention.Terms, error) {
	all, err := o.Definitions().All()
	if err != nil {
		return retention.Terms{}, err
	}
	terms := retention.Terms{PageDays: o.Config.S3.PageDays, PhotoLinkDays: o.Config.Query.PhotoLinkDays}
	for _, s := range all {
		info := s.Info()
		of := retention.Source{ID: info.ID, Name: info.Name, RecordDays: daysOf(info.Policy.KeepRecords), PageDays: daysOf(info.Policy.KeepPages),
			Faceless: o.Config.EnrolExcluded(info.ID)}
		if of.RecordDays+of.PageDays > 0 || of.Faceless {
			terms.Sources = append(terms.Sources, of)
		}
	}
	return terms, nil
}

// daysOf converts a duration to days, rounded up.
func daysOf(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

// DemoKey returns the key of this data directory's demo. It is made on first use.
func (n *Node) DemoKey(ctx context.Context) (string, error) {
	return n.ownKey(ctx, "demo", keys.Limits{})
}

// ownKey returns a key that this data directory keeps for itself. It is made on first use.
func (n *Node) ownKey(ctx context.Context, name string, limits keys.Limits) (string, error) {
	path := n.Config.Dir(name + ".key")
	if kept, err := os.ReadFile(path); err == nil {
		key := strings.TrimSpace(string(kept))
		if _, err := n.Keys.Check(ctx, key); err == nil {
			return key, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the key of %s: %w", name, err)
	}
	if _, err := n.Keys.Revoke(ctx, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.Log.Debug("no older key revoked", "key", name, "error", err)
	}
	secret, _, err := n.Keys.Add(ctx, name, limits)
	if err != nil {
		return "", err
	}
	return secret, host.WriteSecret(path, secret)
}

// namesLimit bounds how long a shell waits for names of keys.
const namesLimit = 3 * time.Second

// KeyNames returns the names of working keys, each followed by a tab and a description for the shell. A shell cannot
// show an error, so it gets what was found.
func (o Options) KeyNames(ctx context.Context) (names []string) {
	ctx, cancel := context.WithTimeout(ctx, namesLimit)
	defer cancel()
	n, err := Open(ctx, o)
	if err != nil {
		return nil
	}
	defer n.Close() // read only: nothing to lose
	all, _ := n.Keys.List(ctx)
	for _, k := range all {
		if k.Revoked.IsZero() {
			names = append(names, fmt.Sprintf("%s\t%s, made %s", k.Name, k.ID, k.Created.Format(time.DateOnly)))
		}
	}
	return names
}
