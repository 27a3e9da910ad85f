// Package config is the operator's configuration as plain data, its validation and its documentation. Values come
// from the defaults, a YAML file, the environment and flags; each overrides the ones before. One validation covers
// all of it and says where a fault is and what to write instead.
//
// The value at key a.b_c is set by "a: {b_c: ...}" in the file, by LINEUP_A_B_C in the environment and by --set
// a.b_c=... on the command line. A secret can also be read from a file: a.b_c_file names it, or systemd hands it over
// as the credential a.b_c.
package config

import (
	"cmp"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lineup/schemas"
)

// Config is everything an operator decides. What each key means, its bounds and an example stand in settings.go.
type Config struct {
	Data        string `yaml:"data"`
	Listen      string `yaml:"listen"`
	Private     string `yaml:"private"`
	Public      string `yaml:"public"`
	Contact     string `yaml:"contact"`
	Corrections string `yaml:"correction_contact"`
	Models      string `yaml:"models"`
	ModelsURL   string `yaml:"models_url"`
	SourcesDir  string `yaml:"sources_dir"`
	ONNXRuntime string `yaml:"onnxruntime"`
	RemovalLog  string `yaml:"removal_log"`
	AuditDays   int    `yaml:"audit_days"`
	Log         Log    `yaml:"log"`

	Index   Index             `yaml:"index"`
	Query   Query             `yaml:"query"`
	NATS    NATS              `yaml:"nats"`
	S3      S3                `yaml:"s3"`
	Qdrant  Qdrant            `yaml:"qdrant"`
	Notify  Notify            `yaml:"notify"`
	Canary  Canary            `yaml:"canary"`
	Sources map[string]Source `yaml:"sources"`
}

// Log says what is written to standard error.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Index is how photos are embedded.
type Index struct {
	Workers   int           `yaml:"workers"`
	CNN       bool          `yaml:"cnn"`
	Mirror    bool          `yaml:"mirror"`
	Model     string        `yaml:"model"`
	Research  bool          `yaml:"research"`
	Reconcile time.Duration `yaml:"reconcile"`
	Excluded  string        `yaml:"enrol_excluded"`

	LeastAgreement int `yaml:"least_agreement"` // percent
}

// Query is how searches are answered.
type Query struct {
	Demo            bool          `yaml:"demo"`
	PerMinute       int           `yaml:"per_minute"`
	PerDay          int           `yaml:"per_day"`
	MaxPhoto        int           `yaml:"max_photo"`
	StripDataPrefix bool          `yaml:"strip_data_prefix"`
	Legacy200       bool          `yaml:"legacy_200"`
	NearDays        int           `yaml:"near_days"`
	AllFormats      bool          `yaml:"all_formats"`
	AllowOrigin     string        `yaml:"allow_origin"`
	SearchTimeout   time.Duration `yaml:"search_timeout"`
	EmbedTimeout    time.Duration `yaml:"embed_timeout"`
	ReadTimeout     time.Duration `yaml:"read_timeout"`
	MaxConnections  int           `yaml:"max_connections"`
	MaxBodies       int           `yaml:"max_bodies"`
	IdleTimeout     time.Duration `yaml:"idle_timeout"`

	AddressConnections int    `yaml:"address_connections"`
	AddressPerMinute   int    `yaml:"address_per_minute"`
	Proxies            string `yaml:"proxies"`
	PhotoLinkDays      int    `yaml:"photo_link_days"`

	BulletCrimes bool `yaml:"bullet_crimes"`
}

// NATS is the external cluster; with no URL a server runs inside the process.
type NATS struct {
	URL         string `yaml:"url"`
	Credentials string `yaml:"credentials"`
	CA          string `yaml:"ca"`
	Cert        string `yaml:"cert"`
	Key         string `yaml:"key"`
	Replicas    int    `yaml:"replicas"`
	Inbox       string `yaml:"inbox"`
	Monitor     string `yaml:"monitor"`
}

// S3 is the object store; with no endpoint blobs are files below the data directory.
type S3 struct {
	Endpoint   string `yaml:"endpoint"`
	Bucket     string `yaml:"bucket"`
	Prefix     string `yaml:"prefix"`
	Region     string `yaml:"region"`
	AccessKey  string `yaml:"access_key"`
	SecretKey  string `yaml:"secret_key"`
	CA         string `yaml:"ca"`
	Lookup     string `yaml:"lookup"`
	Encryption string `yaml:"encryption"`
	PageDays   int    `yaml:"page_days"`
}

