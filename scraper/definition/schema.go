package definition

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"lineup/scraper"
)

// Schema is the JSON Schema (2020-12) of a source.yml, for editors. It is made from the types of
// this package, so that the two cannot differ.
func Schema() ([]byte, error) {
	defs := map[string]any{}
	top := schemaOf(reflect.TypeFor[Definition](), defs)
	out := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Lineup source definition", "$defs": defs, "$ref": top["$ref"],
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return append(data, '\n'), nil
}

// closed are the words that a key takes, by struct and key.
var closed = map[string][]string{
	"Step.as":       {"html", "json", "arcgis", "xml", "csv", "tsv", "fixed", "xlsx", "xls", "zip"},
	"Table.as":      {"csv", "tsv", "fixed", "xlsx", "xls"},
	"Labels.layout": layouts,
	"Pages.by":      {"page", "offset", "next", "postback", "prefix"},
	"Value.order":   orders,
	"Value.case":    {"upper", "lower", "title"},
	"Photo.view":    {"front", "left", "right"},
}

func schemaOf(t reflect.Type, defs map[string]any) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|ms|s|m|h))+$`}
	case t == reflect.TypeFor[scraper.Mode]():
		return map[string]any{"enum": []scraper.Mode{scraper.Enabled, scraper.PermissionRequired, scraper.LinkOnly, scraper.Import}}
	case t == reflect.TypeFor[Texts]():
		one := map[string]any{"type": "string"}
		return map[string]any{"oneOf": []any{one, map[string]any{"type": "array", "items": one}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), defs)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), defs)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), defs)}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Struct:
		name := t.Name()
		if _, ok := defs[name]; !ok {
			defs[name] = nil // taken, so that a type inside itself ends
			defs[name] = object(t, defs)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	}
	return map[string]any{"type": "string"}
}

func object(t reflect.Type, defs map[string]any) map[string]any {
	properties := map[string]any{}
	var required []string
	fields(t, func(owner reflect.Type, f reflect.StructField, key, rest string) {
		one := schemaOf(f.Type, defs)
		if words := closed[owner.Name()+"."+key]; words != nil {
			one = map[string]any{"enum": words}
		}
		if doc := f.Tag.Get("doc"); doc != "" {
			one["description"] = doc
		}
		properties[key] = one
		if !strings.Contains(rest, "omitempty") && owner == t && f.Type.Kind() == reflect.String {
			required = append(required, key)
		}
	})
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// fields calls do for every key of t, those of inlined structs included.
func fields(t reflect.Type, do func(owner reflect.Type, f reflect.StructField, key, rest string)) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if rest == "inline" {
			fields(f.Type, do)
			continue
		}
		do(t, f, key, rest)
	}
}

// Keys lists every key of a definition with what it means, in Markdown, for the guide.
func Keys() string {
	var b strings.Builder
	for _, t := range []reflect.Type{
		reflect.TypeFor[Definition](), reflect.TypeFor[scraper.Manners](), reflect.TypeFor[scraper.Guards](), reflect.TypeFor[scraper.Policy](),
		reflect.TypeFor[Step](),
		reflect.TypeFor[Ask](), reflect.TypeFor[Table](), reflect.TypeFor[Labels](), reflect.TypeFor[Then](), reflect.TypeFor[Pages](),
		reflect.TypeFor[Drop](),
		reflect.TypeFor[Value](), reflect.TypeFor[Record](), reflect.TypeFor[NameRule](), reflect.TypeFor[Alias](), reflect.TypeFor[Place](),
		reflect.TypeFor[Offense](), reflect.TypeFor[Charge](), reflect.TypeFor[Vehicle](), reflect.TypeFor[Photo](),
	} {
		fmt.Fprintf(&b, "\n### %s\n\n| key | meaning |\n|---|---|\n", t.Name())
		writeKeys(&b, t)
	}
	return b.String()
}

// writeKeys lists the keys of t, those of a part of t that has the same name included.
func writeKeys(b *strings.Builder, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case rest == "inline" && f.Type.Name() == t.Name():
			writeKeys(b, f.Type)
		case rest == "inline":
			fmt.Fprintf(b, "| … | every key of %s |\n", f.Type.Name())
		default:
			fmt.Fprintf(b, "| `%s` | %s |\n", key, strings.ReplaceAll(f.Tag.Get("doc"), "|", "\\|"))
		}
	}
}
