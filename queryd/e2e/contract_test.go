package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/queryd/keys"
	"lineup/queryd/retention"
	"lineup/schemas"
)

var update = flag.Bool("update", false, "write the answers of the contract files")

// town makes the registrants that the contract files speak of.
func town(t *testing.T, change ...func(*queryd.Config, *queryd.Deps)) *daemon {
	h := newNode(t, change...)
	at := func(street, city, zip string, where ...float64) func(*schemas.Record) {
		return func(r *schemas.Record) {
			a := schemas.Address{Kind: schemas.AddressHome, Street: street, City: city, State: "NY", Zip: zip}
			if len(where) == 2 {
				a.Lat, a.Lon = &where[0], &where[1]
			}
			r.Addresses = append(r.Addresses, a)
		}
	}
	born := func(y, m, d int) func(*schemas.Record) {
		return func(r *schemas.Record) { r.Birth = schemas.Date{Year: y, Month: m, Day: d} }
	}
	predator := true
	h.enrol(person("1", "Rowan", "Testcase", at("1 Example Road", "Sampleton", "00001", 42.5, -75.5), born(1971, 3, 9),
		func(r *schemas.Record) {
			r.Name.Middle, r.Aliases = "Q", []schemas.Alias{{Name: schemas.Name{First: "Ro", Last: "Pretend"},
				Birth: schemas.Date{Year: 1970, Month: 1, Day: 1}}}
			r.Race, r.Height, r.Weight = schemas.Coded{Raw: "White"}, schemas.Measure{Value: 71}, schemas.Measure{Value: 173}
			r.Eyes, r.Hair, r.Marks = schemas.Coded{Value: "brown"}, schemas.Coded{Value: "black"}, []string{"Scar", "Tattoo"}
			r.Level, r.Predator = schemas.Level{Scheme: "NY", Value: "3"}, &predator
			r.Offenses = []schemas.Offense{{Description: "Example", Convicted: schemas.Date{Year: 2001, Month: 1, Day: 31}, Statute: "1.2",
				Victim: "minor"}, {Description: "Second example"}}
			r.SourceFields = []schemas.Field{{Name: "shoeSize", Value: "10"}}
			r.Registered = schemas.Date{Year: 2002, Month: 5}
		}), near(0.1))
	// the same person, another record
	h.enrol(person("2", "Rowan", "Testcase", born(1971, 3, 9), at("9 Other Street", "Elsewhereville", "00002", 42.6, -75.5)), nil)
	h.enrol(person("3", "Robert", "Smith", at("2 Example Road", "Sampleton", "00001", 42.51, -75.5), born(1980, 0, 0)), nil)
	h.enrol(person("4", "Bob", "Smyth", at("TRANSIENT", "Sampleton", "00001")), nil)
	h.enrol(person("5", "Jonathan", "Smith-Johnson", at("22 Nowhere Drive", "Faketown", "00003", -1, -1)), nil)
	h.enrol(schemas.Record{Source: "us-zz", Key: "6", Jurisdiction: "NY"}, nil) // nothing known
	return h
}

