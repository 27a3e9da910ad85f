package embedded_test

import (
	"context"
	"log/slog"
	"testing"

	"lineup/indexer/index"
	"lineup/indexer/index/embedded"
	"lineup/indexer/index/indextest"
)

func TestEmbedded(t *testing.T) {
	indextest.Run(t, func(t *testing.T) func(t *testing.T) index.Index {
		dir := t.TempDir()
		return func(t *testing.T) index.Index {
			ix, err := embedded.Open(context.Background(), dir, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return ix
		}
	})
}
