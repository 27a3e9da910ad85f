package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/api"
	"lineup/queryd/mcp"
	"lineup/schemas"
)

// withKey puts a key on every request.
type withKey struct{ key string }

func (w withKey) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.key)
	return http.DefaultTransport.RoundTrip(r)
}

// session connects an MCP client.
func session(t *testing.T, transport sdk.Transport) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	s, err := client.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// called is what a tool answered: its texts, and its structured content as JSON.
type called struct {
	Text, Content string
	Failed        bool
}

func call(t *testing.T, s *sdk.ClientSession, tool string, arguments map[string]any) called {
	t.Helper()
	result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	out := called{Failed: result.IsError}
	for _, c := range result.Content {
		out.Text += c.(*sdk.TextContent).Text + "\n"
	}
	content, err := json.Marshal(result.StructuredContent)
	must(t, err)
	out.Content = string(content)
	return out
}

// backends are the two that tools can ask, over one daemon: the process itself by /mcp, and its REST API.
func backends(t *testing.T, h *daemon, key string) map[string]*sdk.ClientSession {
	t.Helper()
	base := h.listen()
	return map[string]*sdk.ClientSession{
		"in the process": session(t, &sdk.StreamableClientTransport{Endpoint: base + "/mcp",
			HTTPClient: &http.Client{Transport: withKey{key}}}),
		"over the REST API": remote(t, base, key),
	}
}

// remote is a client's own program that asks the REST API.
func remote(t *testing.T, base, key string) *sdk.ClientSession {
	t.Helper()
	serverSide, clientSide := sdk.NewInMemoryTransports()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go mcp.New(mcp.Remote{Base: base, Key: key, Do: http.DefaultClient.Do}, mcp.Options{Version: "1", Files: true}).Run(ctx, serverSide)
	return session(t, clientSide)
}