// daemons are the settings and troubles that a request of a contract file can name in a line
// "# daemon: ..." before it, with what they change.
var daemons = map[string]struct {
	config func(*queryd.Config, *queryd.Deps)
	daemon func(*daemon)
}{
	"":                 {},
	"uncovered states": {config: uncovered},
	"more names":       {daemon: moreNames},
	"changes":          {config: told},
	"many watches": {daemon: func(h *daemon) {
		held, err := h.keys.Check(h.t.Context(), h.key)
		must(h.t, err)
		for range keys.MaxWatches - 2 {
			_, err := h.keys.AddWatch(h.t.Context(), held.ID, keys.Watch{Zip: "00009"})
			must(h.t, err)
		}
	}},
	"nothing read": {config: func(c *queryd.Config, d *queryd.Deps) {
		d.State = neverRead
	}},
	"stale source":      {config: func(_ *queryd.Config, d *queryd.Deps) { d.Sources[0].MaxAge = 30 * time.Minute }},
	"never read source": {config: func(_ *queryd.Config, d *queryd.Deps) { d.State = neverRead }},
	"terms that shorten": {config: func(c *queryd.Config, _ *queryd.Deps) {
		c.Retention = retention.Terms{PageDays: 90, Sources: []retention.Source{
			{ID: "us-yy", Name: "Thirty Days", RecordDays: 30, PageDays: 14}, {ID: "us-zz", Name: "Faceless", Faceless: true}}}
	}},
	"nobody to ask":      {config: func(c *queryd.Config, _ *queryd.Deps) { c.Contact = "" }},
	"legacy":             {config: func(c *queryd.Config, _ *queryd.Deps) { c.Legacy200 = true }},
	"ninety days":        {config: func(c *queryd.Config, _ *queryd.Deps) { c.NearDays = 3 }},
	"bulleted crimes":    {config: func(c *queryd.Config, _ *queryd.Deps) { c.BulletCrimes = true }},
	"data prefix taken":  {config: func(c *queryd.Config, _ *queryd.Deps) { c.StripDataPrefix = true }},
	"no demo":            {config: func(c *queryd.Config, _ *queryd.Deps) { c.Demo = false }},
	"small photos":       {config: func(c *queryd.Config, _ *queryd.Deps) { c.MaxPhoto = 20 }},
	"cut search":         {daemon: func(h *daemon) { h.gal.more = true }},
	"ledger down":        {daemon: func(h *daemon) { h.ledger.err = errors.New("ledger is down") }},
	"index down":         {daemon: func(h *daemon) { h.gal.err = errors.New("index is down") }},
	"keys down":          {config: func(c *queryd.Config, _ *queryd.Deps) { c.SearchTimeout = 1 }},
	"one without a key":  {config: func(c *queryd.Config, _ *queryd.Deps) { c.AddressPerMinute = 1 }},
	"busy":               {daemon: func(h *daemon) { h.gal.probeError = face.ErrBusy }},
	"not an image":       {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeNotAnImage) }},
	"unsupported format": {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeUnsupportedFormat) }},
	"several faces": {daemon: func(h *daemon) {
		several := problem(face.CodeSeveralFaces)
		several.Result = face.Result{Width: 560, Height: 420, Box: schemas.Box{Left: 112, Top: 161, Right: 261, Bottom: 311},
			Others: []schemas.Box{{Left: 383, Top: 245, Right: 507, Bottom: 369}}}
		h.gal.probeError = several
	}},
	"no face":        {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeNoFace) }},
	"small face":     {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeFaceTooSmall) }},
	"blurred":        {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeBlurred) }},
	"dark":           {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeTooDark) }},
	"bright":         {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeTooBright) }},
	"turned away":    {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeTurnedAway) }},
	"truncated":      {daemon: func(h *daemon) { h.gal.probeError = problem(face.CodeTruncated) }},
	"stranger":       {daemon: func(h *daemon) { h.gal.probe = near(9) }},
	"first one left": {daemon: func(h *daemon) { h.ledger.gone[schemas.RegistrantID("us-zz", "1")] = true }},
}

func problem(code face.Code) *face.Problem {
	return &face.Problem{Code: code, Text: "What to do stands here."}
}

// contract is one daemon that contract files are run against, over HTTP.
type contract struct {
	*daemon
	base   string
	words  *strings.Replacer // what {names} in requests stand for
	client *http.Client
}

