package operate

import (
	"context"

	"lineup/ingest/backup"
	"lineup/ingest/broker"
	"lineup/ingest/signing"
)

// Prepare makes all streams, buckets and signing keys, and brings those there are to what this version needs.
func (s *Stores) Prepare(ctx context.Context) error {
	if err := broker.Prepare(ctx, s.JS, s.Replicas); err != nil {
		return err
	}
	return signing.Prepare(ctx, s.JS)
}

// Backup writes ledger, keys, removal list and signing key to the directory dir, which it makes.
func (s *Stores) Backup(ctx context.Context, dir, version string) (backup.Manifest, error) {
	if err := s.Prepare(ctx); err != nil {
		return backup.Manifest{}, err
	}
	return backup.Write(ctx, s.JS, dir, version)
}

// Restore adds what a backup holds and these stores lack, and leaves what they have.
func (s *Stores) Restore(ctx context.Context, dir string) (backup.Manifest, backup.Restored, error) {
	if err := s.Prepare(ctx); err != nil {
		return backup.Manifest{}, backup.Restored{}, err
	}
	return backup.Restore(ctx, s.JS, dir)
}
