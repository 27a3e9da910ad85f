package upgrade

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"lineup/config"
	"lineup/ingest/broker"
	"lineup/internal/operate"
	"lineup/internal/testkit/loopback"
	"lineup/internal/testkit/stores"
)

func TestMain(m *testing.M) { loopback.Main(m) }

// TestChangelogSaysTheSame holds the texts of doctor and of CHANGELOG.md together, both ways and in their order.
func TestChangelogSaysTheSame(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	var says []string // newest first
	for _, section := range regexp.MustCompile(`(?ms)^### Do\n(.*?)(?:^##|\z)`).FindAllStringSubmatch(string(data), -1) {
		for _, line := range regexp.MustCompile(`(?m)^- (?:.*\n)(?:  .*\n)*`).FindAllString(section[1], -1) {
			says = append(says, strings.Join(strings.Fields(strings.TrimPrefix(line, "- ")), " "))
		}
	}
	slices.Reverse(says)
	if len(says) != len(steps) || broker.Upgrades != len(steps) {
		t.Errorf("CHANGELOG.md asks for %d things, steps are %d, ingest/broker counts %d: a new one is the last of steps", len(says), len(steps),
			broker.Upgrades)
	}
	for i := range min(len(says), len(steps)) {
		if says[i] != steps[i].do {
			t.Errorf("step %d: CHANGELOG.md says\n%s\nand doctor\n%s", i+1, says[i], steps[i].do)
		}
	}
}

// nowhere is an all-in-one that nobody else reaches, on a host without anything of ours.
func nowhere(t *testing.T) Place {
	t.Helper()
	return Place{Config: config.Default(), Root: t.TempDir(), Home: t.TempDir()}
}

func lay(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestStepsConcernWhomTheyShould has each step listed where it is to be done, and not where it is done or concerns nobody.
func TestStepsConcernWhomTheyShould(t *testing.T) {
	lacking := func(name string) func(*testing.T, *Place) {
		return func(_ *testing.T, p *Place) {
			p.Config.NATS.URL, p.Accounts = "tls://nats:4222", true
			p.Stores = []broker.Condition{{Store: broker.Store{Name: name}, Missing: true}}
		}
	}
	crawls := func(source string) func(*testing.T, *Place) {
		return func(_ *testing.T, p *Place) { p.Config.Sources = map[string]config.Source{source: {Enabled: true}} }
	}
	unit := func(text string) func(*testing.T, *Place) {
		return func(t *testing.T, p *Place) { lay(t, filepath.Join(p.Root, "etc/systemd/system/lineup.service"), text) }
	}
	shell := func(text string) func(*testing.T, *Place) {
		return func(t *testing.T, p *Place) { lay(t, filepath.Join(p.Home, ".bashrc"), text) }
	}
	for name, c := range map[string]struct {
		begins     string
		left, done func(*testing.T, *Place)
	}{
		"definitions": {"Definitions of your own", func(_ *testing.T, p *Place) { p.Config.SourcesDir = "own" }, nil},
		"a crawl":     {"A crawl that reached", crawls("us-ny"), nil},
		"a proxy": {"A proxy in front", func(_ *testing.T, p *Place) { p.Config.Public = "https://lineup.example.org" },
			func(_ *testing.T, p *Place) {
				p.Config.Public, p.Config.Query.Proxies = "https://lineup.example.org", "10.0.0.1"
			}},
		"a shell": {"Shells", shell("alias l=ls\ncomplete -C \"/usr/local/bin/lineup\" lineup\n"),
			shell("source <(lineup completion bash)\n")},
		"accounts":   {"NATS: every role", func(_ *testing.T, p *Place) { p.Config.NATS.URL = "tls://nats:4222" }, lacking("")},
		"notices":    {"NATS: run `lineup prepare`", lacking(broker.Notices), lacking("")},
		"sweeps":     {"Copy deploy/nats/lineup.conf", lacking(broker.Sweeps), lacking("")},
		"compose":    {"Compose", func(t *testing.T, p *Place) { lay(t, filepath.Join(p.Root, ".dockerenv"), "") }, nil},
		"Kubernetes": {"Kubernetes", func(_ *testing.T, p *Place) { p.InKubernetes = true }, nil},
		"S3":         {"S3", func(_ *testing.T, p *Place) { p.Config.S3.Endpoint = "https://s3.example.org" }, nil},
		"units":      {"systemd", unit("[Service]\nType=exec\n"), unit("[Service]\nType=notify\n")},
		"us-mo":      {"us-mo", crawls("us-mo"), crawls("us-ny")},
	} {
		t.Run(name, func(t *testing.T) {
			listed := func(done int, as func(*testing.T, *Place)) bool {
				p := nowhere(t)
				if as != nil {
					as(t, &p)
				}
				return slices.ContainsFunc(Left(done, p), func(do string) bool { return strings.HasPrefix(do, c.begins) })
			}
			if !listed(0, c.left) {
				t.Error("not listed where it is to be done")
			}
			if listed(0, c.done) {
				t.Error("listed where it is done, or concerns nobody")
			}
			if listed(broker.Upgrades, c.left) {
				t.Error("listed where all is noted as done")
			}
		})
	}
	if left := Left(0, nowhere(t)); len(left) == 0 || len(left) == len(steps) {
		t.Errorf("an all-in-one of the first version is left with %q", left)
	}
}

// old makes a ledger as versions before the count made it.
func old(ctx context.Context, t *testing.T, js jetstream.JetStream) {
	t.Helper()
	s, err := broker.StoreNamed(broker.Listings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: s.Stream(), Subjects: []string{s.Subject() + ">"}, MaxMsgsPerSubject: 1,
		Storage: jetstream.FileStorage}); err != nil {
		t.Fatal(err)
	}
}