func newContract(t *testing.T, named string) *contract {
	t.Helper()
	setting, ok := daemons[named]
	if !ok {
		t.Fatalf("no daemon %q; there are %q", named, sortedNames(daemons))
	}
	change := func(*queryd.Config, *queryd.Deps) {}
	if setting.config != nil {
		change = setting.config
	}
	h := town(t, change)
	h.crowd(40)
	h.gal.calibrate(t)
	c := &contract{daemon: h, base: h.listen(), client: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	asked := town(t, change) // another server, so that this one remembers nothing of the search
	asked.crowd(40)
	asked.gal.calibrate(t)
	_, found := asked.do("POST", "/faces", faceBody(jpeg("probe"), `,"details":true`), "X-API-Key", h.key, "Content-Type", "application/json")
	match := "none"
	if matches := decode[faceAnswer](t, found).Matches; len(matches) > 0 {
		match = matches[0].MatchID
	}
	demo, err := os.ReadFile("../serve/demo.jpg")
	must(t, err)
	limited, _, err := h.keys.Add(t.Context(), "limited "+string(schemas.RandomID()), keys.Limits{PerMinute: 1})
	must(t, err)
	revoked, key, err := h.keys.Add(t.Context(), "revoked "+string(schemas.RandomID()), keys.Limits{})
	must(t, err)
	_, err = h.keys.Revoke(t.Context(), key.ID)
	must(t, err)
	held, err := h.keys.Check(t.Context(), h.key)
	must(t, err)
	watch, err := h.keys.AddWatch(t.Context(), held.ID, keys.Watch{Zip: "00001"})
	must(t, err)
	ended, err := h.keys.AddWatch(t.Context(), held.ID, keys.Watch{Zip: "00002"})
	must(t, err)
	base64 := base64.StdEncoding.EncodeToString
	c.words = strings.NewReplacer("{key}", h.key, "{limited}", limited, "{revoked}", revoked, "{watch}", string(watch.ID), "{ended}",
		string(ended.ID), "{match}", match, "{face}", string(h.gal.faces[0].ID), "{link}", h.link(h.gal.faces[0].Registrant, ""),
		"{facelink}", h.link(h.gal.faces[0].Registrant, h.gal.faces[0].ID), "{etag}", `"`+string(h.gal.faces[0].Photo)+`"`, "{long}",
		strings.Repeat("a", 66_000),
		"{demo}", base64(demo), "{photo}", base64(jpeg("probe")), "{gif}", base64([]byte("GIF89a....")), "{text}",
		base64([]byte("hello, I am text")))
	if setting.daemon != nil {
		setting.daemon(h)
	}
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sortedNames[V any](m map[string]V) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// requestLine is "# daemon: name", optional, then method and target.
var requestLine = regexp.MustCompile(`^(?:# daemon: ([^\n]+)\n)?([A-Z]+) (\S+)\n`)

// ask sends the request of a contract file and returns the answer with its body as text.
func (c *contract) ask(t *testing.T, method, target, rest string) (*http.Response, string) {
	t.Helper()
	head, body, _ := strings.Cut("\n"+c.words.Replace(rest), "\n\n")
	body = strings.TrimSpace(body)
	r, err := http.NewRequestWithContext(t.Context(), method, c.base+c.words.Replace(target), strings.NewReader(body))
	must(t, err)
	for line := range strings.Lines(head) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			r.Header.Set(name, value)
		}
	}
	response, err := c.client.Do(r)
	must(t, err)
	defer response.Body.Close()
	var from io.Reader = response.Body
	if response.Header.Get("Content-Encoding") == "gzip" {
		from, err = gzip.NewReader(response.Body)
		must(t, err)
	}
	answer, err := io.ReadAll(from)
	must(t, err)
	if !c.legacy {
		validate(t, r, body, response, string(answer))
	}
	return response, string(answer)
}

// shown writes an answer in the form that want has: the status, the headers that want names ("*"
// for any value), and the body: whole, or the lines "path: value" that want names.
func shown(response *http.Response, body, want string) string {
	head, rest, _ := strings.Cut(want, "\n\n")
	out := fmt.Sprintln(response.StatusCode)
	for i, line := range strings.Split(head, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if i == 0 || !ok {
			continue
		}
		got := strings.Join(response.Header.Values(name), " | ")
		if strings.TrimSpace(value) == "*" && got != "" {
			got = "*"
		}
		out += strings.TrimSpace(name+": "+got) + "\n"
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "image/") && body != "" {
		return out + fmt.Sprintf("\n(%d bytes)\n", len(body))
	}
	if body == "" {
		return out
	}
	out += "\n"
	var all any
	if rest == "" || rest[0] == '{' || rest[0] == '(' || json.Unmarshal([]byte(body), &all) != nil {
		return out + indent(body)
	}
	for line := range strings.Lines(rest) {
		if path, _, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			var value bytes.Buffer
			encoder := json.NewEncoder(&value)
			encoder.SetEscapeHTML(false)
			encoder.Encode(at(all, strings.Split(path, ".")))
			out += path + ": " + value.String()
		}
	}
	return out
}

// at is the value at a path; a name applied to a list is applied to each of its members.
func at(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		inner, ok := v[path[0]]
		if !ok {
			return "(absent)"
		}
		return at(inner, path[1:])
	case []any:
		all := []any{}
		for _, member := range v {
			all = append(all, at(member, path))
		}
		return all
	}
	return "(absent)"
}

func indent(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", " ") != nil {
		return strings.TrimSpace(text) + "\n"
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// TestContract runs testdata/contract/*.txtar over HTTP; testdata/contract/README.md says how a
// file is written. Every answer and parameter that openapi.yaml describes must be in some file.
func TestContract(t *testing.T) {
	files, err := filepath.Glob("testdata/contract/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no contract files", err)
	}
	seen.reset()
	whole := true
	for _, file := range files {
		ran := false // stays so when -run asks for others
		t.Run(filepath.Base(file), func(t *testing.T) { ran = runContract(t, file) })
		whole = whole && ran
	}
	if !whole {
		return // a part of them says nothing of what all have
	}
	for _, missing := range seen.missing(t) {
		t.Errorf("no contract file has %s", missing)
	}
}

