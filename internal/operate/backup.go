package operate

import (
	"context"
	"time"

	"lineup/ingest/backup"
	"lineup/ingest/ledger"
	"lineup/queryd/evidence"
)

// EvidenceKept is how long the evidence of a match can be looked up.
const EvidenceKept = 30 * 24 * time.Hour

// backedUp are the buckets of a backup: what neither a crawl nor a reindex brings back. The
// ledger's listings hold the removal list.
var backedUp = []string{ledger.ListingsBucket, ledger.RunsBucket, "lineup_keys", "lineup_signing"}

// Prepare makes the streams and buckets that opening the stores does not make, and brings those
// there are to what this version needs.
func (s *Stores) Prepare(ctx context.Context) error {
	return evidence.Prepare(ctx, s.JS, EvidenceKept, s.Replicas)
}

// Backup writes ledger, keys, removal list and signing key to the directory dir, which it makes.
func (s *Stores) Backup(ctx context.Context, dir, version string) (backup.Manifest, error) {
	if _, err := evidence.SigningKey(ctx, s.JS, s.Replicas); err != nil {
		return backup.Manifest{}, err
	}
	return backup.Write(ctx, s.JS, dir, version, backedUp)
}

// Restore adds what a backup holds and these stores lack, and leaves what they have.
func (s *Stores) Restore(ctx context.Context, dir string) (backup.Manifest, backup.Restored, error) {
	if err := s.Prepare(ctx); err != nil {
		return backup.Manifest{}, backup.Restored{}, err
	}
	return backup.Restore(ctx, s.JS, dir)
}
