// Package upgrade knows what upgrades ask of an operator, and what of it is left to do at an installation. CHANGELOG.md says
// the same under "Do", which a test holds.
package upgrade

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"

	"lineup/config"
	"lineup/ingest/broker"
	"lineup/internal/operate"
)

// Left is what is left to do at p, where so many steps are noted as done; oldest first.
func Left(done int, p Place) (left []string) {
	for _, s := range steps[min(max(done, 0), len(steps)):] {
		if s.left(p) {
			left = append(left, s.do)
		}
	}
	return left
}

// Check notes what upgrades left to do here. With done it first notes at the ledger that everything is. Servers that do not
// answer say nothing: found has told of them. environ is the process's environment, as "NAME=value".
func Check(ctx context.Context, found *operate.Checkup, nc *nats.Conn, set config.Config, environ []string, done bool) {
	js, err := broker.JetStream(ctx, nc)
	if err != nil {
		return
	}
	if done {
		if err := broker.NoteUpgraded(ctx, js); err != nil {
			found.Wrong("upgrade", "%v", err)
			return
		}
	}
	noted, err := broker.Upgraded(ctx, js)
	if err != nil {
		found.Wrong("upgrade", "%v", err)
		return
	}
	place := Place{Config: set, Root: "/", Home: valueOf(environ, "HOME"), InKubernetes: valueOf(environ, inKubernetes) != ""}
	if noted < len(steps) && set.NATS.URL != "" {
		if place.Stores, err = broker.Examine(ctx, js, set.NATS.Replicas); err != nil {
			return // found has told
		}
		if place.Accounts, err = broker.AccountsApart(ctx, nc, js); err != nil {
			found.Wrong("upgrade", "%v", err)
		}
	}
	left := Left(noted, place)
	for _, do := range left {
		found.Advise("upgrade", "%s", do)
	}
	if len(left) > 0 {
		found.Advise("upgrade", "what stands above is asked by versions that came after this ledger was made (CHANGELOG.md): when it is done, "+
			"or is none of yours, run lineup doctor --upgraded, as admin where roles have rights of their own")
		return
	}
	found.OK("upgrade", "nothing is left to do of what upgrades asked")
}

// valueOf is the value of a variable, "" where it is not set.
func valueOf(environ []string, name string) string {
	for _, setting := range environ {
		if value, is := strings.CutPrefix(setting, name+"="); is {
			return value
		}
	}
	return ""
}