// TestLeftUntilSomebodySaysSo goes from the ledger of an old version over its adaption to the note, which stays.
func TestLeftUntilSomebodySaysSo(t *testing.T) {
	ctx, js := t.Context(), stores.JetStream(t)
	says := func(done bool) (states []string) {
		t.Helper()
		var found operate.Checkup
		Check(ctx, &found, js.Conn(), config.Default(), nil, done)
		for _, f := range found {
			if states = append(states, f.State); f.What != "upgrade" || f.Say == "" {
				t.Errorf("%+v", f)
			}
		}
		return slices.Compact(states)
	}
	old(ctx, t, js)
	if got := says(false); !slices.Equal(got, []string{"advice"}) {
		t.Errorf("an old ledger: %v", got)
	}
	if err := broker.Prepare(ctx, js, 1); err != nil {
		t.Fatal(err)
	}
	if got := says(false); !slices.Equal(got, []string{"advice"}) {
		t.Errorf("an old ledger whose streams were brought to this version: %v", got)
	}
	if got := says(true); !slices.Equal(got, []string{"ok"}) {
		t.Errorf("noted: %v", got)
	}
	// Something of the stream is changed back, and brought to this version again.
	s, err := broker.StoreNamed(broker.Listings)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(ctx, s.Stream())
	if err != nil {
		t.Fatal(err)
	}
	changed := stream.CachedInfo().Config
	changed.AllowDirect = !changed.AllowDirect
	if _, err := js.UpdateStream(ctx, changed); err != nil {
		t.Fatal(err)
	}
	if err := broker.Prepare(ctx, js, 1); err != nil {
		t.Fatal(err)
	}
	if got := says(false); !slices.Equal(got, []string{"ok"}) {
		t.Errorf("noted, and the stream adapted since: %v", got)
	}
}

// TestNothingIsLeftOfANewOne: who begins with this version is asked for nothing.
func TestNothingIsLeftOfANewOne(t *testing.T) {
	ctx, js := t.Context(), stores.JetStream(t)
	if err := broker.Prepare(ctx, js, 1); err != nil {
		t.Fatal(err)
	}
	if done, err := broker.Upgraded(ctx, js); err != nil || done != broker.Upgrades {
		t.Errorf("%d of %d, %v", done, broker.Upgrades, err)
	}
	if apart, err := broker.AccountsApart(ctx, js.Conn(), js); apart || err != nil {
		t.Errorf("one account for all is taken for one a role: %t, %v", apart, err)
	}
}
