package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// findTime bounds how long it is looked for JetStream: a cluster may be choosing its leaders.
	findTime = 30 * time.Second
	// askTime bounds one look.
	askTime = 2 * time.Second
)

// JetStream finds the API of the streams over a connection: an admin, and whoever reaches a server that has
// no accounts, has them in the own account; a role imports them.
func JetStream(ctx context.Context, nc *nats.Conn) (jetstream.JetStream, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	imported, err := jetstream.NewWithAPIPrefix(nc, apiPrefix)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	own, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	for {
		var problems []error
		for _, js := range []jetstream.JetStream{imported, own} {
			err := answers(ctx, js)
			if err == nil {
				return js, nil
			}
			problems = append(problems, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no JetStream for this user: %w (are the servers up, with the rights of deploy/nats?)", errors.Join(problems...))
		case <-time.After(lag):
		}
	}
}

// answers asks for a stream that every role may look at. That it is not there is an answer.
func answers(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	_, err := js.Stream(ctx, Store{Name: Listings, Kind: KeyValue}.Stream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	return err
}

// api is what the subjects of JetStream's API begin with for js.
func api(js jetstream.JetStream) string {
	return strings.TrimSuffix(cmp.Or(js.Options().APIPrefix, jetstream.DefaultAPIPrefix), ".")
}

// apiPrefix is what the roles put before requests of JetStream's API in place of $JS.API: below that the server
// answers for the role's own account, which has no streams.
const apiPrefix = "lineup.api"
