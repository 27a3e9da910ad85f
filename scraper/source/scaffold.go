package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lineup/schemas"
	"lineup/scraper/definition"
)

var newID = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// checkout is where definitions lie in a checkout of this program.
const checkout = "scraper/source"

// editors is the name of the schema that an editor completes and checks a definition by, in a folder of definitions.
const editors = "source.schema.json"

// Scaffold makes the folder of a new source below dir: a definition to fill in and pages to try
// it on. An existing folder is left alone. Outside a checkout the editors' schema is put beside it.
func Scaffold(dir, id string) (string, error) {
	if !newID.MatchString(id) {
		return "", schemas.Misuse("new source %q: want lower-case letters, digits and dashes, as us-ny", id)
	}
	folder := filepath.Join(dir, id)
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("new source: %s is there already", folder)
	}
	if err := os.MkdirAll(filepath.Join(folder, "testdata"), 0o755); err != nil {
		return "", fmt.Errorf("new source: %w", err)
	}
	schema := "../../../schemas/" + editors
	if !strings.HasSuffix(filepath.ToSlash(dir), checkout) {
		schema = "../" + editors
		text, err := definition.Schema()
		if err != nil {
			return "", fmt.Errorf("new source: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, editors), text, 0o644); err != nil {
			return "", fmt.Errorf("new source: %w", err)
		}
	}
	for name, text := range map[string]string{
		"source.yml":               strings.NewReplacer("ID", id, "SCHEMA", schema).Replace(scaffold),
		"testdata/list.html":       scaffoldList,
		"testdata/list-empty.html": scaffoldEmpty,
		"testdata/detail.html":     scaffoldDetail,
	} {
		if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			return "", fmt.Errorf("new source: %w", err)
		}
	}
	return folder, nil
}

const scaffold = `# yaml-language-server: $schema=SCHEMA
id: ID
name: the registry's own name
jurisdiction: XX
home: https://registry.example/
mode: permission_required
version: 1
base: https://registry.example/
manners: {interval: 5s, every: 24h, schedule: "0 3 * * *"}
guards: {min_count: 100, max_drop: 0.10, has_photos: true}
policy:
  attribution: the agency
  evidence: what is known of the site, how, and since when
start: list
steps:
  list:
    request: {url: list}
    as: html
    root: main
    marker: h1
    empty: nobody is listed
    ignore: [h1]
    items: {css: "a[href*='/person/']"}
    key: {attr: href, regex: '/person/(?P<value>\w+)'}
    detail: detail
  detail:
    request: {url: "person/{key}"}
    as: html
    root: main
    marker: dt
    ignore: [h1]
    labels: {layout: dl}
    record:
      name: {label: Name, order: last_comma_first}
      birth: {label: Date of Birth, format: m/d/Y}
      photos:
        - {url: {css: img, attr: src}}
`

const scaffoldList = `<html><body><main><h1>Registry</h1><a href="/person/A1">Madeup, Odette</a></main></body></html>
`

const scaffoldEmpty = `<html><body><main><h1>Registry</h1>Nobody is listed.</main></body></html>
`

const scaffoldDetail = `<html><body><main><h1>Person</h1><img src="/photo/A1">
<dl><dt>Name</dt><dd>Madeup, Odette</dd><dt>Date of Birth</dt><dd>01/02/1970</dd></dl></main></body></html>
`
