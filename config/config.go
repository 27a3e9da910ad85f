// Package config is the operator's configuration as plain data: defaults, then a YAML file, then
// the environment, then flags, each over the one before, and validation that says what to do.
//
// The value at path a.b_c is set by "a: {b_c: ...}" in the file, by LINEUP_A_B_C in the
// environment and by --set a.b_c=... on the command line.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Config is everything an operator decides. The comments are the documentation of the keys.
type Config struct {
	Data    string `yaml:"data"`    // directory of all that the all-in-one keeps
	Listen  string `yaml:"listen"`  // address of the API and the page
	Private string `yaml:"private"` // address of metrics and profiles for the operator alone; "" for none
	Public  string `yaml:"public"`  // base of links in answers, "https://lineup.example.org"; "" for the request's host
	Contact string `yaml:"contact"` // e-mail or URL sites and people can reach the operator by; crawling needs it
	Models  string `yaml:"models"`  // directory of the face models; "" for the user's cache directory
	// ModelsURL is a mirror of the models' publisher, asked first; "" for none.
	ModelsURL string `yaml:"models_url"`
	Log     Log    `yaml:"log"`

	Index   Index             `yaml:"index"`
	Query   Query             `yaml:"query"`
	NATS    NATS              `yaml:"nats"`
	S3      S3                `yaml:"s3"`
	Qdrant  Qdrant            `yaml:"qdrant"`
	Sources map[string]Source `yaml:"sources"` // the registries to crawl, by id
}

// Log says what is written to standard error.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// Index is how photos are embedded.
type Index struct {
	Workers   int           `yaml:"workers"`   // recognizers, about 60 MB each; 0 for one a core
	CNN       bool          `yaml:"cnn"`       // where all else finds no face try dlib's CNN detector: a tenth of a second and up to 110 MB more a worker
	Mirror    bool          `yaml:"mirror"`    // average with the mirror image: part of the model, needs a reindex
	Reconcile time.Duration `yaml:"reconcile"` // how often the ledger is swept for what the index lacks
}

// Query is how searches are answered.
type Query struct {
	Demo            bool          `yaml:"demo"` // the DEMO key opens the search for the bundled photo
	PerMinute       int           `yaml:"per_minute"`
	PerDay          int           `yaml:"per_day"`
	MaxPhoto        int           `yaml:"max_photo"` // a decoded photo has fewer bytes
	StripDataPrefix bool          `yaml:"strip_data_prefix"`
	Legacy200       bool          `yaml:"legacy_200"`
	NearDays        int           `yaml:"near_days"`
	AllFormats      bool          `yaml:"all_formats"` // take WebP, GIF and BMP probes too
	AllowOrigin     string        `yaml:"allow_origin"`
	SearchTimeout   time.Duration `yaml:"search_timeout"`
	EmbedTimeout    time.Duration `yaml:"embed_timeout"`
}

// NATS is the external cluster; with no URL a server runs inside the process.
type NATS struct {
	URL         string `yaml:"url"`
	Credentials string `yaml:"credentials"` // file
	CA          string `yaml:"ca"`          // PEM file
	Cert        string `yaml:"cert"`
	Key         string `yaml:"key"`
	Replicas    int    `yaml:"replicas"`
	Inbox       string `yaml:"inbox"`   // what the subjects of answers begin with; "" for _INBOX and the user's name in url
	Monitor     string `yaml:"monitor"` // addresses of the servers' monitoring, "http://nats-0:8222,...": doctor looks there whether writes are synced
}

// S3 is the object store; with no endpoint blobs are files below the data directory.
type S3 struct {
	Endpoint   string `yaml:"endpoint"` // https://host:port, or http:// for loopback and meshes
	Bucket     string `yaml:"bucket"`
	Prefix     string `yaml:"prefix"` // of all keys, "" or "some/path/"
	Region     string `yaml:"region"` // "" asks the server
	AccessKey  string `yaml:"access_key"`
	SecretKey  string `yaml:"secret_key"`
	CA         string `yaml:"ca"`         // PEM file
	Lookup     string `yaml:"lookup"`     // path, dns (virtual host), or "" for what the endpoint suggests
	Encryption string `yaml:"encryption"` // "", sse-s3 or sse-kms:KEY
	PageDays   int    `yaml:"page_days"`  // page snapshots expire after so many days; 0 never
}

// Qdrant is the vector database; with no address the index is a file below the data directory.
type Qdrant struct {
	Address     string `yaml:"address"` // host:port of gRPC
	APIKey      string `yaml:"api_key"`
	TLS         bool   `yaml:"tls"`
	CA          string `yaml:"ca"` // PEM file
	Prefix      string `yaml:"prefix"`
	Approximate bool   `yaml:"approximate"` // search by the graph instead of comparing every face
	Replicas    int    `yaml:"replicas"`    // of each collection; 0 is the server's default
}

// Source is what the operator decides of one registry.
type Source struct {
	Enabled    bool        `yaml:"enabled"`
	Schedule   string      `yaml:"schedule"` // cron expression over the definition's own; "" for that
	BaseURL    string      `yaml:"base_url"` // another place that serves the same pages: a mirror, a test site
	Permission *Permission `yaml:"permission"`
	Account    *Account    `yaml:"account"`  // the operator's own, where a source asks for one
	Vehicles   bool        `yaml:"vehicles"` // keep vehicles, never their plates
}

