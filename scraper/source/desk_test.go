package source_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lineup/scraper/definition"
	"lineup/scraper/definition/read"
	"lineup/scraper/source"
)

func same(t *testing.T, file string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("%s is not what the definitions say (go test ./scraper/source -update writes it)\n%s", file, diff)
	}
}

func TestSourcesDocumentIsTrue(t *testing.T) {
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "../../docs/sources.md", []byte(source.Markdown(all)))
}

func TestGuideNamesEveryKey(t *testing.T) {
	file := "../../docs/add-a-registry.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "## Every key\n"
	head, _, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no %q", file, mark)
	}
	same(t, file, []byte(head+mark+definition.Keys()))
}

func TestEditorsSchema(t *testing.T) {
	text, err := definition.Schema()
	if err != nil {
		t.Fatal(err)
	}
	same(t, "../../schemas/source.schema.json", text)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("source.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("source.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*/source.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if err := schema.Validate(asJSON(t, append(text, "unheard_of: 1\n"...))); err == nil {
			t.Errorf("%s: an unknown key is valid", file)
		}
	}
}

func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A newcomer's first minutes: make a source, lint it, try it on its page.
func TestScaffoldWorksAsItStands(t *testing.T) {
	dir, err := source.Scaffold(t.TempDir(), "xx-new")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "source.yml"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := read.Load("source.yml", text)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"list.html", "list-empty.html", "detail.html"} {
		var out bytes.Buffer
		if tried, err := source.Try(src, "", filepath.Join(dir, "testdata", page)); err != nil || source.WriteTried(&out, tried) != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "| nothing\n") {
			t.Errorf("%s:\n%s", page, &out)
		}
	}
	if _, err := source.Try(src, "nothing", filepath.Join(dir, "testdata", "list.html")); err == nil ||
		!strings.Contains(err.Error(), "detail, list") {
		t.Errorf("an unknown step: %v", err)
	}
	if _, err := source.Scaffold(filepath.Dir(dir), "xx-new"); err == nil {
		t.Error("a folder that is there was written over")
	}
}

func TestTryShowsWhatIsLeftOver(t *testing.T) {
	src, err := source.Get("us-ny")
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile("us-ny/testdata/detail.html")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "detail-new.html")
	if err := os.WriteFile(file, bytes.Replace(body, []byte("Risk Level"), []byte("Hazard Grade"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if tried, err := source.Try(src, "", file); err != nil || source.WriteTried(&out, tried) != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "| detail: label: Hazard Grade\n") {
		t.Errorf("%s", &out)
	}
}

func TestList(t *testing.T) {
	all, err := source.All()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := source.WriteList(&out, all); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(all)+1 || !strings.Contains(out.String(), "us-ga") {
		t.Errorf("%d lines for %d sources", lines, len(all))
	}
}
