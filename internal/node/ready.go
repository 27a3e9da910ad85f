package node

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"lineup/indexer/index"
	"lineup/ingest/blob"
	"lineup/schemas"
)

// readyTimeout bounds all checks of readiness together.
const readyTimeout = 3 * time.Second

// nobody is a registrant who never was.
var nobody = schemas.RegistrantID("", "nobody")

// checks are the parts that must work for this process to do its work, each with a check. A process that
// answers searches also needs something to search; the others fill it.
func (n *Node) checks(answers bool) map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{
		"queue": func(ctx context.Context) error { _, err := n.Queue.Count(ctx); return err },
		"photos": func(ctx context.Context) error { // not Check, which writes: the query daemon may not
			_, err := n.Blobs.Has(ctx, blob.Ref{Owner: nobody, Kind: blob.Photo, Digest: schemas.DigestOf(nil)})
			return err
		},
		"index": n.Index.Check,
	}
	if answers {
		checks["generation"] = func(ctx context.Context) error { return index.Ready(ctx, n.Index) }
		checks["keys"] = n.Keys.Ready
		checks["ledger"] = func(ctx context.Context) error {
			if _, err := n.Ledger.Find(ctx, nobody); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		}
	}
	return checks
}

// Ready tells of each part that this process needs why it is not ready, nil where it is. answers says that
// the process answers searches. What is not ready is logged.
func (n *Node) Ready(ctx context.Context, answers bool) map[string]error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var mu sync.Mutex
	var wait sync.WaitGroup
	parts := make(map[string]error)
	for part, check := range n.checks(answers) {
		wait.Go(func() {
			err := check(ctx)
			if err != nil {
				n.Log.WarnContext(ctx, "part not ready", "part", part, "error", err)
			}
			mu.Lock()
			defer mu.Unlock()
			parts[part] = err
		})
	}
	wait.Wait()
	return parts
}
