package queryd

import (
	"fmt"
	"net/http"

	"github.com/klauspost/compress/gzhttp"

	"lineup/queryd/api"
	"lineup/queryd/mcp"
	"lineup/queryd/serve"
	"lineup/queryd/web"
)

// routes builds the handler of everything.
func (s *Server) routes() (http.Handler, error) {
	get := []string{http.MethodGet, http.MethodHead}
	post := []string{http.MethodPost}
	both := []string{http.MethodPost, http.MethodGet, http.MethodHead}
	openapi, err := api.NewOpenAPI()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, r := range []serve.Route{
		{Pattern: "/faces", Kind: "faces", Methods: post, Serve: s.api.ServeFaces},
		{Pattern: "/sexoffender", Kind: "sexoffender", Methods: both, Serve: s.api.ServeOffenders, Inside: true},
		{Pattern: "/faces/{$}", Kind: "faces", Methods: post, Serve: s.api.ServeFaces},
		{Pattern: "/sexoffender/{$}", Kind: "sexoffender", Methods: both, Serve: s.api.ServeOffenders, Inside: true},
		{Pattern: "/photos/{id}", Kind: "photos", Methods: get, Serve: s.api.ServePhoto, Link: s.api.PhotoLink},
		{Pattern: "/v1/changes", Kind: "changes", Methods: get, Serve: s.api.ServeChanges},
		{Pattern: "/v1/watches", Kind: "watches", Methods: both, Serve: s.api.ServeWatches},
		{Pattern: "/v1/watches/{id}", Kind: "watches", Methods: []string{http.MethodGet, http.MethodHead, http.MethodDelete},
			Serve: s.api.ServeWatch},
		{Pattern: "/v1/coverage", Kind: "coverage", Methods: get, Serve: s.api.ServeCoverage},
		{Pattern: "/v1/matches/{id}/evidence", Kind: "evidence", Methods: get, Serve: s.api.ServeEvidence},
		{Pattern: "/.well-known/lineup-keys.json", Kind: "keys", Methods: get, Serve: s.api.ServeSigningKeys},
		{Pattern: "/v1/retention", Kind: "retention", Methods: get, Serve: s.api.ServeRetention},
		{Pattern: "/v1/terms", Kind: "terms", Methods: get, Serve: s.serve.Terms},
		{Pattern: "/healthz", Kind: "healthz", Methods: get, Serve: s.serve.Health},
		{Pattern: "/readyz", Kind: "readyz", Methods: get, Serve: s.serve.Ready},
		{Pattern: "/openapi.json", Kind: "openapi", Methods: get, Serve: openapi.ServeJSON},
		{Pattern: "/mcp", Kind: "mcp", Methods: []string{http.MethodPost, http.MethodGet, http.MethodDelete}, Serve: mcp.Handler(s.api, s.serve)},
		{Pattern: "/assets/{name}", Kind: "assets", Methods: get, Serve: s.pages.Asset},
		{Pattern: "/", Kind: "unknown", Methods: both, Serve: noSuchPath, Fail: s.failUnknown},
	} {
		mux.Handle(r.Pattern, s.serve.Wrap(r))
	}
	for _, r := range []serve.Route{
		{Pattern: "/docs", Kind: "docs", Methods: get, Serve: s.pages.Docs(openapi)},
		{Pattern: "/{$}", Kind: "page", Methods: both, Serve: s.pages.Home},
		{Pattern: "/search", Kind: "page", Methods: both, Serve: s.pages.Search},
		{Pattern: "/record/{id}", Kind: "page", Methods: both, Serve: s.pages.Record},
		{Pattern: "/coverage", Kind: "page", Methods: get, Serve: s.pages.Coverage},
		{Pattern: "/terms", Kind: "page", Methods: get, Serve: s.pages.Terms},
		{Pattern: "/retention", Kind: "page", Methods: get, Serve: s.pages.Retention},
	} {
		r.Page, r.Inside, r.Fail = true, true, s.pages.Failure
		mux.Handle(r.Pattern, s.serve.Wrap(r))
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes([]string{
		"application/json", "text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml"}))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	return compress(mux), nil
}

func noSuchPath(http.ResponseWriter, *http.Request) error {
	return &serve.Failure{Status: http.StatusNotFound, Reason: "no_such_path", Message: "There is no such path here. See /docs."}
}

// failUnknown answers a browser with a page, a program with JSON.
func (s *Server) failUnknown(w http.ResponseWriter, r *http.Request, f *serve.Failure) {
	if web.Prefers(r) {
		s.pages.Failure(w, r, f)
		return
	}
	s.serve.WriteFailure(w, f)
}
