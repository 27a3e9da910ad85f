package brokertest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/ingest/ledger"
	"lineup/ingest/queue"
	"lineup/ingest/signing"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/schemas"
)

const (
	confDir = "../../../deploy/nats"
	source  = "us-zz"

	id = schemas.UUID("abcdef01-2345-5678-8abc-def012345678")
)

// house is ledger and queue as one role has them.
type house struct {
	js     jetstream.JetStream
	ledger *ledger.Ledger
	queue  *queue.Queue
	keys   *keys.Store
}

func enter(t *testing.T, c *Cluster, role string) house {
	t.Helper()
	js, err := broker.JetStream(t.Context(), c.Connect(t, role))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), js, 3)
	if err != nil {
		t.Fatalf("%s opens the ledger: %v", role, err)
	}
	q, err := queue.Open(t.Context(), js, 3)
	if err != nil {
		t.Fatalf("%s opens the queue: %v", role, err)
	}
	k, err := keys.Open(t.Context(), js, 3) // every role does, though only query reads them
	if err != nil {
		t.Fatalf("%s opens the keys: %v", role, err)
	}
	return house{js, l, q, k}
}

// prepared is the admin's, who has run lineup prepare.
func prepared(t *testing.T, c *Cluster) house {
	t.Helper()
	admin := enter(t, c, "admin")
	if err := errors.Join(broker.Prepare(t.Context(), admin.js, 3), signing.Prepare(t.Context(), admin.js)); err != nil {
		t.Fatal(err)
	}
	return admin
}

func list(s *schemas.Listing) error {
	s.Revision++
	s.Listed, s.Changed = true, time.Now()
	return nil
}

