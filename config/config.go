// Package config is the operator's configuration as plain data: defaults, then a YAML file, then
// the environment, then flags, each over the one before; one validation of all of it that says where the fault
// is and what to write; and its documentation.
//
// The value at key a.b_c is set by "a: {b_c: ...}" in the file, by LINEUP_A_B_C in the
// environment and by --set a.b_c=... on the command line. A secret can also be read from a file:
// a.b_c_file names it, or systemd hands it over as the credential a.b_c.
package config

import (
	"path/filepath"
	"time"
)

// Config is everything an operator decides. What each key means, its bounds and an example stand in settings.go.
type Config struct {
	Data        string `yaml:"data"`
	Listen      string `yaml:"listen"`
	Private     string `yaml:"private"`
	Public      string `yaml:"public"`
	Contact     string `yaml:"contact"`
	Models      string `yaml:"models"`
	ModelsURL   string `yaml:"models_url"`
	SourcesDir  string `yaml:"sources_dir"`
	ONNXRuntime string `yaml:"onnxruntime"`
	Log         Log    `yaml:"log"`

	Index   Index             `yaml:"index"`
	Query   Query             `yaml:"query"`
	NATS    NATS              `yaml:"nats"`
	S3      S3                `yaml:"s3"`
	Qdrant  Qdrant            `yaml:"qdrant"`
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
	BulletCrimes    bool          `yaml:"bullet_crimes"`
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

// Source is what the operator decides of one registry.
type Source struct {
	Enabled    bool        `yaml:"enabled"`
	Schedule   string      `yaml:"schedule"`
	BaseURL    string      `yaml:"base_url"`
	Permission *Permission `yaml:"permission"`
	TermsRead  *Word       `yaml:"terms_read"`
	Checked    *Word       `yaml:"checked"`
	Account    *Account    `yaml:"account"`
	Vehicles   bool        `yaml:"vehicles"`
}

// Account is the operator's account at a source; some want only an e-mail address, as User.
type Account struct {
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

// Word is the operator's record that somebody did something about a source.
type Word struct {
	Who  string `yaml:"who"`
	When string `yaml:"when"`
}

// Permission is the record that an agency allowed crawling.
type Permission struct {
	Who       string `yaml:"who"`
	When      string `yaml:"when"`
	Reference string `yaml:"reference"`
	Terms     string `yaml:"terms"`
}

// Default is the configuration nobody has touched.
func Default() Config {
	return Config{
		Data: "data", Listen: "127.0.0.1:8080",
		Log:   Log{Level: "info", Format: "text"},
		Index: Index{CNN: true, Reconcile: 10 * time.Minute},
		Query: Query{PerMinute: 120, PerDay: 20000, MaxPhoto: 3000000, AllowOrigin: "*",
			SearchTimeout: 10 * time.Second, EmbedTimeout: 15 * time.Second, ReadTimeout: 30 * time.Second, MaxConnections: 2000},
		NATS:   NATS{Replicas: 1},
		S3:     S3{Bucket: "lineup"},
		Qdrant: Qdrant{Prefix: "lineup"},
	}
}

// Dir is a directory below the data directory.
func (c Config) Dir(name string) string { return filepath.Join(c.Data, name) }
