package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Kind says what form the text of a setting must have.
type Kind string

// The kinds of settings whose type alone does not say it.
const (
	Address  Kind = "host:port"
	URL      Kind = "URL"
	URLs     Kind = "URLs"
	Cron     Kind = "cron expression"
	Date     Kind = "date"
	Contact  Kind = "e-mail address or URL"
	Networks Kind = "addresses and networks"
	Webhook  Kind = "URL with any path and query"
	Mail     Kind = "e-mail address"
	Anything Kind = ""
)

// Setting is one key of the configuration, with all there is to know about it.
type Setting struct {
	Key     string // sources.ID.* stands for the same key of every source
	Doc     string
	Unit    string
	Min     int64 // of numbers; of durations in nanoseconds
	Max     int64 // likewise; both 0 for no bounds
	OneOf   []string
	Kind    Kind
	List    bool   // several, between commas or as a list of the file
	Example string // as YAML
	Secret  bool   // is not shown, and can be read from a file: KEY_file
	Needs   string // what must be done before a changed value holds, "" when `lineup reload` takes it over
}

const (
	restart = "restart"
	reindex = "restart and lineup reindex"
)

// settings are all keys, in the order of the documentation.
var settings = []Setting{
	{Key: "data", Doc: "Directory of all that the all-in-one keeps.", Example: "/var/lib/lineup", Needs: restart},
	{Key: "listen", Doc: "Address of the API and the page; a socket of systemd takes its place (deploy/systemd).", Kind: Address,
		Example: "127.0.0.1:8080", Needs: restart},
	{Key: "private", Doc: "Address of health, metrics and profiles, for the operator alone; empty for none.",
		Kind: Address, Example: "127.0.0.1:9090", Needs: restart},
	{Key: "public", Doc: "Base of the links in answers; empty for the host that a request names.",
		Kind: URL, Example: "https://lineup.example.org", Needs: restart},
	{Key: "contact", Doc: "How sites and people reach the operator. Without it no site is crawled.",
		Kind: Contact, Example: "operator@example.org", Needs: restart},
	{Key: "correction_contact", Doc: "Where people ask you to correct or remove your copy of a record: shown beside each record, with the " +
		"terms and in " +
		"/v1/retention. Empty for contact.", Kind: Contact, Example: "corrections@example.org", Needs: restart},
	{Key: "models", Doc: "Directory of the face models; empty for lineup/models in the user's cache directory.",
		Example: "/var/lib/lineup/models", Needs: restart},
	{Key: "models_url", Doc: "Mirror of the face models' publisher, asked first; empty for none.",
		Kind: URL, Example: "https://mirror.example.org/dlib/"},
	{Key: "onnxruntime", Doc: "ONNX Runtime's shared library, for models that need it; empty looks in the usual places.",
		Example: "/opt/onnxruntime/lib/libonnxruntime.so", Needs: restart},
	{Key: "removal_log", Doc: "File that removals and revoked keys are written to beside the ledger, for a restore of an older " +
		"backup: best on another disk. Empty for removals.jsonl in the data directory, or for objects below removals/ where s3.endpoint is " +
		"set.",
		Example: "/mnt/other-disk/lineup-removals.jsonl", Needs: restart},
	{Key: "audit_days", Doc: "Every stored photo, page and record is read again and compared with its digest within so many days, a part of " +
		"them a day, by the scrape role; 0 reads none.", Unit: "days", Max: 3650, Example: "28", Needs: restart},
	{Key: "sources_dir", Doc: "Directory of source definitions beside those of the program, as us-xx/source.yml; empty for none. " +
		"One with the id of a shipped definition stands in its place.", Example: "/etc/lineup/sources", Needs: restart},

	{Key: "log.level", Doc: "What is written to standard error.",
		OneOf: []string{"debug", "info", "warn", "error"}, Example: "info", Needs: restart},
	{Key: "log.format", Doc: "How it is written.", OneOf: []string{"text", "json"}, Example: "json", Needs: restart},

	{Key: "index.workers", Doc: "Recognizers, about 60 MB of memory each; 0 for one a core.", Max: 256, Example: "4", Needs: restart},
	{Key: "index.cnn", Doc: "Where nothing else finds a face, try dlib's CNN detector: a tenth of a second and up to 110 MB more a worker.",
		Example: "false", Needs: restart},
	{Key: "index.mirror", Doc: "Average each face with its mirror image. Part of the model.", Example: "false", Needs: reindex},
	{Key: "index.model", Doc: "Another embedder than dlib's: a description that is shipped (sface, auraface, sface-dlib) or a file; empty " +
		"for dlib's. It needs ONNX Runtime, and its weights beside the face models (lineup models --name).", Example: "sface", Needs: reindex},
	{Key: "index.research", Doc: "Take weights that are for research alone: you have such a use.", Example: "false", Needs: restart},
	{Key: "index.least_agreement", Doc: "Before another model serves, this share of first matches must have stayed, among the " +
		"gallery's own photos and among labelled ones (lineup reindex --labelled); 0 for any.", Unit: "percent", Max: 100, Example: "95",
		Needs: "nothing: the next reindex"},
	{Key: "index.reconcile", Doc: "How often the ledger is swept for what the index lacks.",
		Min: int64(time.Second), Max: int64(24 * time.Hour), Example: "10m", Needs: restart},

	{Key: "index.enrol_excluded", Doc: "Sources, between commas, whose people are listed, shown and found by name, and of whose photos no " +
		"templates are " +
		"made: faces do not find them (docs/law.md). Run lineup reindex --source for each that is added or taken out.",
		List: true, Example: "us-or",
		Needs: "restart and lineup reindex --source"},

	{Key: "query.demo", Doc: "Let the key DEMO search, for the bundled photo only.", Example: "false", Needs: restart},
	{Key: "query.per_minute", Doc: "Requests a key may make, unless it has a limit of its own.", Unit: "a minute",
		Min: 1, Max: 1e9, Example: "120"},
	{Key: "query.per_day", Doc: "Requests a key may make, unless it has a limit of its own.", Unit: "a UTC day",
		Min: 1, Max: 1e9, Example: "20000"},
	{Key: "query.max_photo", Doc: "A decoded photo has fewer bytes.", Unit: "bytes",
		Min: 1000, Max: 100e6, Example: "3000000", Needs: restart},
	{Key: "query.strip_data_prefix", Doc: "Take data:image/...;base64, before a photo instead of refusing it.",
		Example: "false", Needs: restart},
	{Key: "query.legacy_200", Doc: "Answer bad parameters of /sexoffender with 200 and {error, reason} alone.",
		Example: "false", Needs: restart},
	{Key: "query.near_days", Doc: "Place searches look at records changed in the last so many days; 0 for all.", Unit: "days",
		Max: 36500, Example: "0", Needs: restart},
	{Key: "query.all_formats", Doc: "Take WebP, GIF and BMP photos too.", Example: "false", Needs: restart},
	{Key: "query.allow_origin", Doc: "Whose pages may call the API from a browser; * for all, empty for none.",
		Example: "https://app.example.org", Needs: restart},
	{Key: "query.search_timeout", Doc: "For index and ledger together.",
		Min: int64(100 * time.Millisecond), Max: int64(5 * time.Minute), Example: "10s", Needs: restart},
	{Key: "query.embed_timeout", Doc: "For the face of a searched photo.",
		Min: int64(100 * time.Millisecond), Max: int64(5 * time.Minute), Example: "15s", Needs: restart},
	{Key: "query.read_timeout", Doc: "For a client to send a whole request; who is slower is cut off.",
		Min: int64(time.Second), Max: int64(5 * time.Minute), Example: "30s", Needs: restart},
	{Key: "query.max_connections", Doc: "Connections open at once; more wait.", Min: 1, Max: 1e6, Example: "2000", Needs: restart},
	{Key: "query.max_bodies", Doc: "Photos and other bodies of requests read at once, up to 15 MB of memory each; beyond that the " +
		"answer is 503. One key has half of them at most.", Min: 1, Max: 1e4, Example: "32", Needs: restart},
	{Key: "query.idle_timeout", Doc: "For the next request of a connection. A proxy in front must keep its own connections open for less.",
		Min: int64(time.Second), Max: int64(30 * time.Second), Example: "30s", Needs: restart},
	{Key: "query.address_connections", Doc: "Connections that one client may have open at once: an IPv4 address, or the /64 of an " +
		"IPv6 address. A proxy of query.proxies may have any number.", Min: 1, Max: 1e6, Example: "200", Needs: restart},
	{Key: "query.address_per_minute", Doc: "Requests that one client may make without a key that works: pages, photos without a valid link, " +
		"refused keys, DEMO. " +
		"Requests with a working key do not count, nor do photos by a link in an answer.", Unit: "a minute", Min: 1, Max: 1e9, Example: "600",
		Needs: restart},
	{Key: "query.proxies", Doc: "Addresses and networks of your proxies, between commas. X-Forwarded-For is believed from these alone; " +
		"without them all who come by a proxy share the limits of one client.",
		Kind: Networks, List: true, Example: "10.0.0.0/8,192.0.2.7", Needs: restart},
	{Key: "query.photo_link_days", Doc: "A link to a photo in an answer is good for so many days, and the rest of the day; then the photo " +
		"needs a key.",
		Unit: "days", Min: 1, Max: 365, Example: "7", Needs: restart},
	{Key: "query.bullet_crimes", Doc: "Write crime of /sexoffender as lines that begin with a star (* Title: ...), as some clients read it, " +
		"instead of Crime: ..., Statute: ....", Example: "false", Needs: restart},

	{Key: "nats.url", Doc: "Servers of the external cluster, between commas; empty for a server inside the process.",
		Kind: URLs, List: true, Secret: true,
		Example: "tls://nats-0.example.org:4222", Needs: restart},
	{Key: "nats.credentials", Doc: "File of the user's credentials.", Example: "/etc/lineup/nats.creds", Needs: restart},
	{Key: "nats.ca", Doc: "PEM file of the authority that signed the servers' certificates; a file that is replaced holds for new " +
		"connections.",
		Example: "/etc/lineup/ca.pem", Needs: restart},
	{Key: "nats.cert", Doc: "PEM file of the client's certificate; a file that is replaced holds for new connections.",
		Example: "/etc/lineup/tls.crt", Needs: restart},
	{Key: "nats.key", Doc: "PEM file of the client's key; a file that is replaced holds for new connections.", Example: "/etc/lineup/tls.key",
		Needs: restart},
	{Key: "nats.replicas", Doc: "Copies of each stream and bucket: 1, or 3 in a cluster of three.",
		Min: 1, Max: 5, Example: "3", Needs: "restart and lineup prepare"},
	{Key: "nats.inbox", Doc: "What the subjects of answers begin with; empty for _INBOX and the user's name in nats.url.",
		Example: "_INBOX_query", Needs: restart},
	{Key: "nats.monitor", Doc: "Addresses of the servers' monitoring, between commas: doctor looks there whether writes are synced.",
		Kind: URLs, List: true,
		Example: "http://nats-0.example.org:8222"},

	{Key: "s3.endpoint", Doc: "Object store; empty for files below the data directory.",
		Kind: URL, Example: "https://s3.example.org:9000", Needs: restart},
	{Key: "s3.bucket", Doc: "Bucket of all objects.", Example: "lineup", Needs: restart},
	{Key: "s3.prefix", Doc: "What all keys begin with: empty, or a path that ends in /.", Example: "lineup/", Needs: restart},
	{Key: "s3.region", Doc: "Region of the bucket; empty asks the server.", Example: "us-east-1", Needs: restart},
	{Key: "s3.access_key", Doc: "Name of the key.", Secret: true, Example: "lineup-query", Needs: restart},
	{Key: "s3.secret_key", Doc: "The key's secret.", Secret: true, Example: "...", Needs: restart},
	{Key: "s3.ca", Doc: "PEM file of the authority that signed the store's certificate; a file that is replaced holds for new connections.",
		Example: "/etc/lineup/ca.pem", Needs: restart},
	{Key: "s3.lookup", Doc: "Whether the bucket stands in the path or in the host name; empty for what the endpoint suggests.",
		OneOf: []string{"", "path", "dns"}, Example: "path", Needs: restart},
	{Key: "s3.encryption", Doc: "Of stored objects: empty, sse-s3 or sse-kms:KEY.", Example: "sse-s3", Needs: restart},
	{Key: "s3.page_days", Doc: "Page snapshots expire after so many days; 0 for never.", Unit: "days",
		Max: 36500, Example: "90", Needs: restart},

	{Key: "qdrant.address", Doc: "gRPC address of the vector database; empty for an index below the data directory.",
		Kind: Address, Example: "qdrant.example.org:6334", Needs: restart},
	{Key: "qdrant.api_key", Doc: "Its key.", Secret: true, Example: "...", Needs: restart},
	{Key: "qdrant.tls", Doc: "Speak TLS with it.", Example: "true", Needs: restart},
	{Key: "qdrant.ca", Doc: "PEM file of the authority that signed its certificate; a file that is replaced holds for new connections.",
		Example: "/etc/lineup/ca.pem", Needs: restart},
	{Key: "qdrant.prefix", Doc: "What the names of collections begin with.", Example: "lineup", Needs: restart},
	{Key: "qdrant.approximate", Doc: "Search by the graph instead of comparing every face.", Example: "false", Needs: restart},
	{Key: "qdrant.replicas", Doc: "Copies of each collection; 0 for the server's default.", Max: 5, Example: "2", Needs: reindex},

	{Key: "notify.webhook", Doc: "URL that is posted to, as signed JSON, when something begins or ceases to need a human; empty for none.",
		Kind: Webhook, Secret: true, Example: "https://hooks.example.org/lineup", Needs: restart},
	{Key: "notify.secret", Doc: "What the webhook is signed with (HMAC-SHA-256, header X-Lineup-Signature).", Secret: true, Example: "...",
		Needs: restart},
	{Key: "notify.smtp", Doc: "Mail server that sends the same as mail; empty for none. Port 465 speaks TLS, others must offer STARTTLS.",
		Kind: Address, Example: "smtp.example.org:587", Needs: restart},
	{Key: "notify.user", Doc: "Account at the mail server; empty for none.", Example: "lineup", Needs: restart},
	{Key: "notify.password", Doc: "Its password.", Secret: true, Example: "...", Needs: restart},
	{Key: "notify.from", Doc: "Who mail is from.", Kind: Mail, Example: "lineup@example.org", Needs: restart},
	{Key: "notify.to", Doc: "Who gets mail, between commas.", Kind: Mail, List: true, Example: "operator@example.org", Needs: restart},
	{Key: "notify.inside", Doc: "Receivers may be at addresses that are not public; a mail server there need not offer TLS.",
		Example: "false", Needs: restart},
	{Key: "notify.every", Doc: "How often it is looked what needs a human. What is seen twice in a row is told.",
		Min: int64(time.Second), Max: int64(24 * time.Hour), Example: "5m", Needs: restart},

	{Key: "notify.watches_inside", Doc: "Webhooks of watches, whose addresses the holders of keys name, may be at addresses that are " +
		"not public, " +
		"and http://. Only where every key is your own.", Example: "false", Needs: restart},

	{Key: "canary.every", Doc: "How often the scrape role searches for the canary, a rendered face that only its own key sees: it also " +
		"has it changed " +
		"every hour, and delisted and listed again every week. 0s for never, 1m is usual, 10s the least.", Max: int64(time.Hour), Example: "1m",
		Needs: restart},
	{Key: "canary.url", Doc: "Address of the query daemon that the canary asks; empty for the one in the same process.", Kind: URL,
		Example: "http://lineup-query.example.org:8080", Needs: restart},
	{Key: "canary.key", Doc: "The canary's own key (lineup keys add canary --canary); an all-in-one makes its own where this is empty.",
		Secret:  true,
		Example: "...", Needs: restart},

	{Key: "sources.ID.enabled", Doc: "Crawl this registry on its schedule. ID is its id (lineup sources list).", Example: "true"},
	{Key: "sources.ID.schedule", Doc: "When, in place of the definition's own schedule: five fields, CRON_TZ=... before them allowed.",
		Kind: Cron, Example: `"30 1 * * *"`},
	{Key: "sources.ID.base_url", Doc: "Site on this machine that serves the same pages, for tests.",
		Kind: URL, Example: "http://127.0.0.1:8099/"},
	{Key: "sources.ID.vehicles", Doc: "Keep vehicles, never their plates.", Example: "false"},
	{Key: "sources.ID.terms_read.who", Doc: "Who read the registry's terms. Without it the registry is not crawled.", Example: "A. Operator"},
	{Key: "sources.ID.terms_read.when", Doc: "When.", Kind: Date, Example: `"2026-01-31"`},
	{Key: "sources.ID.checked.who", Doc: "Who held an unverified definition against the real site. Without it the source is not crawled.",
		Example: "A. Operator"},
	{Key: "sources.ID.checked.when", Doc: "When.", Kind: Date, Example: `"2026-01-31"`},
	{Key: "sources.ID.permission.who", Doc: "Who gave the permission to crawl.", Example: "Example State Police"},
	{Key: "sources.ID.permission.when", Doc: "When.", Kind: Date, Example: `"2026-01-31"`},
	{Key: "sources.ID.permission.reference", Doc: "Letter, e-mail or ticket that gives it.", Example: "letter 1/26"},
	{Key: "sources.ID.permission.terms", Doc: "The terms it refers to.", Kind: URL, Example: "https://registry.example.org/terms"},
	{Key: "sources.ID.account.user", Doc: "The operator's account at a source that asks for one; some want only an e-mail address, " +
		"as the user.",
		Example: "operator@example.org"},
	{Key: "sources.ID.account.password", Doc: "Its password.", Secret: true, Example: "..."},
}

