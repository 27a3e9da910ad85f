package node

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	"lineup/internal/notify"
	"lineup/queryd/api"
	"lineup/queryd/keys"
)

// Sender returns the sender of notices to the receivers that the configuration names.
func (o Options) Sender() *notify.Sender {
	c := o.Config.Notify
	var to []string
	for one := range strings.SplitSeq(c.To, ",") {
		if one = strings.TrimSpace(one); one != "" {
			to = append(to, one)
		}
	}
	return notify.New(notify.Options{Webhook: c.Webhook, Secret: c.Secret, SMTP: c.SMTP, User: c.User, Password: c.Password, From: c.From,
		To: to, Inside: c.Inside})
}

// Installation is the name of this installation in notices.
func (o Options) Installation() string {
	host, err := os.Hostname()
	if err != nil {
		host = "lineup"
	}
	return cmp.Or(o.Config.Public, host)
}

// unreachable is the condition that the stores cannot be reached. That it was sent cannot be recorded in the stores.
const unreachable = "unreachable"

// sendAgain is how often to look for news for webhooks of watches; sendAfterFailure is the wait after an attempt to
// look has failed.
const (
	sendAgain        = 5 * time.Second
	sendAfterFailure = time.Minute
)

// tellWatches delivers the news that query daemons noted for webhooks of watches, until ctx ends.
func (n *Node) tellWatches(ctx context.Context) error {
	poster := notify.NewPoster(n.Config.Notify.WatchesInside)
	for {
		wait := sendAgain
		sent, dead, err := n.Keys.SendDue(ctx, func(ctx context.Context, h keys.Hook) error {
			body, err := json.Marshal(api.WatchNews{Watch: h.Watch, Count: h.Due.Count})
			if err != nil {
				return err
			}
			return poster.Post(ctx, h.URL, h.Secret, h.Due.ID, body)
		})
		if sent > 0 {
			n.Log.Info("webhooks of watches told", "deliveries", sent)
		}
		if dead > 0 {
			n.Log.Warn("webhooks of watches given up", "deliveries", dead, "hint", "lineup watches lists them")
		}
		if err != nil && ctx.Err() == nil {
			n.Log.Warn("webhooks of watches not told, trying again", "error", err)
			wait = sendAfterFailure
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// notify checks regularly what needs a human, counts it for the report of the year, and sends what is new to the
// configured receivers, until ctx ends.
func (n *Node) notify(ctx context.Context) error {
	sender := n.Sender()
	var send func(context.Context, notify.Notice) error
	if sender.Configured() {
		send = func(ctx context.Context, notice notify.Notice) error {
			notice.From = n.Installation()
			return sender.Send(ctx, notice)
		}
	}
	tick := time.NewTicker(n.Config.Notify.Every)
	defer tick.Stop()
	failures, told := 0, false
	var since time.Time
	for {
		err := n.lookAndTell(ctx, send)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			n.Log.Warn("what needs a human could not be told, trying again", "error", err)
		}
		// The stores remember what was sent. That they cannot be reached is remembered here.
		if _, away := n.Queue.Count(ctx); away == nil || send == nil {
			if told && send(ctx, notify.Notice{Event: notify.Ended, Kind: unreachable, Say: "the ledger can be reached again", Since: since,
				At: time.Now()}) == nil {
				told = false
			}
			failures = 0
		} else {
			if failures++; failures == 1 {
				since = time.Now()
			}
			notice := notify.Notice{Event: notify.Begun, Kind: unreachable, Since: since, At: time.Now(),
				Say: "the ledger cannot be reached, so nothing is crawled or answered: lineup doctor says why"}
			if failures > 1 && !told && send(ctx, notice) == nil {
				told = true
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (n *Node) lookAndTell(ctx context.Context, send func(context.Context, notify.Notice) error) error {
	notices, err := notify.OpenNotices(ctx, n.JS, n.Replicas)
	if err != nil {
		return err
	}
	report, err := n.Status(ctx)
	if err != nil {
		return err
	}
	return notices.Look(ctx, report.Attention, time.Now(), send)
}
