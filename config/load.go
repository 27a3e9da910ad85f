package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Input is what a configuration is read from and checked against.
type Input struct {
	File    string   // YAML; "" for none
	Environ []string // "NAME=value"
	Sets    []string // "key=value"

	// Sources tells the registries the program knows, those of sources_dir included, by id; nil leaves ids unchecked.
	// It is asked only where sources or their directory are configured.
	Sources func(dir string) (map[string]Registry, error)
	// Schedule is nil for a cron expression that the program can follow; a nil function checks none.
	Schedule func(expression string) error
}

// TermsKnown stands in the place of an address for terms that were read on behalf of every operator.
const TermsKnown = "read"

// Registry is what the validation must know of a source.
type Registry struct {
	LinkOnly   bool   // never crawled
	Import     bool   // read from files
	Permission bool   // crawled only with a permission
	Unverified bool   // its definition was never held against a real page or public code
	Shadows    string // file of a definition that stands in the place of one of the program's; "" for none
	Terms      string // where its terms are, for whoever must read them; "read" where they were read for everybody
}

// Origin says where a value comes from: "lineup.yaml:12", "environment LINEUP_LISTEN", "--set listen",
// "file /run/secrets/key".
type Origin string

// Loaded is a configuration, where its values come from, and what looks wrong in it.
type Loaded struct {
	Config
	Origins  map[string]Origin // by key; what is missing is a default
	Warnings []string          // what looks like a mistake and does no harm
}

// Problem is one fault of a configuration.
type Problem struct {
	Key   string
	Where Origin // "" for a value that is not set
	Say   string // what is wrong and what to write
}

func (p Problem) Error() string {
	text := p.Say
	if p.Key != "" {
		text = p.Key + ": " + text
	}
	if p.Where != "" {
		text = string(p.Where) + ": " + text
	}
	return text
}

// Problems are all faults of a configuration.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return "the configuration is wrong:\n  " + strings.Join(lines, "\n  ") +
		"\n(docs/configuration.md explains every key, lineup config --example prints them all)"
}

// Load reads the file, then the environment, then the flags, over the defaults, and validates the whole.
// Errors: Problems, with every fault there is.
func Load(in Input) (Loaded, error) {
	l := &loader{Loaded: Loaded{Config: Default(), Origins: make(map[string]Origin)}, files: make(map[string]secretFile)}
	l.scalars = l.Config.scalars()
	if in.File != "" {
		if err := l.file(in.File); err != nil {
			return l.Loaded, err
		}
	}
	l.environment(in.Environ)
	l.flags(in.Sets)
	l.secrets(in.Environ)
	l.validate(in)
	if len(l.problems) > 0 {
		return l.Loaded, l.problems
	}
	return l.Loaded, nil
}

// loader is a configuration being read.
type loader struct {
	Loaded
	scalars  map[string]reflect.Value
	files    map[string]secretFile // that secrets are to be read from, by the secret's key
	problems Problems
}

// noYAML says where a file is no YAML, and why.
func noYAML(name string, data []byte, err error) Problems {
	where, say := Origin(filepath.Base(name)), "is no YAML: "+yaml.FormatError(err, false, true)
	if syntax := (*yaml.SyntaxError)(nil); errors.As(err, &syntax) && syntax.Token != nil {
		where += Origin(fmt.Sprintf(":%d", syntax.Token.Position.Line))
	}
	if bytes.Contains(data, []byte("\n\t")) || bytes.HasPrefix(data, []byte("\t")) {
		say += "\n(indent with spaces, not with tabs)"
	}
	return Problems{{Where: where, Say: say}}
}

// secretFile is where a secret is to be read from, and who says so.
type secretFile struct {
	path  string
	named Origin
}

func (l *loader) bad(key string, where Origin, format string, args ...any) {
	l.problems = append(l.problems, Problem{key, where, fmt.Sprintf(format, args...)})
}

// file reads a YAML file.
func (l *loader) file(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	parsed, err := parser.ParseBytes(data, 0)
	if err != nil {
		return noYAML(name, data, err)
	}
	r := reader{loader: l, name: filepath.Base(name), anchors: make(map[string]ast.Node)}
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			r.mapping(doc.Body, "", reflect.ValueOf(&l.Config).Elem())
		}
	}
	return nil
}