// Settings returns all keys of the configuration, in the order of the documentation.
func Settings() []Setting { return settings }

// Default is the setting's default value, as YAML.
func (s Setting) Default() string {
	c := Default()
	field, ok := c.scalars()[s.Key]
	if !ok { // a source's: the zero value
		field = reflect.New(sourceScalars()[s.Key]).Elem()
	}
	return text(field)
}

// Environment is the name of the setting in the environment, "" for what only a file can set.
func (s Setting) Environment() string {
	if strings.HasPrefix(s.Key, "sources.") {
		return ""
	}
	return environmentName(s.Key)
}

func environmentName(key string) string {
	return "LINEUP_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Type is what a value is, in the operator's words.
func (s Setting) Type() string {
	c := Default()
	field, ok := c.scalars()[s.Key]
	of := sourceScalars()[s.Key]
	if ok {
		of = field.Type()
	}
	switch {
	case of == reflect.TypeFor[time.Duration]():
		return "duration"
	case of.Kind() == reflect.Bool:
		return "true or false"
	case of.Kind() == reflect.Int:
		return "whole number"
	case len(s.OneOf) > 0:
		return "one of " + strings.Join(quoted(s.OneOf), ", ")
	case s.Kind != Anything:
		return string(s.Kind)
	}
	return "text"
}

// Bounds are the least and the greatest value, in the operator's words; "" for none.
func (s Setting) Bounds() string {
	if s.Min == 0 && s.Max == 0 {
		return ""
	}
	if s.Type() == "duration" {
		return short(time.Duration(s.Min)) + " to " + short(time.Duration(s.Max))
	}
	return strconv.FormatInt(s.Min, 10) + " to " + strconv.FormatInt(s.Max, 10)
}

// short is a duration without its zero parts.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if rest, ok := strings.CutSuffix(s, zero); ok && rest != "" && strings.ContainsAny(rest[len(rest)-1:], "hm") {
			s = rest
		}
	}
	return s
}

