package operate

import (
	"context"
	"time"

	"lineup/ingest/queue"
	"lineup/schemas"
)

// MaxDeadLetters bounds the dead jobs that are handled at a time.
const MaxDeadLetters = 10000

// DeadJobs are the dead jobs, at most MaxDeadLetters of them, and how many a newer version wrote, which
// are left alone.
func (s *Stores) DeadJobs(ctx context.Context) (dead []queue.DeadLetter, newer int, err error) {
	if dead, err = s.Queue.DeadLetters(ctx, MaxDeadLetters); err != nil || len(dead) == MaxDeadLetters {
		return dead, 0, err
	}
	counts, err := s.Queue.Count(ctx)
	return dead, max(counts.Dead-len(dead), 0), err
}

// RetryJobs enqueues every dead job again, and returns how many. A job that dies again meanwhile stays dead.
func (s *Stores) RetryJobs(ctx context.Context) (retried int, err error) {
	started := time.Now()
	for {
		dead, err := s.Queue.DeadLetters(ctx, MaxDeadLetters)
		if err != nil {
			return retried, err
		}
		again := 0
		for _, l := range dead {
			if l.At.After(started) {
				continue // died again meanwhile
			}
			if err := s.Queue.Retry(ctx, l); err != nil {
				return retried, err
			}
			again++
		}
		if retried += again; again == 0 {
			return retried, nil
		}
	}
}

// forgetMended forgets dead jobs whose registrants a later job made agree.
func (s *Stores) forgetMended(ctx context.Context, targets []schemas.Target) error {
	dead, err := s.Queue.DeadLetters(ctx, MaxDeadLetters)
	if err != nil {
		return err
	}
	for _, l := range dead {
		listing, err := s.Ledger.Listing(ctx, l.Source, l.ID)
		if err != nil || listing.DueIn(targets) != schemas.DueNot {
			continue
		}
		if err := s.Queue.Forget(ctx, l.Source, l.ID); err != nil {
			return err
		}
	}
	return nil
}
