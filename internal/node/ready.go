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

// nobody is the id of a registrant that does not exist.
var nobody = schemas.RegistrantID("", "nobody")

// checks returns a check for each part that this process needs. A process that answers searches also needs something
// to search.
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

// Ready returns, for each part that this process needs, why it is not ready, or nil if it is. answers says that the
// process answers searches. Parts that are not ready are logged.
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
