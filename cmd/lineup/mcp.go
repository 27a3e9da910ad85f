package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/mcp"
	"lineup/schemas"
)

// mcpTimeout bounds one request of a tool.
const mcpTimeout = time.Minute

// MCP speaks the Model Context Protocol.
type MCP struct {
	URL string `required:"" env:"LINEUP_URL" placeholder:"URL" help:"Address of a running query daemon, for example http://127.0.0.1:8080."`
	Key string `required:"" env:"LINEUP_KEY" placeholder:"KEY" help:"API key (lineup keys add NAME). Set it in the environment rather than here: other users can see arguments."`
}

// Help says how a client starts it.
func (*MCP) Help() string {
	return "A client starts this command itself and talks to it over standard input and output. The tools call the daemon at URL through\n" +
		"its REST API, within the key's limits; search_faces also takes a file on this machine (photoPath). A client that speaks streamable\n" +
		"HTTP can use URL/mcp directly instead."
}

// Run serves until the client closes standard input.
func (c *MCP) Run(ctx context.Context, app *App) error {
	if !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://") {
		return schemas.Misuse("--url %q: want something like http://127.0.0.1:8080", c.URL)
	}
	client := &http.Client{Timeout: mcpTimeout}
	server := mcp.New(mcp.Remote{Base: c.URL, Key: c.Key, Do: client.Do}, mcp.Options{Version: version, Files: true})
	if err := server.Run(ctx, &sdk.StdioTransport{}); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve MCP: %w", err)
	}
	return nil
}
