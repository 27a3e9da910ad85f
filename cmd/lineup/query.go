package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/queryd/evidence"
	"lineup/scraper/source"
)

// evidenceKept is how long the evidence of a match can be looked up.
const evidenceKept = 30 * 24 * time.Hour

// newServer makes the query daemon over the house.
func (a *App) newServer(ctx context.Context, h *Node, faces face.Embedder) (*queryd.Server, error) {
	proofs, err := a.openEvidence(ctx, h)
	if err != nil {
		return nil, err
	}
	sources, err := a.toldSources()
	if err != nil {
		return nil, err
	}
	q := a.Config.Query
	return queryd.New(queryd.Config{
		PublicURL: a.Config.Public, Demo: q.Demo, PerMinute: q.PerMinute, PerDay: q.PerDay, MaxPhoto: q.MaxPhoto,
		StripDataPrefix: q.StripDataPrefix, Legacy200: q.Legacy200, NearDays: q.NearDays,
		EmbedTimeout: q.EmbedTimeout, SearchTimeout: q.SearchTimeout, Contact: a.Config.Contact, AllowOrigin: q.AllowOrigin,
	}, queryd.Deps{
		Index: h.Index, Faces: faces, MoreFaces: variants(faces), Photos: h.Blobs, Ledger: h.Ledger, Keys: h.Keys, Evidence: proofs,
		Sources: sources, State: h.sourceState, Metrics: a.Metrics, Log: a.Log,
		Ready: h.parts(),
	})
}

// openEvidence opens the evidence, whose buckets daemons that start at once all want to make:
// a busy cluster then takes longer than one try waits.
func (a *App) openEvidence(ctx context.Context, h *Node) (*evidence.Store, error) {
	for end := time.Now().Add(time.Minute); ; {
		proofs, err := evidence.Open(ctx, h.JS, evidenceKept, a.Config.NATS.Replicas)
		if err == nil || ctx.Err() != nil || time.Now().After(end) {
			return proofs, err
		}
		a.Log.Warn("evidence not opened, trying again", "error", err)
		time.Sleep(poll)
	}
}

// sourceState tells how a source stands.
func (h *Node) sourceState(ctx context.Context, id string) (queryd.SourceState, error) {
	var state queryd.SourceState
	runs, err := h.Ledger.Runs(ctx, id)
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
func (a *App) toldSources() ([]queryd.Source, error) {
	all, err := source.All()
	if err != nil {
		return nil, err
	}
	var told []queryd.Source
	for _, s := range all {
		info := s.Info()
		age := time.Duration(0)
		if a.Config.Sources[info.ID].Enabled {
			age = max(staleAfter, 2*info.Manners.Every)
		}
		told = append(told, queryd.Source{
			ID: info.ID, Name: info.Name, Jurisdiction: info.Jurisdiction, Home: info.Home, Mode: string(info.Mode),
			HasPhotos: info.Guards.HasPhotos, Terms: info.Policy.Terms, Attribution: info.Policy.Attribution,
			Notices: info.Policy.Notices, MaxAge: age, Permission: a.permission(info.ID),
		})
	}
	return told, nil
}

// permission is what the operator recorded of a source, nil for nothing.
func (a *App) permission(source string) *queryd.Permission {
	if p := a.Config.Sources[source].Permission; p != nil {
		return &queryd.Permission{Who: p.Who, When: p.When, Reference: p.Reference, Terms: p.Terms}
	}
	return nil
}
