package queryd

import (
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/mcp"
)

// maxMCP bounds the body of one MCP message: a photo in base64 and its frame.
const maxMCP = 5 << 20

// serveMCP answers /mcp: MCP over streamable HTTP, without sessions, so any daemon behind one
// address can answer any request. The key of the HTTP request is the key of the tools. The
// protection against DNS rebinding is off because a proxy on the same machine looks just like
// it, and nothing is to be had here without a key.
func (s *Server) serveMCP() func(http.ResponseWriter, *http.Request) error {
	handler := sdk.NewStreamableHTTPHandler(func(r *http.Request) *sdk.Server {
		return mcp.New(mcp.Client{Base: s.base(r), Key: givenKey(r), Do: mcp.InProcess(s)}, "1")
	}, &sdk.StreamableHTTPOptions{Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, MaxRequestBodyBytes: maxMCP})
	return func(w http.ResponseWriter, r *http.Request) error {
		handler.ServeHTTP(w, r)
		return nil
	}
}