// One registrant goes the whole way through a cluster, each step by the role whose step it is,
// with a server lost on the way.
func TestRolesDoTheirWork(t *testing.T) {
	c := Start(t, confDir)
	ctx := t.Context()
	admin := prepared(t, c)
	secret, key, err := admin.keys.Add(ctx, "tester", keys.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	scrape, index, query := enter(t, c, "scrape"), enter(t, c, "index"), enter(t, c, "query")
	for name, h := range map[string]house{"admin": admin, "scrape": scrape, "index": index, "query": query} {
		if apart, err := broker.AccountsApart(ctx, h.js.Conn(), h.js); !apart || err != nil {
			t.Errorf("%s sees no account of its own: %v", name, err)
		}
		if done, err := broker.Upgraded(ctx, h.js); err != nil || done != broker.Upgrades {
			t.Errorf("%s sees %d of %d upgrades noted in a new ledger, %v", name, done, broker.Upgrades, err)
		}
		if err := broker.NoteUpgraded(ctx, h.js); (err == nil) != (name == "admin") {
			t.Errorf("%s notes an upgrade: %v", name, err)
		}
	}

	lease, err := scrape.ledger.Lease(ctx, source, "scraper 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scrape.ledger.Lease(ctx, source, "scraper 2"); !errors.Is(err, schemas.ErrLeased) {
		t.Errorf("a second lease: %v, want ErrLeased", err)
	}
	if _, err := scrape.ledger.UpdateRuns(ctx, source, func(r *ledger.Runs) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := scrape.ledger.Update(ctx, source, id, list); err != nil {
		t.Fatal(err)
	}

	c.Stop(1)
	publish := func() error { return scrape.queue.Publish(ctx, source, id) }
	eventually(t, "a job with a server lost", publish)
	eventually(t, "a lease renewed with a server lost", func() error { return lease.Renew(ctx) })

	var jobs *queue.Jobs
	eventually(t, "a worker that receives", func() (err error) { jobs, err = index.queue.Jobs(ctx); return err })
	defer jobs.Stop()
	var job queue.Job
	eventually(t, "a job", func() (err error) {
		waiting, done := context.WithTimeout(ctx, 10*time.Second)
		defer done()
		job, err = jobs.Next(waiting)
		return err
	})
	if job.ID != id || job.Source != source {
		t.Fatalf("job of %s %s", job.Source, job.ID)
	}
	mark := schemas.Mark{Revision: 1, Model: "m", Faces: 1, At: time.Now().UTC().Truncate(time.Second)}
	eventually(t, "a mark", func() error {
		return index.ledger.Mark(ctx, source, id, "g1", mark, func(string) bool { return false })
	})
	c.Run(t, 1)
	eventually(t, "an acknowledgement", func() error { return job.Done(ctx) })
	eventually(t, "an indexer tidies the queue", func() error { return index.queue.Tidy(ctx) })

	var seen schemas.Listing
	eventually(t, "a listing", func() (err error) { seen, err = query.ledger.Listing(ctx, source, id); return err })
	if diff := cmp.Diff(map[string]schemas.Mark{"g1": mark}, seen.Marks); diff != "" || !seen.Listed {
		t.Errorf("listing listed %v, marks (-want +got):\n%s", seen.Listed, diff)
	}
	for name, h := range map[string]house{"admin": admin, "scrape": scrape, "index": index} {
		found := 0
		for _, err := range h.ledger.Each(ctx, "") {
			if err != nil {
				t.Fatalf("%s sweeps: %v", name, err)
			}
			found++
		}
		if found != 1 {
			t.Errorf("%s sweeps %d listings, want 1", name, found)
		}
	}
	if sources, err := query.ledger.Sources(ctx); err != nil || len(sources) != 1 {
		t.Errorf("query lists sources %v, %v", sources, err)
	}
	if counts, err := query.queue.Count(ctx); err != nil || counts.Waiting != 0 {
		t.Errorf("query counts %+v, %v", counts, err)
	}
	eventually(t, "the key on every replica", func() error { _, err := query.keys.Check(ctx, secret); return err })
	day := keys.Day(time.Now().UTC().Format(time.DateOnly))
	if _, err := query.keys.AddUse(ctx, key.ID, day, map[string]int{"faces": 1}); err != nil {
		t.Errorf("query counts the use of a key: %v", err)
	}
	webhook(t, key.ID, query, scrape)
	proofs, err := evidence.Open(ctx, query.js, 3)
	if err != nil {
		t.Fatalf("query opens the evidence: %v", err)
	}
	found := []evidence.Match{{Registrant: id, Source: source}}
	if err := proofs.Put(ctx, schemas.RandomID(), found); err != nil {
		t.Fatalf("query keeps evidence: %v", err)
	}
	eventually(t, "evidence on every replica", func() error { _, err := proofs.Get(ctx, found[0].ID, time.Now()); return err })
	if err := lease.Release(ctx); err != nil {
		t.Error(err)
	}
}

// webhook has the role that answers note news of a watch, and the role that crawls send it.
func webhook(t *testing.T, key string, query, scrape house) {
	t.Helper()
	ctx := t.Context()
	if at, err := query.ledger.Moved(ctx); err != nil || at == 0 {
		t.Errorf("query looks where the changes stand: %d, %v", at, err)
	}
	w, _, err := query.keys.AddHookedWatch(ctx, key, keys.Watch{Zip: "00001", Webhook: "https://hooks.example.org/x"})
	if err != nil {
		t.Fatalf("query makes a watch with a webhook: %v", err)
	}
	eventually(t, "the watch on every replica", func() error {
		hooked, err := query.keys.Hooked(ctx)
		if err == nil && len(hooked[key]) != 1 {
			err = fmt.Errorf("%d watches", len(hooked[key]))
		}
		return err
	})
	if ended, err := query.keys.EndedWatches(ctx, key); ended || err != nil {
		t.Errorf("query looks whether a key works: ended %v, %v", ended, err)
	}
	if err := query.keys.Note(ctx, key, w.ID, 1, func(string) string { return "news" }); err != nil {
		t.Errorf("query notes news: %v", err)
	}
	eventually(t, "the news sent", func() error {
		sent, _, err := scrape.keys.SendDue(ctx, func(context.Context, keys.Hook) error { return nil })
		if err == nil && sent != 1 {
			err = fmt.Errorf("%d sent", sent)
		}
		return err
	})
	if err := query.keys.RemoveWatch(ctx, key, w.ID); err != nil {
		t.Errorf("query ends a watch: %v", err)
	}
}

// What a role must not do gets no answer.
func TestRolesDoNothingElse(t *testing.T) {
	c := Start(t, confDir)
	admin := prepared(t, c)
	if _, err := admin.ledger.Update(t.Context(), source, id, list); err != nil {
		t.Fatal(err)
	}
	secret, key, err := admin.keys.Add(t.Context(), "tester", keys.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	hooked := keys.Watch{Zip: "00001", Webhook: "https://hooks.example.org/x"}
	if _, _, err := admin.keys.AddHookedWatch(t.Context(), key.ID, hooked); err != nil {
		t.Fatal(err)
	}
	roles := map[string]house{"scrape": enter(t, c, "scrape"), "index": enter(t, c, "index"), "query": enter(t, c, "query")}
	for _, c := range []struct {
		role, what string
		try        func(ctx context.Context, h house) error
	}{
		{"query", "delist", func(ctx context.Context, h house) error {
			_, err := h.ledger.Update(ctx, source, id, list)
			return err
		}},
		{"query", "ring", func(ctx context.Context, h house) error { return h.queue.Publish(ctx, source, id) }},
		{"query", "take jobs", func(ctx context.Context, h house) error { _, err := h.queue.Jobs(ctx); return err }},
		{"query", "lease", func(ctx context.Context, h house) error { _, err := h.ledger.Lease(ctx, source, "q"); return err }},
		{"query", "sweep the ledger", func(ctx context.Context, h house) error {
			for _, err := range h.ledger.Each(ctx, "") {
				return err
			}
			return nil
		}},
		{"query", "make a key", func(ctx context.Context, h house) error {
			_, err := h.js.Publish(ctx, "$KV.lineup_keys.mine", []byte("{}"))
			return err
		}},
		{"scrape", "take jobs", func(ctx context.Context, h house) error { _, err := h.queue.Jobs(ctx); return err }},
		{"scrape", "forget dead jobs", func(ctx context.Context, h house) error { return h.queue.Forget(ctx, source, id) }},
		{"index", "lease", func(ctx context.Context, h house) error { _, err := h.ledger.Lease(ctx, source, "i"); return err }},
		{"index", "write runs", func(ctx context.Context, h house) error {
			_, err := h.ledger.UpdateRuns(ctx, source, func(*ledger.Runs) error { return nil })
			return err
		}},
		{"index", "read keys", func(ctx context.Context, h house) error {
			_, err := h.keys.Check(ctx, secret)
			return err
		}},
		{"scrape", "use keys", func(ctx context.Context, h house) error {
			_, err := h.keys.AddUse(ctx, key.ID, "2026-01-01", map[string]int{"faces": 1})
			return err
		}},
		{"scrape", "read watches", func(ctx context.Context, h house) error { _, err := h.keys.Hooked(ctx); return err }},
		{"query", "send what webhooks are told", func(ctx context.Context, h house) error {
			_, _, err := h.keys.SendDue(ctx, func(context.Context, keys.Hook) error { return nil })
			return err
		}},
		{"index", "send what webhooks are told", func(ctx context.Context, h house) error {
			_, _, err := h.keys.SendDue(ctx, func(context.Context, keys.Hook) error { return nil })
			return err
		}},
		{"query", "revoke a key", func(ctx context.Context, h house) error {
			_, err := h.keys.Revoke(ctx, key.ID)
			return err
		}},
		{"scrape", "purge the ledger", purge}, {"index", "purge the ledger", purge}, {"query", "purge the ledger", purge},
		{"scrape", "delete the queue", drop}, {"index", "delete the queue", drop}, {"query", "delete the queue", drop},
		{"scrape", "make a stream", grow}, {"index", "make a stream", grow}, {"query", "make a stream", grow},
	} {
		t.Run(c.role+" cannot "+c.what, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // a forbidden call just times out
			defer cancel()
			if err := c.try(ctx, roles[c.role]); err == nil {
				t.Errorf("%s could %s", c.role, c.what)
			} else if errors.Is(err, fs.ErrNotExist) || errors.Is(err, schemas.ErrLeased) {
				t.Errorf("%s was answered: %v", c.role, err)
			}
		})
	}
}

// TestRolesReadNobodyElsesAnswers has one role listen where another is answered.
func TestRolesReadNobodyElsesAnswers(t *testing.T) {
	c := Start(t, confDir)
	admin := prepared(t, c)
	if _, err := admin.ledger.Update(t.Context(), source, id, list); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"scrape", "index", "query"} {
		own := enter(t, c, role) // its own answers come
		if _, err := own.ledger.Listing(t.Context(), source, id); err != nil {
			t.Errorf("%s reads: %v", role, err)
		}
		for _, subject := range []string{"_INBOX.>", "_INBOX.admin.>", "_INBOX.*.>"} {
			heard := make(chan *nats.Msg, 100)
			refused := make(chan error, 10)
			spy := c.Connect(t, role)
			spy.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err })
			if _, err := spy.ChanSubscribe(subject, heard); err != nil {
				t.Fatal(err)
			}
			if err := spy.Flush(); err != nil {
				t.Fatal(err)
			}
			if _, err := admin.ledger.Listing(t.Context(), source, id); err != nil {
				t.Fatal(err)
			}
			select {
			case <-heard:
				t.Errorf("%s listens to %s and reads what admin is answered", role, subject)
			case err := <-refused:
				if !errors.Is(err, nats.ErrPermissionViolation) {
					t.Errorf("%s listens to %s: %v", role, subject, err)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("%s listens to %s and is not told that it may not", role, subject)
			}
		}
	}
}