// Qdrant is the vector database; with no address the index is a file below the data directory.
type Qdrant struct {
	Address     string `yaml:"address"`
	APIKey      string `yaml:"api_key"`
	TLS         bool   `yaml:"tls"`
	CA          string `yaml:"ca"`
	Prefix      string `yaml:"prefix"`
	Approximate bool   `yaml:"approximate"`
	Replicas    int    `yaml:"replicas"`
}

// Notify says who is told, without Prometheus, when something needs a human.
type Notify struct {
	Webhook  string        `yaml:"webhook"`
	Secret   string        `yaml:"secret"`
	SMTP     string        `yaml:"smtp"`
	User     string        `yaml:"user"`
	Password string        `yaml:"password"`
	From     string        `yaml:"from"`
	To       string        `yaml:"to"`
	Inside   bool          `yaml:"inside"`
	Every    time.Duration `yaml:"every"`

	WatchesInside bool `yaml:"watches_inside"`
}

// Canary configures the search for a rendered face by which an installation proves end to end that it works; without
// Every there is none.
type Canary struct {
	Every time.Duration `yaml:"every"`
	URL   string        `yaml:"url"`
	Key   string        `yaml:"key"`
}

// Source is what the operator decides of one registry.
type Source struct {
	Enabled    bool                `yaml:"enabled"`
	Schedule   string              `yaml:"schedule"`
	BaseURL    string              `yaml:"base_url"`
	Permission *schemas.Permission `yaml:"permission"`
	TermsRead  *Word               `yaml:"terms_read"`
	Checked    *Word               `yaml:"checked"`
	Account    *Account            `yaml:"account"`
	Vehicles   bool                `yaml:"vehicles"`
}

// Account is the operator's account at a source; some want only an e-mail address, as User.
type Account struct {
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

// Word records that somebody did something about a source, and when.
type Word struct {
	Who  string `yaml:"who"`
	When string `yaml:"when"`
}

// Default is the configuration of an operator who has set nothing.
func Default() Config {
	return Config{
		Data: "data", Listen: "127.0.0.1:8080", Private: "127.0.0.1:8081", AuditDays: 28,
		Log:   Log{Level: "info", Format: "text"},
		Index: Index{CNN: true, Reconcile: 10 * time.Minute},
		Query: Query{PerMinute: 120, PerDay: 20000, MaxPhoto: 3000000, AllowOrigin: "*",
			SearchTimeout: 10 * time.Second, EmbedTimeout: 15 * time.Second, ReadTimeout: 30 * time.Second, MaxConnections: 2000,
			MaxBodies: 32, IdleTimeout: 30 * time.Second, AddressConnections: 200, AddressPerMinute: 600, PhotoLinkDays: 7},
		NATS:   NATS{Replicas: 1},
		S3:     S3{Bucket: "lineup"},
		Qdrant: Qdrant{Prefix: "lineup"},
		Notify: Notify{Every: 5 * time.Minute},
	}
}

// NeedsPublic reports whether other machines can reach the API although no public address is configured.
func (c Config) NeedsPublic() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && c.Public == "" && host != "localhost" && !net.ParseIP(host).IsLoopback()
}

// CorrectionContact is where people ask this operator to correct or remove a copy of a record, "" for nowhere.
func (c Config) CorrectionContact() string { return cmp.Or(c.Corrections, c.Contact) }

// Reachable reports whether other machines can reach the API, directly or through a proxy.
func (c Config) Reachable() bool { return c.Public != "" || c.NeedsPublic() }

// EnrolExcluded reports whether no templates are made of a source's photos.
func (c Config) EnrolExcluded(source string) bool { return slices.Contains(c.excluded(), source) }

// excluded are the ids in index.enrol_excluded.
func (c Config) excluded() (ids []string) {
	for id := range strings.SplitSeq(c.Index.Excluded, ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Dir is a directory below the data directory.
func (c Config) Dir(name string) string { return filepath.Join(c.Data, name) }
