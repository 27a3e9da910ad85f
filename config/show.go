package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// hidden stands where a secret is set.
const hidden = "(set)"

// withoutSecrets is c with the secrets hidden.
func (c Config) withoutSecrets() Config {
	for _, secret := range []*string{&c.S3.SecretKey, &c.Qdrant.APIKey, &c.Notify.Webhook, &c.Notify.Secret, &c.Notify.Password,
		&c.Canary.Key} {
		if *secret != "" {
			*secret = hidden
		}
	}
	servers := strings.Split(c.NATS.URL, ",")
	for i, server := range servers {
		scheme, rest, ok := strings.Cut(server, "://")
		if at := strings.LastIndex(rest, "@"); ok && at >= 0 {
			servers[i] = scheme + "://" + hidden + rest[at:]
		}
	}
	c.NATS.URL = strings.Join(servers, ",")
	if c.Sources == nil {
		return c
	}
	c.Sources = maps.Clone(c.Sources)
	for id, source := range c.Sources {
		if source.Account != nil && source.Account.Password != "" {
			source.Account = &Account{User: source.Account.User, Password: hidden}
			c.Sources[id] = source
		}
	}
	return c
}

// YAML is the configuration in force as a file, without secrets. A comment says where each value comes from.
func (l Loaded) YAML() string {
	var b strings.Builder
	var open []string
	for _, v := range l.Values() {
		parts := strings.Split(v.Key, ".")
		rooms, name := parts[:len(parts)-1], parts[len(parts)-1]
		common := 0
		for common < min(len(rooms), len(open)) && rooms[common] == open[common] {
			common++
		}
		for i := common; i < len(rooms); i++ {
			fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), rooms[i])
		}
		open = rooms
		fmt.Fprintf(&b, "%s%s: %s # %s\n", strings.Repeat("  ", len(rooms)), name, v.Value, v.Origin)
	}
	return b.String()
}

// Value is one key of a configuration in force.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"` // as YAML; a secret is not shown
	Origin Origin `json:"origin"`
}