// reader reads the nodes of a YAML file.
type reader struct {
	*loader
	name    string
	anchors map[string]ast.Node
}

func (r reader) at(n ast.Node) Origin {
	return Origin(fmt.Sprintf("%s:%d", r.name, n.GetToken().Position.Line))
}

// resolve follows an anchor or alias.
func (r reader) resolve(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.AnchorNode:
		r.anchors[n.Name.GetToken().Value] = n.Value
		return r.resolve(n.Value)
	case *ast.AliasNode:
		if known := r.anchors[n.Value.GetToken().Value]; known != nil {
			return r.resolve(known)
		}
	case *ast.TagNode:
		return r.resolve(n.Value)
	}
	return n
}

// mapping reads the keys of n into the struct or map into, which stands at prefix.
func (r reader) mapping(n ast.Node, prefix string, into reflect.Value) {
	var values []*ast.MappingValueNode
	switch n := r.resolve(n).(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.NullNode, *ast.CommentGroupNode:
		return
	default:
		key := strings.TrimSuffix(prefix, ".")
		r.bad(key, r.at(n), "want keys below it, like %q", example(prefix))
		return
	}
	for _, v := range values {
		name := v.Key.GetToken().Value
		if v.Key.IsMergeKey() {
			r.mapping(v.Value, prefix, into)
			continue
		}
		r.value(prefix+name, name, v, into)
	}
}

// value reads one key's value into its field of the struct or map into.
func (r reader) value(key, name string, v *ast.MappingValueNode, into reflect.Value) {
	if into.Kind() == reflect.Map {
		one := reflect.New(into.Type().Elem()).Elem()
		if known := into.MapIndex(reflect.ValueOf(name)); known.IsValid() {
			one.Set(known)
		}
		r.Origins[key] = r.at(v.Key)
		r.mapping(v.Value, key+".", one)
		into.SetMapIndex(reflect.ValueOf(name), one)
		return
	}
	field := fieldOf(into, name)
	switch {
	case !field.IsValid():
		base, isFile := strings.CutSuffix(key, "_file")
		if s, known := setting(base); isFile && known && s.Secret {
			if text, ok := r.scalar(key, v.Value); ok {
				r.fromFile(base, text, r.at(v.Key))
			}
			return
		}
		r.bad(key, r.at(v.Key), "there is no such key%s", meant(key))
	case field.Kind() == reflect.Struct:
		r.mapping(v.Value, key+".", field)
	case field.Kind() == reflect.Map:
		if field.IsNil() {
			field.Set(reflect.MakeMap(field.Type()))
		}
		r.mapping(v.Value, key+".", field)
	case field.Kind() == reflect.Pointer:
		if _, null := r.resolve(v.Value).(*ast.NullNode); null {
			return
		}
		if field.IsNil() {
			field.Set(reflect.New(field.Type().Elem()))
		}
		r.mapping(v.Value, key+".", field.Elem())
	default:
		text, ok := r.scalar(key, v.Value)
		if !ok {
			return
		}
		r.set(field, key, text, r.at(v.Key))
	}
}

// scalar is the text of a single value; null is none.
func (r reader) scalar(key string, n ast.Node) (text string, ok bool) {
	switch n := r.resolve(n).(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.NullNode:
		return "", false
	case *ast.SequenceNode:
		if s, ok := setting(key); !ok || !s.List {
			r.bad(key, r.at(n), "want a single value, like %q", example(key))
			return "", false
		}
		var all []string
		for _, value := range n.Values {
			if one, ok := r.scalar(key, value); ok {
				all = append(all, one)
			}
		}
		return strings.Join(all, ","), true
	case *ast.MappingNode, *ast.MappingValueNode:
		r.bad(key, r.at(n), "want a single value, like %q", example(key))
		return "", false
	default:
		return n.GetToken().Value, true
	}
}

