package operate

import (
	"context"
	"fmt"

	"lineup/queryd/keys"
)

// KeyUse is what one key used on one day.
type KeyUse struct {
	Name string `json:"name"`
	keys.Use
}

// KeyUsage is what was used of the key of that name or id, or of every key for "", by day.
func (s *Stores) KeyUsage(ctx context.Context, key string) ([]KeyUse, error) {
	all, err := s.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, keys.Key{ID: keys.Demo, Name: keys.Demo})
	used, known := []KeyUse{}, key == ""
	for _, k := range all {
		if key != "" && key != k.Name && key != k.ID {
			continue
		}
		known = true
		uses, err := s.Keys.Usage(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		for _, u := range uses {
			used = append(used, KeyUse{k.Name, u})
		}
	}
	if !known {
		return nil, fmt.Errorf("key %.70q: no such name or id (see: lineup keys list)", key)
	}
	return used, nil
}