func quoted(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s
		if s == "" {
			out[i] = `""`
		}
	}
	return out
}

// general returns the key as the table has it: with ID in place of a source's id.
func general(key string) string {
	rest, ok := strings.CutPrefix(key, "sources.")
	if !ok {
		return key
	}
	_, rest, _ = strings.Cut(rest, ".")
	return "sources.ID." + rest
}

// setting finds a key's row.
func setting(key string) (Setting, bool) {
	key = general(key)
	for _, s := range settings {
		if s.Key == key {
			return s, true
		}
	}
	return Setting{}, false
}

// scalars are the settable fields of c by key, those of the sources apart.
func (c *Config) scalars() map[string]reflect.Value {
	all := make(map[string]reflect.Value)
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			key := prefix + v.Type().Field(i).Tag.Get("yaml")
			switch f := v.Field(i); f.Kind() {
			case reflect.Struct:
				walk(key+".", f)
			case reflect.Map:
			default:
				all[key] = f
			}
		}
	}
	walk("", reflect.ValueOf(c).Elem())
	return all
}

// sourceScalars are the types of a source's keys.
func sourceScalars() map[string]reflect.Type {
	all := make(map[string]reflect.Type)
	var walk func(prefix string, t reflect.Type)
	walk = func(prefix string, t reflect.Type) {
		for i := range t.NumField() {
			key, f := prefix+t.Field(i).Tag.Get("yaml"), t.Field(i).Type
			if f.Kind() == reflect.Pointer {
				walk(key+".", f.Elem())
			} else {
				all[key] = f
			}
		}
	}
	walk("sources.ID.", reflect.TypeFor[Source]())
	return all
}

// set parses value into field. The error is in the operator's words and says no key.
func set(field reflect.Value, value string) error {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("%q is not a duration: write a number and a unit, like 30s, 10m or 24h", value)
		}
		field.SetInt(int64(d))
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(value)
	case reflect.Bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", value)
		}
		field.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", value)
		}
		field.SetInt(int64(n))
	}
	return nil
}

// text is a field's value as YAML.
func text(field reflect.Value) string {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		return short(time.Duration(field.Int()))
	}
	switch field.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(field.Bool())
	case reflect.Int:
		return strconv.FormatInt(field.Int(), 10)
	}
	return quote(field.String())
}

// quote writes a text as YAML would, in quotes where it must.
func quote(s string) string {
	odd := strings.ContainsAny(s, "#*&!|>'\"%@`{}[],?\\") || strings.Contains(s, ": ") || strings.TrimSpace(s) != s
	if s == "" || odd || s == "true" || s == "false" || isNumber(s) {
		return strconv.Quote(s)
	}
	return s
}

func isNumber(s string) bool { _, err := strconv.ParseFloat(s, 64); return err == nil }
