package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Upgraded is how many of Upgrades are done here; 0 for a ledger that is older than the count.
func Upgraded(ctx context.Context, js jetstream.JetStream) (int, error) {
	stream, err := js.Stream(ctx, Store{Name: Listings, Kind: KeyValue}.Stream())
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", Listings, err)
	}
	said := stream.CachedInfo().Config.Metadata[upgradesKey]
	if said == "" {
		return 0, nil
	}
	done, err := strconv.Atoi(said)
	if err != nil {
		return 0, fmt.Errorf("%s says of upgrades %q, which is no number", Listings, said)
	}
	return done, nil
}

// NoteUpgraded notes at the ledger that all of Upgrades are done. Roles may not.
func NoteUpgraded(ctx context.Context, js jetstream.JetStream) error {
	return note(ctx, js, func(*jetstream.StreamInfo) int { return Upgrades })
}

// InheritUpgraded notes at a ledger that is to be filled from a backup what the backed up one had noted: what upgrades ask for is not
// done by moving. A ledger that holds anything keeps its own note.
func InheritUpgraded(ctx context.Context, js jetstream.JetStream, done int) error {
	return note(ctx, js, func(ledger *jetstream.StreamInfo) int {
		if ledger.State.Msgs > 0 {
			return unchanged
		}
		return min(done, Upgrades)
	})
}

// unchanged leaves the note as it is.
const unchanged = -1

// note notes at the ledger how many of Upgrades are done.
func note(ctx context.Context, js jetstream.JetStream, done func(*jetstream.StreamInfo) int) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	stream, err := js.Stream(ctx, Store{Name: Listings, Kind: KeyValue}.Stream())
	if err != nil {
		return fmt.Errorf("look at %s: %w", Listings, err)
	}
	count := done(stream.CachedInfo())
	if count == unchanged {
		return nil
	}
	config := stream.CachedInfo().Config
	config.Metadata = noting(ours(config.Metadata), count)
	if _, err := js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("note at %s what upgrades asked for and is done: %w (a role may not: do it as admin)", Listings, err)
	}
	return nil
}

// AccountsApart reports whether the servers give each role an account of its own, as far as this connection can see.
func AccountsApart(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) (bool, error) {
	if js.Options().APIPrefix == apiPrefix {
		return true, nil // a role that imports
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	answer, err := nc.RequestWithContext(ctx, "$SYS.REQ.USER.INFO", nil)
	if forbidden(context.WithoutCancel(ctx), err) || errors.Is(err, nats.ErrNoResponders) {
		return false, nil // a role of the one account that all had
	}
	if err != nil {
		return false, fmt.Errorf("ask for the account: %w", err)
	}
	var said struct {
		Data struct{ Account string }
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil {
		return false, fmt.Errorf("ask for the account: %w", err)
	}
	return said.Data.Account != "" && said.Data.Account != globalAccount, nil
}

// globalAccount is where a server without accounts puts everybody.
const globalAccount = "$G"
