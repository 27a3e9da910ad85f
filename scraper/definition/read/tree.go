package read

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"

	"github.com/antchfx/xmlquery"
	"github.com/antchfx/xpath"
)

// findPath follows a JSON path: names and [*] or [n] parted by dots, with or without "$.".
func (d *doc) findPath(n node, v *definition.Value) ([]node, error) {
	if n.rows != nil || n.html != nil || n.xml != nil {
		return nil, fmt.Errorf("path %q: the answer is not JSON", v.Path)
	}
	found := []node{n}
	for _, part := range pathParts(v.Path) {
		var next []node
		for _, at := range found {
			next = append(next, at.child(part)...)
		}
		found = next
	}
	return found, nil
}

// pathParts takes "$.a.b[*]" apart into a, b and [*].
func pathParts(path string) []string {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(path, "$"), "."), ".") {
		name, rest, _ := strings.Cut(part, "[")
		if name != "" {
			parts = append(parts, name)
		}
		for rest != "" {
			index, more, _ := strings.Cut(rest, "]")
			parts = append(parts, "["+index+"]")
			rest = strings.TrimPrefix(more, "[")
		}
	}
	return parts
}

func (n node) child(part string) []node {
	if index, ok := strings.CutPrefix(part, "["); ok {
		list, _ := n.data.([]any)
		index = strings.TrimSuffix(index, "]")
		var out []node
		for i, one := range list {
			if index == "*" || index == strconv.Itoa(i) {
				out = append(out, node{data: one, path: n.path + "[*]"})
			}
		}
		return out
	}
	object, _ := n.data.(map[string]any)
	child, ok := object[part]
	if !ok || child == nil {
		return nil
	}
	return []node{{data: child, path: strings.TrimPrefix(n.path+"."+part, ".")}}
}

// unwrap replaces the strings at path, which hold JSON, by what they hold.
func unwrap(at any, parts []string) error {
	switch here := at.(type) {
	case map[string]any:
		child, ok := here[parts[0]]
		if !ok {
			return nil
		}
		if text, ok := child.(string); ok && len(parts) == 1 {
			inner, err := decodeJSON([]byte(text))
			if err != nil {
				return fmt.Errorf("JSON inside %q: %w", parts[0], err)
			}
			here[parts[0]] = inner
			return nil
		}
		if len(parts) > 1 {
			return unwrap(child, parts[1:])
		}
	case []any:
		for _, one := range here {
			if err := unwrap(one, parts[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeJSON(data []byte) (any, error) {
	dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff")))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return v, nil
}

// auditJSON reports the values that nothing read, by path.
func (d *doc) auditJSON(v any, path string) {
	if d.Paths[path].Read || v == nil || d.Ignores(path) {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !d.Never(name) {
				d.auditJSON(v[name], strings.TrimPrefix(path+"."+name, "."))
			}
		}
	case []any:
		for _, one := range v {
			d.auditJSON(one, path+"[*]")
		}
	default:
		if notation.JSON(v) != "" {
			d.leave("value", path)
		}
	}
}

func (d *doc) findXPath(n node, v *definition.Value) ([]node, error) {
	if n.xml == nil {
		return nil, fmt.Errorf("xpath %q: the answer is not XML", v.XPath)
	}
	expr, err := xpath.Compile(v.XPath)
	if err != nil {
		return nil, fmt.Errorf("xpath %q: %w", v.XPath, err)
	}
	var out []node
	for _, found := range xmlquery.QuerySelectorAll(n.xml, expr) {
		out = append(out, node{xml: found, n: n.n})
	}
	return out, nil
}

// auditXML reports the elements whose text nothing read.
func (d *doc) auditXML(n *xmlquery.Node, path string) {
	if d.XML[n].Read {
		return
	}
	if n.Type == xmlquery.ElementNode {
		path = strings.TrimPrefix(path+"/"+n.Data, "/")
		if d.Ignores(n.Data) || d.Ignores(path) {
			return
		}
	}
	if (n.Type == xmlquery.TextNode || n.Type == xmlquery.CharDataNode) && notation.Meaningful(n.Data) {
		d.leave("element", path)
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		d.auditXML(child, path)
	}
}

// at is the value of v under name, nil where v is no object or has none.
func at(v any, name string) any {
	object, _ := v.(map[string]any)
	return object[name]
}
