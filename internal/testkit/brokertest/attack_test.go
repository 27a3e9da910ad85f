package brokertest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lineup/ingest/broker"
	"lineup/ingest/queue"
	"lineup/queryd/evidence"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// attempts are the requests of JetStream's API that touch a stream, with a body that does it where one is needed.
func attempts(s broker.Store, deliver string) map[string]string {
	stream := s.Stream()
	config := fmt.Sprintf(`{"stream_name":%q,"config":{"name":"mine","durable_name":"mine","ack_policy":"none","deliver_policy":"all"`, stream)
	pull, consumer := config+"}}", fmt.Sprintf(`%s,"deliver_subject":%q}}`, config, deliver)
	return map[string]string{
		"STREAM.CREATE." + stream:                          `{"name":"` + stream + `","subjects":["mine"]}`,
		"STREAM.UPDATE." + stream:                          `{"name":"` + stream + `","subjects":["mine"]}`,
		"STREAM.DELETE." + stream:                          "",
		"STREAM.PURGE." + stream:                           "",
		"STREAM.INFO." + stream:                            `{"subjects_filter":">"}`,
		"STREAM.MSG.GET." + stream:                         `{"seq":1}`,
		"STREAM.MSG.DELETE." + stream:                      `{"seq":1}`,
		"STREAM.SNAPSHOT." + stream:                        `{"deliver_subject":"` + deliver + `"}`,
		"STREAM.RESTORE." + stream:                         `{"config":{"name":"` + stream + `"}}`,
		"STREAM.LEADER.STEPDOWN." + stream:                 "",
		"STREAM.PEER.REMOVE." + stream:                     `{"peer":"nats-0"}`,
		"DIRECT.GET." + stream:                             `{"seq":1}`,
		"DIRECT.GET." + stream + "." + s.Subject() + "a.b": "",
		"CONSUMER.CREATE." + stream:                        consumer,
		"CONSUMER.CREATE." + stream + ".mine":              pull,
		"CONSUMER.CREATE." + stream + ".mine.>":            consumer,
		"CONSUMER.DURABLE.CREATE." + stream + ".mine":      consumer,
		"CONSUMER.DELETE." + stream + ".indexer":           "",
		"CONSUMER.INFO." + stream + ".indexer":             "",
		"CONSUMER.LIST." + stream:                          "",
		"CONSUMER.NAMES." + stream:                         "",
		"CONSUMER.MSG.NEXT." + stream + ".indexer":         "1",
		"CONSUMER.PAUSE." + stream + ".indexer":            `{"pause_until":"2099-01-01T00:00:00Z"}`,
		"CONSUMER.RESET." + stream + ".indexer":            `{"seq":1}`,
		"CONSUMER.UNPIN." + stream + ".indexer":            `{"group":"a"}`,
		"CONSUMER.LEADER.STEPDOWN." + stream + ".indexer":  "",
	}
}

// general are requests that name no stream of ours.
var general = map[string]string{
	"INFO": "", "STREAM.LIST": "", "STREAM.NAMES": "", "STREAM.CREATE.mine": `{"name":"mine","subjects":["mine"]}`,
	"META.LEADER.STEPDOWN": "", "SERVER.REMOVE": `{"peer":"nats-0"}`, "ACCOUNT.PURGE.LINEUP": "",
}