// TestMCP runs one suite over both backends, and holds that no answer differs.
func TestMCP(t *testing.T) {
	h := town(t, uncovered)
	h.crowd(40)
	moreNames(h)
	photo := base64.StdEncoding.EncodeToString(jpeg("probe"))
	file := filepath.Join(t.TempDir(), "probe.jpg")
	must(t, os.WriteFile(file, jpeg("probe"), 0o600))
	note := filepath.Join(t.TempDir(), "note.txt")
	must(t, os.WriteFile(note, []byte("a secret"), 0o600))
	id := string(h.gal.faces[0].Registrant)
	h.ledger.gone[schemas.RegistrantID("us-zz", "3")] = true
	type args = map[string]any
	all := backends(t, h, h.key)
	for _, c := range []struct {
		name, tool string
		in         args
		failed     bool
		text, json []string // that the texts, and the structured content, hold
	}{
		{"by name", "search_offenders", args{"firstName": "Rowan", "lastName": "Testcase"}, false,
			[]string{"2 records, page 1 of 1; 2 of 3 registries", "ROWAN TESTCASE; born 1971-03-09, age 54", "not an identification",
				"fingerprints"},
			[]string{`"officialPage":"https://registry.example.test/detail?id=1"`, `"dob":"1971-03-09"`, `"registriesSearched":"2/3"`,
				`"photo":"lineup://photos/`}},
		{"why", "search_offenders", args{"firstName": "Ottilie", "lastName": "Undated", "dob": "3/9/1971", "extensive": true}, false,
			[]string{"date of birth not published", "other name: OTTILIE UNDATED"}, []string{`"matchBasis":"alias"`, `"matchConfidence":0.8`}},
		{"nobody", "search_offenders", args{"lastName": "Nobodywhatever"}, false,
			[]string{"No record found. This clears nobody: 2 of 3 registries"}, []string{`"records":[]`}},
		{"a place that is not covered", "search_offenders", args{"state": "CA"}, false,
			[]string{"Somebody may be missing", "California is not copied here"}, []string{`"incomplete":true`}},
		{"pages", "search_offenders", args{"state": "NY", "perPage": 10, "page": 2}, false, []string{"records, page 2 of 6"},
			[]string{`"page":2`}},
		{"beginnings", "search_offenders", args{"lastName": "Testc", "prefixMatch": "lastName"}, false, []string{"2 records"}, nil},
		{"an id", "search_offenders", args{"uuid": id}, false, []string{"1 record, page 1"}, nil},
		{"an id of nobody", "search_offenders", args{"uuid": "00000000-0000-4000-8000-000000000001"}, true, []string{"not_found"}, nil},
		{"no parameters", "search_offenders", nil, true, []string{"no query params presented"}, nil},
		{"a bad page", "search_offenders", args{"lastName": "a", "page": 0}, true, []string{"bad_page"}, nil},
		{"half a page", "search_offenders", args{"lastName": "a", "page": 1.5}, true, []string{"bad_page"}, nil},
		{"a bad radius", "search_offenders", args{"lat": 40, "lng": -75, "radius": 0}, true, []string{"bad_radius"}, nil},
		{"a radius around nothing", "search_offenders", args{"zipcode": "13332", "radius": 5}, true, []string{"radius_alone", "near"}, nil},
		{"near a place", "search_offenders", args{"near": "13332", "radius": 100}, false, []string{"registries are copied here"},
			[]string{`"page":1`}},
		{"near no place", "search_offenders", args{"near": "00000"}, true, []string{"bad_near"}, nil},
		{"a watch on a name", "add_watch", args{"lastName": "Testcase"}, true, []string{"lastName"}, nil},
		{"a watch on nothing", "add_watch", nil, true, []string{"bad_watch"}, nil},
		{"a watch on two things", "add_watch", args{"zipcode": "00001", "uuid": id}, true, []string{"bad_watch"}, nil},
		{"a watch on a wide place", "add_watch", args{"lat": 42.5, "lng": -75.5, "radius": 2}, true, []string{"bad_radius"}, nil},
		{"a watch on nobody", "add_watch", args{"uuid": "00000000-0000-4000-8000-000000000001"}, true, []string{"not_found"}, nil},
		{"a look at no watch", "look_at_watch", args{"id": "00000000-0000-4000-8000-000000000001"}, true, []string{"not_found"}, nil},
		{"a look at what is no id", "look_at_watch", args{"id": "../coverage"}, true, []string{"not_found"}, nil},
		{"an end of no watch", "end_watch", args{"id": "00000000-0000-4000-8000-000000000001"}, true, []string{"not_found"}, nil},
		{"no watches", "list_watches", nil, false, []string{"0 watches"}, []string{`"watches":[]`}},
		{"a forbidden combination", "search_offenders", args{"q": "a b", "lastName": "c"}, true, []string{"forbidden_combination"}, nil},
		{"a long name", "search_offenders", args{"lastName": strings.Repeat("a", 300)}, true, []string{"too_long"}, nil},
		{"a misspelt parameter", "search_offenders", args{"lastname": "a"}, true, []string{"lastname"}, nil},
		{"a face", "search_faces", args{"photoBase64": photo}, false, []string{"match: 1 match among 41 registrants with photos",
			"Rowan Testcase"}, []string{`"outcome":"match"`}},
		{"faces of a place that is not covered", "search_faces", args{"photoBase64": photo, "state": []string{"CA"}}, false,
			[]string{"nobody_searched", "clears nobody", "California is not copied here"}, []string{`"outcome":"nobody_searched"`}},
		{"no photo", "search_faces", nil, true, []string{"photoBase64 is missing"}, nil},
		{"a photo that is none", "search_faces", args{"photoBase64": "%%%"}, true, []string{"bad_base64: photoBase64"}, nil},
		{"a record", "get_record", args{"uuid": id}, false, []string{"ROWAN TESTCASE"}, []string{`"stateData":{`, `"aliases":[{`}},
		{"a record of nobody", "get_record", args{"uuid": "00000000-0000-4000-8000-000000000001"}, true, []string{"not_found"}, nil},
		{"a record that left", "get_record", args{"uuid": string(schemas.RegistrantID("us-zz", "3"))}, true, []string{"not_found"}, nil},
		{"an id that is none", "get_record", args{"uuid": "x"}, true, []string{"bad_uuid"}, nil},
		{"coverage", "coverage", nil, false, []string{"2 registries are copied here", "Example Registry (us-zz): 60 registrants, fresh",
			"Not covered: California."}, []string{`"notCovered":["California"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			answers := map[string]called{}
			for name, s := range all {
				got := call(t, s, c.tool, c.in)
				answers[name] = got
				if got.Failed != c.failed {
					t.Errorf("%s: failed %v: %s", name, got.Failed, got.Text)
				}
				for _, want := range c.text {
					if !strings.Contains(got.Text, want) {
						t.Errorf("%s: the text lacks %q: %s", name, want, got.Text)
					}
				}
				for _, want := range c.json {
					if !strings.Contains(got.Content, want) {
						t.Errorf("%s: the content lacks %q: %s", name, want, got.Content)
					}
				}
			}
			if diff := cmp.Diff(answers["in the process"], answers["over the REST API"]); diff != "" {
				t.Errorf("the backends differ (-process +REST): %s", diff)
			}
		})
	}
	for name, s := range all {
		tools, err := s.ListTools(t.Context(), nil)
		must(t, err)
		for _, tool := range tools.Tools {
			writes := strings.HasSuffix(tool.Name, "_watch")
			if tool.Title == "" || tool.OutputSchema == nil || tool.Annotations.ReadOnlyHint == writes {
				t.Errorf("%s: %s has no title, no output schema or a wrong hint", name, tool.Name)
			}
		}
		for _, photo := range []string{id, string(h.gal.faces[0].ID)} {
			read, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "lineup://photos/" + photo})
			if err != nil || read.Contents[0].MIMEType != "image/jpeg" || string(read.Contents[0].Blob) != string(jpeg("photo of 1")) {
				t.Errorf("%s: photo: %v, %v", name, read, err)
			}
			if read != nil && read.CacheScope != "private" {
				t.Errorf("%s: a photo may be kept for others: %q", name, read.CacheScope)
			}
		}
		for _, photo := range []string{"x", "00000000-0000-4000-8000-000000000001"} {
			if _, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "lineup://photos/" + photo}); err == nil ||
				!strings.Contains(err.Error(), "not found") {
				t.Errorf("%s: a photo of nobody: %v", name, err)
			}
		}
	}
	local, daemon := all["over the REST API"], all["in the process"]
	if got := call(t, local, "search_faces", args{"photoPath": file}); got.Failed || !strings.Contains(got.Text, "Rowan Testcase") {
		t.Errorf("a photo from a file: %s", got.Text)
	}
	for _, in := range []args{{"photoPath": note}, {"photoPath": file + ".none"}, {"photoPath": filepath.Dir(file)},
		{"photoPath": file, "photoBase64": photo}} {
		if got := call(t, local, "search_faces", in); !got.Failed || strings.Contains(got.Text, "secret") {
			t.Errorf("photo %v: %s", in, got.Text)
		}
	}
	if got := call(t, daemon, "search_faces", args{"photoPath": file}); !got.Failed {
		t.Errorf("a daemon reads files: %s", got.Text)
	}
}

// TestMCPWatches makes a watch by each backend, looks at it, and ends it.
func TestMCPWatches(t *testing.T) {
	h := newNode(t)
	here := lives(schemas.Address{Kind: schemas.AddressHome, State: "NY", Zip: "00007"})
	h.enrol(person("1", "Rowan", "Testcase", here), nil)
	came := 1
	for name, s := range backends(t, h, h.key) {
		made := call(t, s, "add_watch", map[string]any{"zipcode": "00007"})
		w := decode[api.Watch](t, made.Content)
		if made.Failed || !strings.Contains(made.Text, "Watching ZIP code 00007") || w.Webhook+w.Secret != "" {
			t.Fatalf("%s: %+v", name, made)
		}
		if got := call(t, s, "list_watches", nil); got.Failed || !strings.Contains(got.Text, "ZIP code 00007: watch "+string(w.ID)) {
			t.Errorf("%s: list %+v", name, got)
		}
		came++
		id := h.enrol(person(fmt.Sprint(came), "Ash", "Mockley", here), nil)
		look := call(t, s, "look_at_watch", map[string]any{"id": w.ID})
		if look.Failed || !strings.Contains(look.Text, "1 change since the last look") || !strings.Contains(look.Text, "- new "+string(id)) {
			t.Errorf("%s: look %+v", name, look)
		}
		next := decode[api.Watch](t, look.Content).Look
		if got := call(t, s, "look_at_watch", map[string]any{"id": w.ID, "look": next}); got.Failed || !strings.Contains(got.Text, "0 changes") {
			t.Errorf("%s: second look %+v", name, got)
		}
		if got := call(t, s, "end_watch", map[string]any{"id": w.ID}); got.Failed {
			t.Errorf("%s: end %+v", name, got)
		}
		if got := call(t, s, "look_at_watch", map[string]any{"id": w.ID}); !got.Failed || !strings.Contains(got.Text, "not_found") {
			t.Errorf("%s: after the end %+v", name, got)
		}
	}
}

// TestMCPNeedsAKey holds that the daemon hears nobody without a key, and that a program of the client's own
// says what the daemon said.
func TestMCPNeedsAKey(t *testing.T) {
	h := town(t)
	for _, key := range []string{"wrong", ""} {
		response, body := h.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "X-API-Key", key, "Content-Type",
			"application/json", "Accept", "application/json, text/event-stream")
		if response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "API key") {
			t.Errorf("key %q: %d %s", key, response.StatusCode, body)
		}
	}
	if got := call(t, remote(t, h.listen(), "wrong"), "search_offenders", map[string]any{"lastName": "Smith"}); !got.Failed ||
		!strings.Contains(got.Text, "key_refused: Invalid API key") {
		t.Errorf("over the REST API: %s", got.Text)
	}
}

// TestMCPIsAudited holds that a tool's question is counted and logged like any other.
func TestMCPIsAudited(t *testing.T) {
	h := town(t)
	call(t, backends(t, h, h.key)["in the process"], "search_offenders", map[string]any{"lastName": "Testcase"})
	if log := h.logged(); !strings.Contains(log, "endpoint=sexoffender") || !strings.Contains(log, "count=2") ||
		strings.Contains(strings.ToLower(log), "testcase") {
		t.Errorf("the audit line: %s", log)
	}
}

// FuzzMCP sends anything as a message of MCP: the answer may be an error of the protocol, and never one
// of ours.
func FuzzMCP(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_offenders","arguments":{"lastName":"Smith","lat":1e309}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_faces","arguments":{"photoBase64":"/9j/","state":["NY"],` +
			`"ageMin":-1}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_record","arguments":{"uuid":"../../x?key=1"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{"jsonrpc":"2.0","method":"x"}`, `[]`, `{`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		h := fuzzNode(t)
		response, answer := h.do("POST", "/mcp", message, "X-API-Key", h.key, "Content-Type", "application/json", "Accept",
			"application/json, text/event-stream")
		if response.StatusCode >= 500 || strings.Contains(h.logged(), "panic") {
			t.Errorf("%d %s", response.StatusCode, answer)
		}
	})
}