// set sets a field from text and remembers where it comes from.
func (l *loader) set(field reflect.Value, key, text string, from Origin) {
	if err := set(field, text); err != nil {
		l.bad(key, from, "%v", err)
		return
	}
	if file, ok := l.files[key]; ok && samePlace(file.named, from) {
		l.bad(key, from, "stands beside %s_file: write one of them", key)
	}
	delete(l.files, key)
	l.Origins[key] = from
}

// fromFile remembers that a secret is to be read from a file.
func (l *loader) fromFile(key, path string, named Origin) {
	if samePlace(l.Origins[key], named) {
		l.bad(key, named, "stands beside %s_file: write one of them", key)
	}
	l.files[key] = secretFile{path, named}
}

// samePlace reports whether two values come from the same file, or both from the environment or from flags.
func samePlace(a, b Origin) bool {
	place := func(o Origin) string {
		return strings.FieldsFunc(string(o), func(r rune) bool { return r == ':' || r == ' ' })[0]
	}
	return a != "" && b != "" && place(a) == place(b)
}

// fieldOf is the field of a struct that has the name in YAML; the zero Value for none.
func fieldOf(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// flags reads --set key=value.
func (l *loader) flags(sets []string) {
	for _, pair := range sets {
		key, value, ok := strings.Cut(pair, "=")
		from := Origin("--set " + key)
		field, known := l.scalars[key]
		base, isFile := strings.CutSuffix(key, "_file")
		switch s, secret := setting(base); {
		case !ok:
			l.bad("", from, "want KEY=VALUE, like --set index.workers=2")
		case known:
			l.set(field, key, value, from)
		case isFile && secret && s.Secret && l.scalars[base].IsValid():
			l.fromFile(base, value, from)
		case strings.HasPrefix(key, "sources."):
			l.bad("", from, "sources are set in the configuration file only")
		default:
			l.bad("", from, "there is no such key%s", meant(key))
		}
	}
}

// secrets reads the secrets that stand in files: those that are named, and systemd's credentials.
func (l *loader) secrets(environ []string) {
	dir := ""
	for _, pair := range environ {
		if value, ok := strings.CutPrefix(pair, "CREDENTIALS_DIRECTORY="); ok {
			dir = value
		}
	}
	for _, key := range l.secretKeys() {
		if _, named := l.files[key]; named || dir == "" || l.Origins[key] != "" {
			continue
		}
		path := filepath.Join(dir, key)
		if _, err := os.Stat(path); err == nil {
			l.files[key] = secretFile{path, "systemd's credential " + Origin(key)}
		}
	}
	for key, file := range l.files {
		data, err := os.ReadFile(file.path)
		if err != nil {
			var path *os.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			l.bad(key+"_file", file.named, "read %s: %v", file.path, err)
			continue
		}
		if info, err := os.Stat(file.path); err == nil && info.Mode().Perm()&0o004 != 0 {
			l.Warnings = append(l.Warnings, fmt.Sprintf("everybody on this machine can read %s, which holds %s: chmod o-r it", file.path, key))
		}
		secret := strings.TrimRight(string(data), "\r\n")
		if secret == "" {
			l.bad(key+"_file", file.named, "%s is empty", file.path)
		}
		l.setSecret(key, secret)
		l.Origins[key] = Origin("file " + file.path)
	}
}

// secretKeys are the keys of secrets, those of the configured sources with their ids.
func (l *loader) secretKeys() (keys []string) {
	for _, s := range settings {
		switch rest, ofSource := strings.CutPrefix(s.Key, "sources.ID."); {
		case !s.Secret:
		case ofSource:
			for id := range l.Sources {
				keys = append(keys, "sources."+id+"."+rest)
			}
		default:
			keys = append(keys, s.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// setSecret sets the secret at key, which may be one of a source.
func (l *loader) setSecret(key, value string) {
	if field, ok := l.scalars[key]; ok {
		field.SetString(value)
		return
	}
	id := strings.TrimSuffix(strings.TrimPrefix(key, "sources."), ".account.password")
	source := l.Sources[id]
	account := Account{Password: value}
	if source.Account != nil {
		account.User = source.Account.User
	}
	source.Account = &account
	l.Sources[id] = source
}