// TestRolesAskForNothingElse has every role try every request of the API on every stream and bucket, and every
// subject that is written to: what the table does not give it is refused by the server.
func TestRolesAskForNothingElse(t *testing.T) {
	c := Start(t, confDir)
	prepared(t, c)
	for _, role := range []broker.Role{broker.Scrape, broker.Index, broker.Query} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			granted := broker.Imports(role)
			tries := map[string]string{}
			for _, prefix := range []string{"$JS.API.", "lineup.api."} {
				for what, body := range general {
					tries[prefix+what] = body
				}
				for _, s := range broker.Stores() {
					for what, body := range attempts(s, "$KV.lineup_keys.forged") {
						if prefix == "$JS.API." || !slices.Contains(granted, "$JS.API."+what) {
							tries[prefix+what] = body
						}
					}
				}
			}
			for _, s := range broker.Stores() {
				if !slices.Contains(granted, s.Subject()+">") {
					tries[s.Subject()+"us-zz.forged"] = "{}"
				}
			}
			if role != broker.Index {
				tries["$JS.ACK.lineup-jobs.indexer.1.1.1.1.0"] = "+ACK"
			}
			tries["$SYS.REQ.SERVER.PING"], tries["_INBOX.admin.forged"] = "", "forged"

			nc := c.Connect(t, string(role))
			refused := make(chan string, 2*len(tries))
			nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
				if errors.Is(err, nats.ErrPermissionViolation) {
					refused <- strings.ToLower(err.Error())
				}
			})
			for subject, body := range tries {
				if err := nc.PublishRequest(subject, nc.NewInbox(), []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
			if err := nc.Flush(); err != nil {
				t.Fatal(err)
			}
			for end := time.After(30 * time.Second); len(tries) > 0; {
				select {
				case said := <-refused:
					for subject := range tries {
						if strings.Contains(said, `"`+strings.ToLower(subject)+`"`) {
							delete(tries, subject)
						}
					}
				case <-end:
					for subject := range tries {
						t.Errorf("%s may ask %s", role, subject)
					}
					return
				}
			}
		})
	}
}

// TestNoAnswerGoesElsewhere has every role ask what it may, and name as the subject of the answer what it may
// not write: keys, jobs, the ledger, requests of the API, an acknowledgement, an admin's inbox.
func TestNoAnswerGoesElsewhere(t *testing.T) {
	c := Start(t, confDir)
	admin := prepared(t, c)
	ctx := t.Context()
	fill(t, admin)
	inbox := make(chan *nats.Msg, 100)
	listening := c.Connect(t, "admin")
	if _, err := listening.ChanSubscribe("_INBOX.admin.victim", inbox); err != nil {
		t.Fatal(err)
	}
	if err := listening.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, role := range []broker.Role{broker.Scrape, broker.Index, broker.Query} {
		nc := c.Connect(t, string(role))
		before := states(t, admin.js, role)
		for _, ask := range requests(role) {
			for _, reply := range []string{
				"$KV.lineup_keys.forged", "$KV.lineup-runs.forged", "$KV.lineup-leases.forged", "$KV.lineup_evidence.forged",
				"$KV.lineup_signing.forged", "$KV.lineup-standings.us-zz.forged", "lineup.jobs.us-zz.forged", "lineup.dead.us-zz.forged",
				"$JS.API.STREAM.DELETE.lineup-dead", "$JS.API.STREAM.PURGE.KV_lineup_keys", "lineup.api.STREAM.DELETE.lineup-dead",
				"$JS.ACK.lineup-jobs.indexer.1.1.1.1.0", "_INBOX.admin.victim",
			} {
				if err := nc.PublishRequest(ask.subject, reply, ask.body); err != nil {
					t.Fatal(err)
				}
			}
			// The same once more, with an answer: by then those before are done with.
			if _, err := nc.Request(ask.subject, ask.body, 10*time.Second); err != nil {
				t.Errorf("%s may ask %s and is not answered: %v", role, ask.subject, err)
			}
		}
		after := states(t, admin.js, role)
		for stream, was := range before {
			if after[stream] != was {
				t.Errorf("%s changed %s: %+v was %+v", role, stream, after[stream], was)
			}
		}
		if _, err := admin.keys.Check(ctx, "x"); !errors.Is(err, keys.ErrUnknown) {
			t.Errorf("after %s: keys: %v", role, err)
		}
	}
	select {
	case m := <-inbox:
		t.Errorf("the admin was answered %q", m.Data)
	default:
	}
}

