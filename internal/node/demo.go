package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"lineup/queryd/keys"
)

// DemoKey is the key of this data directory's demo, made at the first time.
func (n *Node) DemoKey(ctx context.Context) (string, error) {
	path := n.Config.Dir("demo.key")
	if kept, err := os.ReadFile(path); err == nil {
		key := strings.TrimSpace(string(kept))
		if _, err := n.Keys.Check(ctx, key); err == nil {
			return key, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the demo's key: %w", err)
	}
	if _, err := n.Keys.Revoke(ctx, "demo"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		n.Log.Debug("no older demo key revoked", "error", err)
	}
	secret, _, err := n.Keys.Add(ctx, "demo", keys.Limits{})
	if err != nil {
		return "", err
	}
	return secret, writeSecret(path, secret)
}