func purge(ctx context.Context, h house) error {
	stream, err := h.js.Stream(ctx, "KV_"+broker.Listings)
	if err != nil {
		return err
	}
	return stream.Purge(ctx)
}

func drop(ctx context.Context, h house) error { return h.js.DeleteStream(ctx, broker.Jobs) }

func grow(ctx context.Context, h house) error {
	_, err := h.js.CreateStream(ctx, jetstream.StreamConfig{Name: "mine", Subjects: []string{"mine"}})
	return err
}

// eventually tries again while the cluster chooses new leaders.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	// Longer than a job that was handed out on its way to nobody takes to come back.
	for deadline := time.Now().Add(2 * time.Minute); ; {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestReplicasGrow has a house of one server become one of three: nats.replicas grows, and prepare runs again.
func TestReplicasGrow(t *testing.T) {
	c := Start(t, confDir)
	js, err := jetstream.New(c.Connect(t, "admin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, replicas := range []int{1, 3} {
		if err := broker.Prepare(t.Context(), js, replicas); err != nil {
			t.Fatal(err)
		}
		found, err := broker.Examine(t.Context(), js, replicas)
		if err != nil || len(found) != len(broker.Stores()) {
			t.Fatalf("%d stores, %v", len(found), err)
		}
		for _, s := range found {
			if s.Missing || s.Differs || s.Replicas != replicas {
				t.Errorf("with %d replicas wanted: %+v", replicas, s)
			}
		}
	}
}
