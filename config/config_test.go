package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lineup/config"
)

// registries are what the program would know.
func registries(string) (map[string]config.Registry, error) {
	return map[string]config.Registry{"us-ny": {Permission: true}, "us-or": {Terms: "https://registry.example/terms", Unverified: true},
		"us-zz": {LinkOnly: true}, "import-nsopw": {Import: true}}, nil
}

// schedule takes what has five fields.
func schedule(expression string) error {
	if n := len(strings.Fields(expression)); n != 5 {
		return fmt.Errorf("%d fields", n)
	}
	return nil
}

// write puts text into a file and gives its name.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// load loads the text as a file.
func load(t *testing.T, text string, environ, set []string) (config.Loaded, error) {
	t.Helper()
	file := ""
	if text != "" {
		file = write(t, "lineup.yml", text)
	}
	return config.Load(config.Input{File: file, Environ: environ, Sets: set, Sources: registries, Schedule: schedule})
}

func TestLoad(t *testing.T) {
	tests := []struct {
		name, file   string
		environ, set []string
		want         func(config.Loaded) bool
	}{
		{name: "defaults", want: func(c config.Loaded) bool { return c.Listen == "127.0.0.1:8080" && c.Query.MaxPhoto == 3000000 }},
		{name: "file over defaults", file: "listen: 127.0.0.1:9\nindex: {reconcile: 5m}\n",
			want: func(c config.Loaded) bool {
				return c.Listen == "127.0.0.1:9" && c.Index.Reconcile == 5*time.Minute && c.NATS.Replicas == 1 &&
					c.Origins["index.reconcile"] == "lineup.yml:2"
			}},
		{name: "environment over file", file: "nats: {url: nats://a}\n", environ: []string{"LINEUP_NATS_URL=nats://b", "OTHER=1"},
			want: func(c config.Loaded) bool {
				return c.NATS.URL == "nats://b" && c.Origins["nats.url"] == "environment LINEUP_NATS_URL"
			}},
		{name: "flags over environment", environ: []string{"LINEUP_INDEX_WORKERS=2"}, set: []string{"index.workers=3"},
			want: func(c config.Loaded) bool {
				return c.Index.Workers == 3 && c.Origins["index.workers"] == "--set index.workers"
			}},
		{name: "empty file", file: "# nothing\n", want: func(c config.Loaded) bool { return c.Data == "data" }},
		{name: "sources", file: "sources:\n  us-ny:\n    enabled: true\n    permission: {who: Agency, when: 2026-01-02, reference: letter 1}\n" +
			"contact: a@example.test\n",
			want: func(c config.Loaded) bool {
				return c.Sources["us-ny"].Permission.When == "2026-01-02" && c.Sources["us-ny"].Enabled
			}},
		{name: "terms nobody has read and a definition nobody has checked", file: "sources: {us-or: {enabled: true}}\ncontact: a@example.test\n",
			want: func(c config.Loaded) bool {
				text := strings.Join(c.Warnings, "\n")
				return c.Sources["us-or"].Enabled && len(c.Warnings) == 2 && strings.Contains(text, "https://registry.example/terms") &&
					strings.Contains(text, "sources.us-or.terms_read: {who") && strings.Contains(text, "sources.us-or.checked: {who")
			}},
		{name: "both are known", file: "sources: {us-or: {enabled: true, terms_read: {who: A, when: 2026-01-02}, checked: {who: A, when: " +
			"2026-01-02}}}\ncontact: a@example.test\n",
			want: func(c config.Loaded) bool { return len(c.Warnings) == 0 }},
		{name: "a sample site asks for neither", file: "sources: {us-or: {enabled: true, base_url: \"http://127.0.0.1:1\"}}\n",
			want: func(c config.Loaded) bool { return len(c.Warnings) == 0 }},
		{name: "anchors", file: "sources:\n  us-or: &one {base_url: \"http://127.0.0.1:1\"}\n  us-ny:\n    <<: *one\n    vehicles: true\n",
			want: func(c config.Loaded) bool {
				return c.Sources["us-ny"].BaseURL == "http://127.0.0.1:1" && c.Sources["us-ny"].Vehicles
			}},
		{name: "a number for a text", file: "s3: {bucket: 42}\n", want: func(c config.Loaded) bool { return c.S3.Bucket == "42" }},
		{name: "an unknown variable is named", environ: []string{"LINEUP_INDEX_WORKER=2", "LINEUP_PORT=tcp://10.0.0.1:80",
			"LINEUP_SERVICE_HOST=10.0.0.1"},
			want: func(c config.Loaded) bool {
				return len(c.Warnings) == 1 && strings.Contains(c.Warnings[0], "LINEUP_INDEX_WORKER, ") &&
					strings.Contains(c.Warnings[0], "did you mean LINEUP_INDEX_WORKERS?")
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := load(t, test.file, test.environ, test.set)
			if err != nil || !test.want(c) {
				t.Errorf("not as wanted: %+v, %v", c, err)
			}
		})
	}
}