// runContract runs one file; false when not every request of it was made.
func runContract(t *testing.T, file string) bool {
	archive, err := txtar.ParseFile(file)
	must(t, err)
	answers := map[string]int{}
	for i, f := range archive.Files {
		if strings.HasSuffix(f.Name, ".answer") {
			answers[f.Name] = i
		} else if !strings.HasSuffix(f.Name, ".request") {
			t.Errorf("%s: want a name that ends in .request or .answer", f.Name)
		}
	}
	all := map[string]*contract{}
	for _, f := range archive.Files { // their servers run until the whole file is done
		if line := requestLine.FindStringSubmatch(string(f.Data)); line != nil && strings.HasSuffix(f.Name, ".request") && all[line[1]] == nil {
			all[line[1]] = newContract(t, line[1])
		}
	}
	var out []txtar.File
	requests, made := 0, 0
	for _, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".request")
		if !ok {
			continue
		}
		requests++
		t.Run(name, func(t *testing.T) {
			made++
			line := requestLine.FindStringSubmatch(string(f.Data))
			if line == nil {
				t.Fatalf("request %q: want a line like GET /sexoffender?lastName=Testcase first", f.Data)
			}
			c := all[line[1]]
			c.t = t
			response, body := c.ask(t, line[2], line[3], string(f.Data)[len(line[0]):])
			i, ok := answers[name+".answer"]
			want := ""
			if ok {
				want = string(archive.Files[i].Data)
			} else if !*update {
				t.Fatal("no answer in the file: write one, or let -update write it and read it")
			}
			got := shown(response, body, want)
			out = append(out, f, txtar.File{Name: name + ".answer", Data: []byte(got + "\n")})
			if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); diff != "" && !*update {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
	if *update {
		archive.Files = out
		must(t, os.WriteFile(file, txtar.Format(archive), 0o644))
	}
	return made == requests
}

// neverRead is the state of a source that is to be read and never was.
func neverRead(context.Context, string) (queryd.SourceState, error) {
	return queryd.SourceState{}, nil
}

// uncovered adds registries of which nothing is here, one of them of a state that publishes no photos.
func uncovered(_ *queryd.Config, d *queryd.Deps) {
	read := d.State
	d.Sources = append(d.Sources,
		queryd.Source{ID: "us-ca", Name: "California Registry", Jurisdiction: "CA", Home: "https://ca.registry.example.test/", Mode: "link_only",
			HasPhotos: true},
		queryd.Source{ID: "us-tx", Name: "Texas Registry", Jurisdiction: "TX", Home: "https://tx.registry.example.test/", Mode: "enabled",
			MaxAge: 48 * time.Hour})
	d.State = func(ctx context.Context, id string) (queryd.SourceState, error) {
		if id == "us-ca" {
			return queryd.SourceState{}, nil
		}
		state, err := read(ctx, id)
		state.Complete.WithoutAddress = 7
		return state, err
	}
}

// moreNames are registrants with names that are written in several ways.
func moreNames(h *daemon) {
	for key, name := range map[string]schemas.Name{
		"m1": {Full: "MÜLLER, GRETA", First: "GRETA", Last: "MÜLLER"}, "m2": {Full: "MUELLER, HEIDI", First: "HEIDI", Last: "MUELLER"},
		"m3": {Full: "SAINT-MADEUP, IVO", First: "IVO", Last: "SAINT-MADEUP"}, "m4": {Full: "JUNIPER PLACEHOLDER", Last: "JUNIPER PLACEHOLDER"},
		"m5": {Full: "ROBERT MCFICTION III", First: "ROBERT", Last: "MCFICTION", Suffix: "III"},
		"m6": {Full: "KLAAS VAN DER FICTION", First: "KLAAS", Last: "VAN DER FICTION"},
	} {
		h.enrol(person(key, "", "", func(r *schemas.Record) {
			r.Name = name
			r.Addresses = []schemas.Address{{Kind: schemas.AddressHome, City: "Saint Fakeburg", State: "NY", Zip: "00009"}}
		}), nil)
	}
	h.enrol(person("m7", "Ottilie", "Undated", func(r *schemas.Record) { r.Age = schemas.AgeAsOf{Years: 54, On: schemas.DateOf(clock)} }), nil)
	h.enrol(person("m8", "Ottilie", "Undated"), nil)
	h.enrol(person("m9", "Ottilie", "Undated", func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1971, Month: 3, Day: 9} }), nil)
	h.enrol(person("m10", "Ottilie", "Undated", func(r *schemas.Record) { r.Birth = schemas.Date{Year: 1961, Month: 3, Day: 9} }), nil)
	h.enrol(person("m11", "Other", "Otherwise", func(r *schemas.Record) {
		r.Aliases = []schemas.Alias{{Name: schemas.Name{Full: "OTTILIE UNDATED", First: "OTTILIE", Last: "UNDATED"}}}
	}), nil)
}
