package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lineup/schemas"
)

// Runs are the last reports of a source's crawls, or of every source's for "": so many of each, the newest first.
func (s *Stores) Runs(ctx context.Context, source string, last int) ([]schemas.RunSummary, error) {
	sources := []string{source}
	if source == "" {
		var err error
		if sources, err = s.Ledger.Sources(ctx); err != nil {
			return nil, err
		}
		slices.Sort(sources)
	}
	all := []schemas.RunSummary{}
	for _, source := range sources {
		runs, err := s.Ledger.Runs(ctx, source)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s was never crawled here (lineup status names what was, lineup sources list what could be)", source)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, runs.History[:min(len(runs.History), max(last, 0))]...)
	}
	return all, nil
}
