package mcp

import (
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/api"
	"lineup/queryd/serve"
)

// maxMessage bounds the body of one MCP message: a photo in base64 and its frame.
const maxMessage = 5 << 20

// Handler answers /mcp: MCP over streamable HTTP, without sessions, so any daemon behind one
// address can answer any request. The key of the HTTP request is the key of the tools. The
// protection against DNS rebinding is off because a proxy on the same machine looks just like
// it, and nothing is to be had here without a key.
func Handler(wire *api.API, shared *serve.Server) func(http.ResponseWriter, *http.Request) error {
	handler := sdk.NewStreamableHTTPHandler(func(r *http.Request) *sdk.Server {
		return New(Local{API: wire, Shared: shared, Key: serve.GivenKey(r), Base: shared.Base(r)}, Options{Version: "1"})
	}, &sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, MaxRequestBodyBytes: maxMessage})
	return func(w http.ResponseWriter, r *http.Request) error {
		handler.ServeHTTP(w, r)
		return nil
	}
}