// Values are all keys in force, each with where its value comes from, in the order of Settings.
func (l Loaded) Values() (values []Value) {
	shown := l.withoutSecrets()
	scalars := shown.scalars()
	for _, s := range settings {
		if field, ok := scalars[s.Key]; ok {
			values = append(values, Value{s.Key, text(field), cmp.Or(l.Origins[s.Key], "default")})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(shown.Sources)) {
		values = append(values, l.sourceValues("sources."+id, reflect.ValueOf(shown.Sources[id]))...)
	}
	return values
}

func (l Loaded) sourceValues(key string, v reflect.Value) (values []Value) {
	for i := range v.NumField() {
		field, name := v.Field(i), key+"."+v.Type().Field(i).Tag.Get("yaml")
		if field.Kind() == reflect.Pointer {
			if !field.IsNil() {
				values = append(values, l.sourceValues(name, field.Elem())...)
			}
			continue
		}
		values = append(values, Value{name, text(field), cmp.Or(l.Origins[name], "default")})
	}
	return values
}

// Changed lists the settings whose values differ between a and b, those of sources apart.
func Changed(a, b Config) (changed []Setting) {
	before, after := a.scalars(), b.scalars()
	for _, s := range settings {
		if old, ok := before[s.Key]; ok && !old.Equal(after[s.Key]) {
			changed = append(changed, s)
		}
	}
	return changed
}

// ChangedSources lists the ids of the sources whose settings differ between a and b.
func ChangedSources(a, b Config) (ids []string) {
	for id, source := range b.Sources {
		if old, ok := a.Sources[id]; !ok || !reflect.DeepEqual(old, source) {
			ids = append(ids, id)
		}
	}
	for id := range a.Sources {
		if _, ok := b.Sources[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Example is a configuration file with every key at its default, explained and commented out.
func Example() string {
	var b strings.Builder
	b.WriteString("# Every key of Lineup's configuration, with its default. Take the # from a line to change it.\n" +
		"# yaml-language-server: $schema=lineup.schema.json (lineup config --schema > lineup.schema.json)\n")
	section := ""
	for _, s := range settings {
		room, name, nested := strings.Cut(s.Key, ".")
		if !nested {
			room, name = "", s.Key
		}
		if room == "sources" {
			continue
		}
		indent := ""
		if room != section {
			section = room
			fmt.Fprintf(&b, "\n# %s:\n", room)
		} else if room == "" {
			b.WriteString("\n")
		}
		if room != "" {
			indent = "  "
		}
		fmt.Fprintf(&b, "#%s # %s\n#%s %s: %s\n", indent, describe(s), indent, name, s.Default())
	}
	b.WriteString("\n# sources:\n#   us-xx:\n")
	for _, s := range settings {
		name, ok := strings.CutPrefix(s.Key, "sources.ID.")
		if !ok {
			continue
		}
		indent := "    "
		if room, rest, nested := strings.Cut(name, "."); nested {
			if section != room {
				section = room
				fmt.Fprintf(&b, "#%s%s:\n", indent, room)
			}
			indent, name = indent+"  ", rest
		}
		fmt.Fprintf(&b, "#%s# %s\n#%s%s: %s\n", indent, describe(s), indent, name, s.Example)
	}
	return b.String()
}

// describe says all of a setting but its key and default in one line.
func describe(s Setting) string {
	text := s.Doc
	if unit := cmp.Or(s.Bounds(), oneOf(s)); unit != "" {
		text += " " + strings.ToUpper(unit[:1]) + unit[1:] + "."
	}
	if s.Unit != "" {
		text += " In " + s.Unit + "."
	}
	if s.Secret {
		text += " " + lastKey(s.Key) + "_file names a file that holds it."
	}
	return text
}

func lastKey(key string) string { return key[strings.LastIndex(key, ".")+1:] }

func oneOf(s Setting) string {
	if len(s.OneOf) == 0 {
		return ""
	}
	return "one of " + strings.Join(quoted(s.OneOf), ", ")
}

// introduction begins docs/configuration.md; ' stands for a backquote.
const introduction = `# Configuration

Made by 'lineup config --markdown'; do not edit.

Lineup needs no configuration to be tried. What is set is read in this order, the later over the earlier: the defaults, the file
that '--config' or 'LINEUP_CONFIG' names, the environment, '--set KEY=VALUE'. The key 'a.b_c' stands in the file as
'a: {b_c: ...}', in the environment as 'LINEUP_A_B_C'; sources stand in the file only.

A secret never has to stand in the file or in the environment: 'KEY_file' (in the environment 'LINEUP_..._FILE') names a file
that holds it, and a credential that systemd hands over under the name of the key
('LoadCredential=s3.secret_key:/etc/lineup/s3.secret') is taken by itself.

'lineup config' shows every value in force and where it comes from, 'lineup config --example' prints a file to start from, and
'lineup config --schema' a JSON Schema for editors. Every command checks all of it before it does anything; 'lineup doctor' says
it too. A source that is enabled also needs 'contact', and 'permission' where its registry asks for one.

`

// Markdown is docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(introduction, "'", "`"))
	section := "none"
	for _, s := range settings {
		room, _, nested := strings.Cut(s.Key, ".")
		if !nested {
			room = ""
		}
		if room != section {
			section = room
			fmt.Fprintf(&b, "## %s\n\n", cmp.Or(room, "General"))
		}
		fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", s.Key, s.Doc)
		row := func(name, text string) {
			if text != "" {
				fmt.Fprintf(&b, "- %s: %s\n", name, text)
			}
		}
		kind := s.Type()
		if s.List {
			kind += "; several between commas, or as a list of YAML"
		}
		row("type", kind)
		row("default", "`"+s.Default()+"`")
		row("unit", s.Unit)
		row("bounds", s.Bounds())
		row("example", "`"+s.Example+"`")
		if name := s.Environment(); name != "" {
			row("environment", "`"+name+"`")
		}
		if s.Secret {
			row("from a file", "`"+s.Key+"_file`")
		}
		row("a change needs", cmp.Or(s.Needs, "`lineup reload`"))
		row("since", firstRelease)
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// firstRelease is the version that all present keys came with.
const firstRelease = "0.1.0"

// Schema is a JSON Schema of the configuration file, for editors.
func Schema() ([]byte, error) {
	root := object()
	for _, s := range settings {
		at := root
		parts := strings.Split(s.Key, ".")
		for _, part := range parts[:len(parts)-1] {
			at = below(at, part)
		}
		name := parts[len(parts)-1]
		at["properties"].(map[string]any)[name] = s.schema()
		if s.Secret {
			file := map[string]any{"type": "string", "description": "File that holds " + s.Key + "."}
			at["properties"].(map[string]any)[name+"_file"] = file
		}
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Lineup's configuration"
	return json.MarshalIndent(root, "", "  ")
}

func object() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
}

// below is the object that stands at the key part of an object; ID stands for any key.
func below(at map[string]any, part string) map[string]any {
	if part == "ID" {
		if _, ok := at["additionalProperties"].(map[string]any); !ok {
			at["additionalProperties"] = object()
		}
		return at["additionalProperties"].(map[string]any)
	}
	properties := at["properties"].(map[string]any)
	if properties[part] == nil {
		properties[part] = object()
	}
	return properties[part].(map[string]any)
}

// schema is the JSON Schema of one setting.
func (s Setting) schema() map[string]any {
	out := map[string]any{"description": describe(s), "type": "string", "default": s.Default()}
	switch kind := s.Type(); kind {
	case "true or false":
		out["type"], out["default"] = "boolean", s.Default() == "true"
	case "whole number":
		out["type"], out["default"] = "integer", json.RawMessage(s.Default())
		if s.Max != 0 {
			out["minimum"], out["maximum"] = s.Min, s.Max
		}
	case "duration":
		out["pattern"] = `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`
	default:
		out["default"] = strings.Trim(s.Default(), `"`)
	}
	if len(s.OneOf) > 0 {
		out["enum"] = s.OneOf
	}
	if s.List {
		out["type"], out["items"] = []string{"string", "array"}, map[string]any{"type": "string"}
	}
	return out
}
