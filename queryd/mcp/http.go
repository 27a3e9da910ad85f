package mcp

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"

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
		key, err := shared.Admit(r.Context(), serve.GivenKey(r), true) // the tools count what they ask
		if err != nil {
			return err
		}
		if r.ContentLength > maxMessage {
			return serve.BadRequest("too_large", fmt.Sprintf("The message must be smaller than %d bytes.", maxMessage))
		}
		if err := shared.PaidBody(w, r, key, maxMessage); err != nil {
			return err
		}
		message := bufio.NewReader(r.Body)
		if isBatch(message) {
			return serve.BadRequest("bad_json", "Send one JSON-RPC message at a time: batches are not taken.")
		}
		r.Body = struct {
			io.Reader
			io.Closer
		}{message, r.Body}
		handler.ServeHTTP(w, r)
		return nil
	}
}

// isBatch reports whether what follows is a JSON array. A batch of a few megabytes can hold tens of thousands of
// calls, which would be limited as one request. The protocol has had no batches since its version of 2025-06-18.
func isBatch(message *bufio.Reader) bool {
	for {
		next, err := message.ReadByte()
		if err != nil {
			return false // as the protocol answers it
		}
		if !strings.ContainsRune(" \t\r\n", rune(next)) {
			return message.UnreadByte() == nil && next == '['
		}
	}
}
