package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"lineup/ingest/blob"
	"lineup/ingest/ledger"
	"lineup/schemas"
)

// blobHash stands for a blob in 8 bytes, so that three blobs each of orphansAtOnce registrants take 12 MB. If two blobs
// share a hash, an orphan may stay.
func blobHash(ref blob.Ref) uint64 {
	sum := sha256.Sum256([]byte(ref.Key()))
	return binary.BigEndian.Uint64(sum[:8])
}

// orphansAtOnce is how many registrants' blobs a sweep for orphans remembers, and orphansKept after how many shards it notes where it is.
const (
	orphansAtOnce = 500_000
	orphansKept   = 16
)

// Orphans deletes what a crash may have left behind: blobs of registrants who are not listed, and blobs older than
// grace that no listing refers to. It returns how many it deleted. It goes over the registrants by parts: one pass over
// the ledger collects what is needed and one over the part's blobs what exists; a single listing is read again only before
// a blob of that registrant is deleted.
//
// The ledger keeps how far it is: a sweep that failed, or whose process ended, is continued where it was, by whoever sweeps next.
func (in *Ingester) Orphans(ctx context.Context, grace time.Duration) (gone int, err error) {
	at, err := in.ledger.OrphanSweep(ctx)
	if err != nil {
		in.log.Warn("where the last sweep for orphaned blobs stopped is not known: it begins anew", "error", err)
	}
	keep := err == nil
	parts, err := in.ledger.Parts(ctx, in.orphansAtOnce)
	if err != nil {
		return 0, err
	}
	for _, part := range parts {
		part.From = max(part.From, at.Next)
		if part.From >= part.To {
			continue
		}
		wanted, err := in.wantedBlobs(ctx, part)
		if err != nil {
			return gone, err
		}
		for shard := part.From; shard < part.To; shard++ {
			n, err := in.orphansOf(ctx, grace, in.blobs.WalkShard(ctx, shard), wanted)
			if gone += n; err != nil {
				in.keepOrphans(context.WithoutCancel(ctx), at)
				return gone, err
			}
			if at.Next = shard + 1; keep && at.Next%orphansKept == 0 && at.Next < blob.Shards {
				keep = in.keepOrphans(ctx, at)
			}
		}
	}
	in.keepOrphans(ctx, ledger.OrphanSweep{Ended: in.now()})
	return gone, nil
}

func (in *Ingester) keepOrphans(ctx context.Context, at ledger.OrphanSweep) (kept bool) {
	err := in.ledger.KeepOrphanSweep(ctx, at)
	if err != nil {
		in.log.Warn("how far the sweep for orphaned blobs is was not kept (lineup prepare makes its place)", "error", err)
	}
	return err == nil
}

// wantedBlobs returns the hashes of all blobs that the listings of a part refer to, sorted.
func (in *Ingester) wantedBlobs(ctx context.Context, part schemas.Part) (wanted []uint64, err error) {
	for s, err := range in.ledger.EachOf(ctx, "", part) {
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // whoever is not known here is asked for again before anything is deleted
		}
		if err != nil {
			return nil, err
		}
		for _, ref := range blob.Needed(s) {
			wanted = append(wanted, blobHash(ref))
		}
	}
	slices.Sort(wanted)
	return wanted, nil
}

// orphansOf deletes the orphans among some blobs.
func (in *Ingester) orphansOf(ctx context.Context, grace time.Duration, blobs iter.Seq2[blob.Info, error],
	wanted []uint64) (gone int, err error) {
	for info, err := range blobs {
		if err != nil {
			return gone, fmt.Errorf("list the blobs: %w", err)
		}
		if in.now().Sub(info.Modified) < grace {
			continue
		}
		if _, found := slices.BinarySearch(wanted, blobHash(info.Ref)); found {
			continue
		}
		s, err := in.ledger.Find(ctx, info.Owner) // as it is now
		if errors.Is(err, schemas.ErrNewerSchema) {
			continue // whose blobs these are is for the newer version to say
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return gone, err
		}
		if needed(s)[info.Ref] {
			continue
		}
		if err := in.blobs.Delete(ctx, info.Ref); err != nil {
			return gone, fmt.Errorf("delete an orphan: %w", err)
		}
		gone++
	}
	return gone, nil
}
