package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/scraper/samplesite"
)

// TestMCPOverStandardInputAndOutput starts lineup mcp as a client does.
func TestMCPOverStandardInputAndOutput(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	daemon := httptest.NewServer(r.api)
	defer daemon.Close()
	connect := func(key string) *sdk.ClientSession {
		t.Helper()
		exe, err := os.Executable()
		must(t, err)
		command := exec.Command(exe) // which ends when its standard input does
		command.Args = []string{"lineup", "mcp", "--url", daemon.URL}
		command.Env = append(os.Environ(), "LINEUP_KEY="+key)
		s, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
			&sdk.CommandTransport{Command: command}, nil)
		must(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	call := func(s *sdk.ClientSession, tool string, arguments map[string]any) (text string, failed bool) {
		t.Helper()
		result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
		must(t, err)
		for _, c := range result.Content {
			text += c.(*sdk.TextContent).Text + "\n"
		}
		return text, result.IsError
	}
	s := connect(r.key)
	id := string(sampleID(samplesite.FirstID))
	if text, failed := call(s, "get_record", map[string]any{"uuid": id}); failed || !strings.Contains(text, id) ||
		!strings.Contains(text, "not an identification") {
		t.Errorf("get_record: %s", text)
	}
	if text, failed := call(s, "coverage", nil); failed || !strings.Contains(text, "New York") {
		t.Errorf("coverage: %s", text)
	}
	if text, failed := call(connect("nonsense"), "get_record", map[string]any{"uuid": id}); !failed ||
		!strings.Contains(text, "Invalid API key") {
		t.Errorf("a wrong key: %s", text)
	}
}