// fill puts something into every store.
func fill(t *testing.T, admin house) {
	t.Helper()
	ctx := t.Context()
	if _, err := admin.ledger.Update(ctx, source, id, list); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ledger.Lease(ctx, source, "somebody"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := admin.queue.Publish(ctx, source, schemas.RandomID()); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := admin.keys.Add(ctx, "a client", keys.Limits{}); err != nil {
		t.Fatal(err)
	}
	proofs, err := evidence.Open(ctx, admin.js, 3)
	if err == nil {
		err = proofs.Put(ctx, schemas.RandomID(), []evidence.Match{{Registrant: id, Source: source}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

type request struct {
	subject string
	body    []byte
}

// requests are what a role may ask, with bodies that are answered, by what an attacker would have written there.
func requests(role broker.Role) (all []request) {
	for _, subject := range broker.Imports(role) {
		local := strings.Replace(subject, "$JS.API.", "lineup.api.", 1)
		switch {
		case strings.Contains(subject, "CONSUMER.MSG.NEXT"):
			all = append(all, request{local, []byte(`{"batch":1,"no_wait":true}`)})
		case strings.Contains(subject, ".GET."):
			all = append(all, request{local, []byte(`{"seq":1}`)})
		case strings.Contains(subject, "STREAM.PURGE."):
			all = append(all, request{local, []byte(`{"filter":"lineup.nobody.>"}`)})
		case strings.HasPrefix(subject, "$JS.ACK."): // nobody's job
		case strings.HasPrefix(subject, "$JS.API."):
			all = append(all, request{local, nil})
		default: // it is written to
			all = append(all, request{strings.TrimSuffix(subject, ">") + "us-zz.own", []byte("+ACK")})
		}
	}
	return all
}

// state is what shows that a stream was changed.
type state struct {
	Messages, First, Last uint64
	Replicas              int
}

// states are those of the streams that a role may not write to; of the jobs, what is acknowledged.
func states(t *testing.T, js jetstream.JetStream, role broker.Role) map[string]state {
	t.Helper()
	all := map[string]state{}
	for _, s := range broker.Stores() {
		rights := s.Rights()[role]
		stream, err := js.Stream(t.Context(), s.Stream())
		if err != nil {
			t.Fatalf("%s: %v", s.Stream(), err)
		}
		info := stream.CachedInfo()
		if !slices.Contains(rights, broker.Put) && !slices.Contains(rights, broker.Take) {
			all[s.Stream()] = state{info.State.Msgs, info.State.FirstSeq, info.State.LastSeq, info.Config.Replicas}
		}
	}
	if role != broker.Index {
		consumer, err := js.Consumer(t.Context(), broker.Jobs, broker.Consumer)
		if err != nil {
			t.Fatal(err)
		}
		all["acknowledged"] = state{First: consumer.CachedInfo().AckFloor.Stream, Messages: uint64(consumer.CachedInfo().NumAckPending)}
	}
	return all
}

// TestIndexersMendDeadJobs has an indexer read and forget dead jobs, as its reconciling does.
func TestIndexersMendDeadJobs(t *testing.T) {
	c := Start(t, confDir)
	admin := prepared(t, c)
	ctx := t.Context()
	index := enter(t, c, "index")
	if err := admin.queue.Publish(ctx, source, id); err != nil {
		t.Fatal(err)
	}
	jobs, err := index.queue.Jobs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer jobs.Stop()
	var job queue.Job
	eventually(t, "a job", func() (err error) {
		waiting, done := context.WithTimeout(ctx, 10*time.Second)
		defer done()
		job, err = jobs.Next(waiting)
		return err
	})
	if err := job.DeadLetter(ctx, queue.Engine); err != nil {
		t.Fatal(err)
	}
	letters, err := index.queue.DeadLetters(ctx, 10)
	if err != nil || len(letters) != 1 || letters[0].ID != id {
		t.Fatalf("dead jobs %+v, %v", letters, err)
	}
	if err := index.queue.Forget(ctx, source, id); err != nil {
		t.Fatal(err)
	}
	if letters, err := index.queue.DeadLetters(ctx, 10); err != nil || len(letters) != 0 {
		t.Errorf("afterwards %+v, %v", letters, err)
	}
}

// TestNobodyJoinsTheCluster knocks at the routes with the certificate of another server of the deployment,
// and with none.
func TestNobodyJoinsTheCluster(t *testing.T) {
	c := Start(t, confDir)
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, certificates := range map[string][]tls.Certificate{"another server's": {pair}, "none": nil} {
		conn, err := net.Dial("tcp", c.routes[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		// Whoever attacks does not care whom it reaches.
		joined := tls.Client(conn, &tls.Config{Certificates: certificates, InsecureSkipVerify: true})
		if err = joined.Handshake(); err == nil {
			_, err = joined.Read(make([]byte, 1)) // the greeting; with TLS 1.3 the server refuses after the client's part
		}
		if err == nil {
			t.Errorf("a route with the certificate %s is welcome", name)
		}
	}
}
