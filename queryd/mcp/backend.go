package mcp

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"lineup/queryd/api"
	"lineup/schemas"
)

// Backend answers what the tools ask. There are two: Local asks the search of this process, Remote a
// daemon's REST API. Both speak the types of the wire, and one suite holds that they cannot differ.
// Errors for the model to read are *Problem.
type Backend interface {
	// Offenders answers the parameters of GET /sexoffender.
	Offenders(ctx context.Context, params url.Values) (api.Offenders, Said, error)
	// Faces answers the body of POST /faces.
	Faces(ctx context.Context, request api.FaceRequest) (api.Faces, Said, error)
	// Coverage answers GET /v1/coverage.
	Coverage(ctx context.Context) (api.Coverage, Said, error)
	// Photo answers GET /photos/{id}: the bytes and their media type.
	Photo(ctx context.Context, id schemas.UUID) (data []byte, kind string, err error)
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