// TestEveryFaultIsToldWhereItIs: file, line, key, and what to write, in the operator's words.
func TestEveryFaultIsToldWhereItIs(t *testing.T) {
	for text, want := range map[string]string{
		"data: x\nlisten_on: y\n": `lineup.yml:2: listen_on: there is no such key: did you mean listen?`,
		"index:\n  worker: 2\n": `lineup.yml:2: index.worker: there is no such key: did you mean ` +
			`index.workers?`,
		"index:\n  workers: many\n":                  `lineup.yml:2: index.workers: "many" is not a whole number`,
		"sources: {us-or: {terms_read: {who: A}}}\n": `lineup.yml:1: sources.us-or.terms_read: needs who and when (YYYY-MM-DD)`,
		"index: {workers: 1000}\n":                   `lineup.yml:1: index.workers: 1000 is not in 0 to 256`,
		"index: {cnn: perhaps}\n":                    `index.cnn: "perhaps" is neither true nor false`,
		"index: {reconcile: 10}\n": `index.reconcile: "10" is not a duration: write a number and a unit, like ` +
			`30s, 10m or 24h`,
		"index: {reconcile: 1ms}\n":                               `index.reconcile: 1ms is not in 1s to 24h`,
		"index: 5\n":                                              `lineup.yml:1: index: want keys below it`,
		"listen: [a, b]\n":                                        `lineup.yml:1: listen: want a single value`,
		"listen: here\n":                                          `lineup.yml:1: listen: "here" is not host:port`,
		"listen: 127.0.0.1:http\n":                                `is not host:port`,
		"listen: \"\"\n":                                          `listen: name an address to answer at`,
		"log: {level: loud}\n":                                    `log.level: "loud" is none of debug, info, warn, error`,
		"public: lineup.example.test\n":                           `public: "lineup.example.test" is no address like https://`,
		"contact: somebody\n":                                     `contact: "somebody" is neither an e-mail address nor a URL`,
		"nats: {url: nowhere}\n":                                  `nats.url: is no list of addresses`,
		"nats: {cert: a}\n":                                       `one of cert and key is missing`,
		"s3: {encryption: rot13}\n":                               `s3.encryption: "rot13" is neither`,
		"nats: {url: \"tls://a:1\"}\ncanary: {every: 1m}\n":       `lineup.yml:2: canary.key: is missing: over nats.url`,
		"s3: {access_key: a}\n":                                   `one of access_key and secret_key is missing`,
		"listen: 127.0.0.1:9000\nprivate: 127.0.0.1:9000\n":       `lineup.yml:2: private: is the address of listen`,
		"index: {enrol_excluded: {a: b}}\n":                       `want a single value, like "enrol_excluded: us-or"`,
		"index: {enrol_excluded: [us-or, us-xx]}\n":               `lineup.yml:1: index.enrol_excluded: there is no source "us-xx"`,
		"sources: {us-nyx: {enabled: false}}\n":                   `did you mean us-ny?`,
		"data: \"\"\n":                                            `data: name a directory`,
		"sources: {us-nj: {enabled: false}}\n":                    `lineup.yml:1: sources.us-nj: there is no such source: did you mean us-ny?`,
		"sources: {us-ny: {enabled: true}}\n":                     `crawled only with a permission: write sources.us-ny.permission`,
		"sources: {us-zz: {enabled: true}}\n":                     `only linked to`,
		"sources: {import-nsopw: {enabled: true}}\n":              `use lineup import`,
		"sources: {us-or: {enabled: true}}\n":                     `contact: us-or is not asked by a nameless program`,
		"sources: {us-or: {schedule: TZ=0}}\n":                    `sources.us-or.schedule: "TZ=0" is no schedule: 1 fields; write five fields`,
		"sources: {us-or: {base_url: \"http://example.test\"}}\n": `is not on this machine`,
		"sources: {us-ny: {permission: {who: Agency}}}\n":         `sources.us-ny.permission: needs who, when`,
		"sources:\n us-ny: {permission: {when: soon}}\n": `lineup.yml:2: sources.us-ny.permission.when: "soon" is no date ` +
			`like 2026-01-31`,
		"sources:\n us-or:\n  enable: true\n": `lineup.yml:3: sources.us-or.enable: there is no such key: did you mean ` +
			`sources.us-or.enabled?`,
		"s3: {secret_key: a, secret_key_file: b, access_key: c}\n": `s3.secret_key: stands beside s3.secret_key_file`,
		"s3: {secret_key_file: /nothing/there, access_key: c}\n":   `s3.secret_key_file: read /nothing/there: no such file`,
		"s3: {secret_key: \"\", access_key: c}\n":                  `lineup.yml:1: s3: one of access_key and secret_key`,
		"nats:\n  cert: a\n": `lineup.yml:2: nats: one of cert and key`,
		"notify:\n  webhook: \"https://hooks.example.org\"\n": `lineup.yml:2: notify.secret: is missing`,
		"notify:\n  smtp: \"mail.example.org:25\"\n":          `lineup.yml:2: notify: notify.smtp needs`,
		"enrol_excluded: us-or\n":                             `there is no such key: did you mean index.enrol_excluded?`,
		"query:\n  workers: 2\n":                              `there is no such key: did you mean index.workers?`,
		"canary: {every: 1ms}\n":                              `lineup.yml:1: canary.every: 1ms is too often: 0s for never, else 10s`,
		"a: [\n":                                              `lineup.yml:1: is no YAML: `,
		"data: x\n\tlisten: y\n":                              `indent with spaces, not with tabs`,
		"query: {max_photo: 1, per_minute: 0, near_days: -1}\nlisten: x": `near_days`,
	} {
		_, err := load(t, text, nil, nil)
		var problems config.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n%v\nwant one with %q", text, err, want)
		}
	}
	if _, err := load(t, "query: {max_photo: 1, per_minute: 0, near_days: -1}\nlisten: x", nil, nil); len(err.(config.Problems)) != 4 {
		t.Errorf("four faults: %v", err)
	}
	for _, text := range []string{"s3: {secret_key_file: /nothing/there, access_key: c}\n",
		"notify: {webhook: \"https://hooks.example.org\", secret_file: /nothing/there}\n"} {
		if _, err := load(t, text, nil, nil); len(err.(config.Problems)) != 1 {
			t.Errorf("a secret whose file is not there is one fault: %v", err)
		}
	}
	for set, want := range map[string]string{"nope=1": "there is no such key", "index.workers": "want KEY=VALUE",
		"index.workers=many":         "--set index.workers: index.workers: \"many\"",
		"sources.us-or.enabled=true": "configuration file only"} {
		if _, err := load(t, "", nil, []string{set}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v, want %q", set, err, want)
		}
	}
	if _, err := load(t, "", []string{"LINEUP_INDEX_WORKERS=many"}, nil); err == nil ||
		!strings.Contains(err.Error(), "environment LINEUP_INDEX_WORKERS: index.workers: \"many\"") {
		t.Errorf("environment: %v", err)
	}
	if c, err := load(t, "", []string{"LINEUP_CANARY_KEYFILE=x"}, nil); err != nil || len(c.Warnings) != 1 ||
		!strings.Contains(c.Warnings[0], "did you mean LINEUP_CANARY_KEY_FILE?") {
		t.Errorf("a misspelt file of a secret: %v, %v", c.Warnings, err)
	}
	if _, err := load(t, "nats: {url: \"nowhere:very-secret\"}\n", nil, nil); err == nil || strings.Contains(err.Error(), "very-secret") {
		t.Errorf("a secret shows in a fault: %v", err)
	}
}

