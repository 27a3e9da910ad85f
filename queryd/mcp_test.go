package queryd_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/mcp"
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

func call(t *testing.T, s *sdk.ClientSession, tool string, arguments map[string]any) (text string, failed bool) {
	t.Helper()
	result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	for _, c := range result.Content {
		text += c.(*sdk.TextContent).Text + "\n"
	}
	return text, result.IsError
}

func TestMCPToolsAnswerLikeTheAPI(t *testing.T) {
	h := town(t)
	h.crowd(40)
	base := h.listen()
	serverSide, clientSide := sdk.NewInMemoryTransports()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go mcp.New(mcp.Client{Base: base, Key: h.key, Do: http.DefaultClient.Do}, "1").Run(ctx, serverSide)
	for name, s := range map[string]*sdk.ClientSession{
		"streamable HTTP":   session(t, &sdk.StreamableClientTransport{Endpoint: base + "/mcp", HTTPClient: &http.Client{Transport: withKey{h.key}}}),
		"over the REST API": session(t, clientSide),
	} {
		t.Run(name, func(t *testing.T) {
			tools, err := s.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) != 4 {
				t.Fatalf("tools %v, %v", tools, err)
			}
			text, failed := call(t, s, "search_offenders", map[string]any{"firstName": "Bob", "lastName": "Smith", "fuzzy": true})
			if failed || !strings.Contains(text, "ROBERT SMITH") || !strings.Contains(text, "not an identification") || !strings.Contains(text, "fingerprints") {
				t.Errorf("search_offenders: %s", text)
			}
			photo := base64.StdEncoding.EncodeToString(jpeg("probe"))
			if text, failed = call(t, s, "search_faces", map[string]any{"photoBase64": photo}); failed || !strings.Contains(text, `"firstName":"Rowan"`) || !strings.Contains(text, `"outcome":"match"`) {
				t.Errorf("search_faces: %s", text)
			}
			if text, failed = call(t, s, "get_record", map[string]any{"uuid": string(h.gal.faces[0].Registrant)}); failed || !strings.Contains(text, `"stateData":{`) {
				t.Errorf("get_record: %s", text)
			}
			if text, failed = call(t, s, "coverage", nil); failed || !strings.Contains(text, "Example Registry") {
				t.Errorf("coverage: %s", text)
			}
			if text, failed = call(t, s, "search_offenders", map[string]any{"q": "a b", "lastName": "c"}); !failed || !strings.Contains(text, "forbidden_combination") {
				t.Errorf("a refused search: %s", text)
			}
		})
	}
	s := session(t, &sdk.StreamableClientTransport{Endpoint: base + "/mcp", HTTPClient: &http.Client{Transport: withKey{"wrong"}}})
	if text, failed := call(t, s, "search_offenders", map[string]any{"lastName": "Smith"}); !failed || !strings.Contains(text, "Invalid API key") {
		t.Errorf("a wrong key: %s", text)
	}
}

// FuzzMCP sends anything as a message of MCP: the answer may be an error of the protocol, and never one
// of ours.
func FuzzMCP(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_offenders","arguments":{"lastName":"Smith","lat":1e309}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_faces","arguments":{"photoBase64":"/9j/","state":["NY"],"ageMin":-1}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_record","arguments":{"uuid":"../../x?key=1"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `{"jsonrpc":"2.0","method":"x"}`, `[]`, `{`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		h := fuzzNode(t)
		response, answer := h.do("POST", "/mcp", message, "X-API-Key", h.key, "Content-Type", "application/json", "Accept", "application/json, text/event-stream")
		if response.StatusCode >= 500 || strings.Contains(h.logged(), "panic") {
			t.Errorf("%d %s", response.StatusCode, answer)
		}
	})
}
