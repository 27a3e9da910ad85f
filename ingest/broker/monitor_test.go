package broker

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"lineup/internal/testkit/loopback"
)

func TestMain(m *testing.M) { loopback.Main(m) }

func TestSyncing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*server.Options)
		want   Sync
		fails  bool
	}{
		"always":       {func(o *server.Options) { o.SyncAlways = true }, Sync{Server: "one", Always: true, Every: 2 * time.Minute}, false},
		"by default":   {func(o *server.Options) {}, Sync{Server: "one", Every: 2 * time.Minute}, false},
		"no JetStream": {func(o *server.Options) { o.JetStream = false }, Sync{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := &server.Options{ServerName: "one", Host: "127.0.0.1", Port: server.RANDOM_PORT, HTTPHost: "127.0.0.1", HTTPPort: server.RANDOM_PORT,
				NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(), SyncInterval: 2 * time.Minute}
			c.change(o)
			s, err := server.NewServer(o)
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
			if !s.ReadyForConnections(startTimeout) {
				t.Fatal("the server is not ready")
			}
			got, err := Syncing(t.Context(), "http://"+s.MonitorAddr().String()+"/")
			if (err != nil) != c.fails || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
	if _, err := Syncing(t.Context(), "http://127.0.0.1:1"); err == nil {
		t.Error("nobody listens, and no error")
	}
}

func TestInbox(t *testing.T) {
	for url, want := range map[string]string{
		"tls://scrape:secret@a:4222,tls://scrape:secret@b:4222": "_INBOX.scrape",
		"nats://a-token@127.0.0.1:4222":                         "_INBOX", // a token is a secret, not a name
		"nats://a.b:secret@h":                                   "_INBOX", // would be two tokens of a subject
		"nats://*:secret@h":                                     "_INBOX",
		"nats://h:4222":                                         "_INBOX",
	} {
		if got := (Remote{URL: url}).inbox(); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	if got := (Remote{URL: "nats://a:b@h", Inbox: "_INBOX.jwt"}).inbox(); got != "_INBOX.jwt" {
		t.Errorf("configured: %s", got)
	}
}