// TestSecretsFromFiles reads a secret wherever a file can be named for it.
func TestSecretsFromFiles(t *testing.T) {
	secret := write(t, "secret", "very secret\n")
	credentials := t.TempDir()
	for _, name := range []string{"s3.secret_key", "sources.us-or.account.password", "listen"} {
		if err := os.WriteFile(filepath.Join(credentials, name), []byte("handed over"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const access = "s3: {access_key: a}\nsources: {us-or: {account: {user: u}}}\n"
	for name, tc := range map[string]struct {
		file         string
		environ, set []string
		want         string
	}{
		"file":        {"s3: {access_key: a, secret_key_file: " + secret + "}\n", nil, nil, "very secret"},
		"environment": {access, []string{"LINEUP_S3_SECRET_KEY_FILE=" + secret}, nil, "very secret"},
		"flag":        {access, []string{"LINEUP_S3_SECRET_KEY=plain"}, []string{"s3.secret_key_file=" + secret}, "very secret"},
		"plain later": {"s3: {access_key: a, secret_key_file: /nothing}\n", []string{"LINEUP_S3_SECRET_KEY=plain"}, nil, "plain"},
		"credential":  {access, []string{"CREDENTIALS_DIRECTORY=" + credentials}, nil, "handed over"},
	} {
		c, err := load(t, tc.file, tc.environ, tc.set)
		if err != nil || c.S3.SecretKey != tc.want || c.Listen != "127.0.0.1:8080" {
			t.Errorf("%s: %q, %v", name, c.S3.SecretKey, err)
		}
		if name == "credential" && (c.Sources["us-or"].Account.Password != "handed over" || c.Sources["us-or"].Account.User != "u") {
			t.Errorf("the source's password: %+v", c.Sources["us-or"].Account)
		}
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := load(t, access, []string{"LINEUP_S3_SECRET_KEY_FILE=" + secret}, nil); err != nil || len(c.Warnings) != 1 {
		t.Errorf("everybody can read it: %v %v", c.Warnings, err)
	}
}

func TestYAMLHidesSecretsAndLoadsAgain(t *testing.T) {
	c := config.Default()
	c.S3.AccessKey, c.S3.SecretKey = "key", "very secret"
	c.NATS.URL = "tls://index:very secret@a.example.test:4222,tls://b.example.test:4222"
	c.Sources = map[string]config.Source{"us-or": {Account: &config.Account{User: "u", Password: "very secret"}}}
	text := config.Loaded{Config: c}.YAML()
	if strings.Contains(text, "very secret") {
		t.Fatalf("the secret shows:\n%s", text)
	}
	if !strings.Contains(text, "tls://(set)@a.example.test:4222,tls://b.example.test:4222") {
		t.Errorf("the servers do not show:\n%s", text)
	}
	again, err := load(t, text, nil, nil)
	if err != nil {
		t.Errorf("what YAML wrote does not load: %v", err)
	}
	for _, v := range again.Values() {
		if v.Key == "listen" && (v.Value != "127.0.0.1:8080" || !strings.HasPrefix(string(v.Origin), "lineup.yml:")) ||
			v.Key == "models" && v.Origin == "" {
			t.Errorf("%+v", v)
		}
	}
	if c.S3.SecretKey != "very secret" || c.Sources["us-or"].Account.Password != "very secret" {
		t.Error("to show the configuration changed it")
	}
}

// TestEveryKeyIsDocumented: the table has a row for each field, each with an example that loads.
func TestEveryKeyIsDocumented(t *testing.T) {
	documented := make(map[string]bool)
	for _, s := range config.Settings() {
		if documented[s.Key] || s.Doc == "" || s.Example == "" || !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("the row of %s: %+v", s.Key, s)
		}
		documented[s.Key] = true
		text, indent := "", ""
		parts := strings.Split(strings.Replace(s.Key, "ID", "us-or", 1), ".")
		for _, part := range parts[:len(parts)-1] {
			text += indent + part + ":\n"
			indent += "  "
		}
		_, err := load(t, text+indent+parts[len(parts)-1]+": "+s.Example+"\n", nil, nil)
		if err != nil && !strings.Contains(err.Error(), "missing: give both") && !strings.Contains(err.Error(), "needs who") &&
			!strings.Contains(err.Error(), "contact: us-or") &&
			!strings.Contains(err.Error(), "a webhook is signed") && !strings.Contains(err.Error(), "needs notify.from") {
			t.Errorf("the example of %s: %v", s.Key, err)
		}
	}
	var walk func(key string, of reflect.Type)
	walk = func(key string, of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer:
			walk(key, of.Elem())
		case reflect.Map:
			walk(key+".ID", of.Elem())
		case reflect.Struct:
			for i := range of.NumField() {
				walk(strings.TrimPrefix(key+"."+of.Field(i).Tag.Get("yaml"), "."), of.Field(i).Type)
			}
		default:
			if !documented[key] {
				t.Errorf("%s has no row", key)
			}
			delete(documented, key)
		}
	}
	walk("", reflect.TypeFor[config.Config]())
	for key := range documented {
		t.Errorf("%s has a row and is no key", key)
	}
}

// TestTheDocumentationIsAsGenerated: lineup config --markdown > docs/configuration.md mends it.
func TestTheDocumentationIsAsGenerated(t *testing.T) {
	for file, want := range map[string]string{"../docs/configuration.md": config.Markdown()} {
		got, err := os.ReadFile(file)
		if err != nil || string(got) != want {
			t.Errorf("%s is not what lineup config --markdown prints: %v", file, err)
		}
	}
}

// TestTheExampleLoads, as it is and with every line switched on, and gives the defaults.
func TestTheExampleLoads(t *testing.T) {
	if _, err := load(t, config.Example(), nil, nil); err != nil {
		t.Errorf("as it is: %v", err)
	}
	var on strings.Builder
	for line := range strings.Lines(config.Example()) {
		if code := strings.TrimPrefix(line, "#"); !strings.HasPrefix(strings.TrimSpace(code), "#") && strings.Contains(code, ":") &&
			!strings.HasPrefix(line, "# Every") && !strings.HasPrefix(line, "# yaml-") {
			on.WriteString(strings.TrimPrefix(code, " ")[:])
		}
	}
	text, _, _ := strings.Cut(on.String(), "sources:\n")
	c, err := load(t, text, nil, nil)
	if err != nil || !reflect.DeepEqual(c.Config, config.Default()) {
		t.Errorf("every key switched on: %v\n%s", err, text)
	}
}

func TestTheSchemaKnowsEveryKey(t *testing.T) {
	data, err := config.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	for _, s := range config.Settings() {
		at := root
		for _, part := range strings.Split(s.Key, ".") {
			if part == "ID" {
				at, _ = at["additionalProperties"].(map[string]any)
				continue
			}
			properties, _ := at["properties"].(map[string]any)
			at, _ = properties[part].(map[string]any)
		}
		if at["type"] == nil || at["description"] == nil {
			t.Errorf("%s: %v", s.Key, at)
		}
	}
}
