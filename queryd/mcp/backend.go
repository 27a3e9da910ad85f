package mcp

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"lineup/queryd/api"
	"lineup/schemas"
)

// Backend answers what the tools ask. There are two: Local searches in this process, Remote calls a daemon's REST API.
// Both use the types of the wire format, and one test suite runs over both so that they cannot differ. Errors for the
// model to read are *Problem.
type Backend interface {
	// Offenders answers the parameters of GET /sexoffender.
	Offenders(ctx context.Context, params url.Values) (api.Offenders, Said, error)
	// Faces answers the body of POST /faces.
	Faces(ctx context.Context, request api.FaceRequest) (api.Faces, Said, error)
	// Coverage answers GET /v1/coverage.
	Coverage(ctx context.Context) (api.Coverage, Said, error)
	// Changes answers GET /v1/changes; limit is "" for what is usual.
	Changes(ctx context.Context, cursor, limit string) (api.Changes, Said, error)
	// AddWatch answers POST /v1/watches.
	AddWatch(ctx context.Context, request api.WatchRequest) (api.Watch, Said, error)
	// Watches answers GET /v1/watches.
	Watches(ctx context.Context) (api.Watches, Said, error)
	// Look answers GET /v1/watches/{id}; look is of the answer before, "" for none.
	Look(ctx context.Context, id schemas.UUID, look string) (api.Watch, Said, error)
	// EndWatch answers DELETE /v1/watches/{id}.
	EndWatch(ctx context.Context, id schemas.UUID) error
	// Photo answers GET /photos/{id} with the parameters of a link: the bytes and their media type.
	Photo(ctx context.Context, id schemas.UUID, link url.Values) (data []byte, kind string, err error)
}

// Said is what the headers of an answer say.
type Said struct {
	Notices  []string // X-Notice and X-Source-Notice
	Coverage string   // X-Coverage, "11/56"
}

// Problem is an answer that is an error: what the caller did, or what could not be done.
type Problem struct {
	Reason  string // stable: "bad_dob"
	Message string
}

func (p *Problem) Error() string { return p.Reason + ": " + p.Message }

// said reads the headers that both backends have.
func said(values func(name string) []string) Said {
	return Said{Notices: slices.Concat(values("X-Notice"), values("X-Source-Notice")), Coverage: strings.Join(values("X-Coverage"), "")}
}