// Account is the operator's account at a source; some want only an e-mail address, as User.
type Account struct {
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

// Permission is the record that an agency allowed crawling.
type Permission struct {
	Who       string `yaml:"who"`       // who gave it
	When      string `yaml:"when"`      // date, YYYY-MM-DD
	Reference string `yaml:"reference"` // letter, e-mail, ticket
	Terms     string `yaml:"terms"`     // URL of the terms it refers to
}

// Default is the configuration nobody has touched.
func Default() Config {
	return Config{
		Data: "data", Listen: "127.0.0.1:8080",
		Log:   Log{Level: "info", Format: "text"},
		Index: Index{CNN: true, Reconcile: 10 * time.Minute},
		Query: Query{PerMinute: 120, PerDay: 20000, MaxPhoto: 3000000, AllowOrigin: "*",
			SearchTimeout: 10 * time.Second, EmbedTimeout: 15 * time.Second},
		NATS:   NATS{Replicas: 1},
		S3:     S3{Bucket: "lineup"},
		Qdrant: Qdrant{Prefix: "lineup"},
	}
}

// Load reads the file ("" for none), then the environment, then sets ("path=value"), over the
// defaults, and validates. An unknown key is an error that shows its line.
func Load(file string, environ, sets []string) (Config, error) {
	c := Default()
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("read the configuration: %w", err)
		}
		read := c
		err = yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&read)
		var empty any
		if yaml.Unmarshal(data, &empty) == nil && empty != nil {
			c = read // an empty document would set everything to nothing
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return c, fmt.Errorf("configuration %s:\n%s\n(lineup config shows every key)", file, yaml.FormatError(err, false, true))
		}
	}
	keys := c.scalars()
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		rest, ours := strings.CutPrefix(name, "LINEUP_")
		if !ours {
			continue
		}
		for path, field := range keys {
			if strings.ToUpper(strings.ReplaceAll(path, ".", "_")) == rest {
				if err := set(field, value); err != nil {
					return c, fmt.Errorf("environment %s: %w", name, err)
				}
			}
		}
	}
	for _, pair := range sets {
		path, value, ok := strings.Cut(pair, "=")
		field, known := keys[path]
		if !ok || !known {
			return c, fmt.Errorf("--set %s: no such key (lineup config shows every key)", pair)
		}
		if err := set(field, value); err != nil {
			return c, fmt.Errorf("--set %s: %w", path, err)
		}
	}
	return c, c.Validate()
}

// Validate says what is wrong, all of it, each with what to do.
func (c Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Data == "" {
		bad("data: name a directory to keep things in")
	}
	for path, address := range map[string]string{"listen": c.Listen, "private": c.Private} {
		if _, _, err := net.SplitHostPort(address); err != nil && (address != "" || path == "listen") {
			bad("%s: %q is not host:port, like 127.0.0.1:8080", path, address)
		}
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		bad("log.level: %q is none of debug, info, warn, error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		bad("log.format: %q is neither text nor json", c.Log.Format)
	}
	if c.Index.Workers < 0 || c.Index.Workers > 256 {
		bad("index.workers: %d is not in 0..256 (0: one a core)", c.Index.Workers)
	}
	if c.Index.Reconcile < time.Second {
		bad("index.reconcile: %s is below a second", c.Index.Reconcile)
	}
	if c.NATS.Replicas < 1 || c.NATS.Replicas > 5 {
		bad("nats.replicas: %d is not in 1..5", c.NATS.Replicas)
	}
	if (c.S3.AccessKey == "") != (c.S3.SecretKey == "") {
		bad("s3: one of access_key and secret_key is missing: give both (LINEUP_S3_ACCESS_KEY, LINEUP_S3_SECRET_KEY) or neither")
	}
	for id, source := range c.Sources {
		if p := source.Permission; p != nil {
			if _, err := time.Parse(time.DateOnly, p.When); err != nil || p.Who == "" || p.Reference == "" {
				bad("sources.%s.permission: needs who, when (YYYY-MM-DD) and reference", id)
			}
		}
	}
	return errors.Join(problems...)
}

// scalars are the settable fields of c by path.
func (c *Config) scalars() map[string]reflect.Value {
	all := make(map[string]reflect.Value)
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			path := prefix + v.Type().Field(i).Tag.Get("yaml")
			switch f := v.Field(i); f.Kind() {
			case reflect.Struct:
				walk(path+".", f)
			case reflect.Map:
			default:
				all[path] = f
			}
		}
	}
	walk("", reflect.ValueOf(c).Elem())
	return all
}

func set(field reflect.Value, value string) error {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("%q is not a duration like 10m: %w", value, err)
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

// YAML is c as a file, without secrets.
func (c Config) YAML() (string, error) {
	for _, secret := range []*string{&c.S3.SecretKey, &c.Qdrant.APIKey} {
		if *secret != "" {
			*secret = "(set)"
		}
	}
	servers := strings.Split(c.NATS.URL, ",")
	for i, server := range servers {
		scheme, rest, ok := strings.Cut(server, "://")
		if at := strings.LastIndex(rest, "@"); ok && at >= 0 {
			servers[i] = scheme + "://(set)" + rest[at:]
		}
	}
	c.NATS.URL = strings.Join(servers, ",")
	sources := map[string]Source{}
	for id, source := range c.Sources {
		if source.Account != nil && source.Account.Password != "" {
			source.Account = &Account{User: source.Account.User, Password: "(set)"}
		}
		sources[id] = source
	}
	if c.Sources != nil {
		c.Sources = sources
	}
	data, err := yaml.Marshal(c)
	return string(data), err
}

// Dir is a directory below the data directory.
func (c Config) Dir(name string) string { return filepath.Join(c.Data, name) }
