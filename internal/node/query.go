package node

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/queryd/evidence"
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
	q := n.Config.Query
	return queryd.New(queryd.Config{
		PublicURL: n.Config.Public, Demo: q.Demo, PerMinute: q.PerMinute, PerDay: q.PerDay, MaxPhoto: q.MaxPhoto,
		StripDataPrefix: q.StripDataPrefix, Legacy200: q.Legacy200, NearDays: q.NearDays,
		EmbedTimeout: q.EmbedTimeout, SearchTimeout: q.SearchTimeout, Contact: n.Config.Contact, AllowOrigin: q.AllowOrigin,
		ReadTimeout: q.ReadTimeout, MaxConnections: q.MaxConnections, BulletCrimes: q.BulletCrimes,
	}, queryd.Deps{
		Index: n.Index, Faces: faces, MoreFaces: variants(faces), Photos: n.Blobs, Ledger: n.Ledger, Keys: n.Keys, Evidence: proofs,
		Sources: sources, State: n.sourceState, Metrics: n.Metrics, Log: n.Log,
		Ready: func(ctx context.Context) map[string]error { return n.Ready(ctx, true) },
	})
}

// evidenceRetry is how long to wait before the evidence is tried again.
const evidenceRetry = 200 * time.Millisecond

// openEvidence opens the evidence, whose buckets daemons that start at once all want to make:
// a busy cluster then takes longer than one try waits.
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

// sourceState tells how a source stands.
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
	return state, err
}

// staleAfter is how old the last complete run of a source may be before its answers say that
// they may be incomplete.
const staleAfter = 7 * 24 * time.Hour

// toldSources is what answers and the coverage page say of the registries we know.
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
			Notices: info.Policy.Notices, MaxAge: age, Permission: o.permission(info.ID),
		})
	}
	return told, nil
}

// permission is what the operator recorded of a source, nil for nothing.
func (o Options) permission(source string) *queryd.Permission {
	if p := o.Config.Sources[source].Permission; p != nil {
		return &queryd.Permission{Who: p.Who, When: p.When, Reference: p.Reference, Terms: p.Terms}
	}
	return nil
}
