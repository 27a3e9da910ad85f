// Package mcp offers the search to language-model clients by the Model Context Protocol: the
// tools search_offenders, search_faces, get_record and coverage. The tools are clients of the
// REST API, in the same process or over the network, so keys, limits, notices and answers are
// the same whichever way is taken.
package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Client asks a REST API.
type Client struct {
	Base string // "https://lineup.example.org"
	Key  string
	Do   func(*http.Request) (*http.Response, error) // http.Client.Do, or InProcess
}

// InProcess sends requests to a handler of this process.
func InProcess(handler http.Handler) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		return recorder.Result(), nil
	}
}

// maxAnswer bounds the bytes of one answer that are read.
const maxAnswer = 8 << 20

// instructions tell a model what the answers mean.
const instructions = `Searches copies of public US sex-offender registries. The registry is the authority: always give the
link to the official page (offenderUrl) and say that its record may have changed. A similarity of faces is not an
identification. Never use answers to decide about employment, housing, credit or insurance, and never to harass anybody.`

// searchInput are the parameters of search_offenders.
type searchInput struct {
	FirstName string   `json:"firstName,omitempty" jsonschema:"first name"`
	LastName  string   `json:"lastName,omitempty" jsonschema:"last name"`
	Query     string   `json:"q,omitempty" jsonschema:"a name in any order; not together with firstName or lastName"`
	Fuzzy     bool     `json:"fuzzy,omitempty" jsonschema:"also nicknames, sounds, typing errors and parts of names"`
	Birth     string   `json:"dob,omitempty" jsonschema:"date of birth, YYYY-MM-DD"`
	Age       *float64 `json:"age,omitempty" jsonschema:"age in years"`
	City      string   `json:"city,omitempty"`
	State     string   `json:"state,omitempty" jsonschema:"full name or two-letter code"`
	Zip       string   `json:"zipcode,omitempty" jsonschema:"five digits"`
	Address   string   `json:"address,omitempty" jsonschema:"street address"`
	Lat       *float64 `json:"lat,omitempty"`
	Lng       *float64 `json:"lng,omitempty"`
	Radius    float64  `json:"radius,omitempty" jsonschema:"miles around lat and lng, at most 100"`
	Extensive bool     `json:"extensive,omitempty" jsonschema:"search aliases too, and return aliases, all locations and state data"`
	Page      int      `json:"page,omitempty"`
}

// facesInput are the parameters of search_faces.
type facesInput struct {
	Photo  string   `json:"photoBase64" jsonschema:"JPEG or PNG, base64, smaller than 3,000,000 bytes before encoding; no data: prefix"`
	State  []string `json:"state,omitempty" jsonschema:"only registrants of these states"`
	Source []string `json:"source,omitempty" jsonschema:"only these sources, see coverage"`
	Sex    []string `json:"sex,omitempty" jsonschema:"male, female"`
	AgeMin int      `json:"ageMin,omitempty"`
	AgeMax int      `json:"ageMax,omitempty"`
}

type recordInput struct {
	ID string `json:"uuid" jsonschema:"uuid of a registrant record"`
}

// New makes an MCP server whose tools ask client.
func New(client Client, version string) *sdk.Server {
	server := sdk.NewServer(&sdk.Implementation{Name: "lineup", Title: "Lineup: registry search", Version: version},
		&sdk.ServerOptions{Instructions: instructions})
	closed := false
	readOnly := &sdk.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: &closed}
	sdk.AddTool(server, &sdk.Tool{Name: "search_offenders", Annotations: readOnly,
		Description: "Search registrant records by name, birth date and place. One person at a time."},
		func(ctx context.Context, _ *sdk.CallToolRequest, in searchInput) (*sdk.CallToolResult, any, error) {
			return client.ask(ctx, http.MethodGet, "/sexoffender?"+in.values().Encode(), nil)
		})
	sdk.AddTool(server, &sdk.Tool{Name: "search_faces", Annotations: readOnly,
		Description: "Search registry photos by the largest face in a photo. Above 80 a match is possible, above 90 fewer than one stranger in ten searches would look this alike; never an identification."},
		func(ctx context.Context, _ *sdk.CallToolRequest, in facesInput) (*sdk.CallToolResult, any, error) {
			body, err := json.Marshal(map[string]any{"queryImageBase64": in.Photo, "details": true, "state": in.State,
				"source": in.Source, "sex": in.Sex, "ageMin": in.AgeMin, "ageMax": in.AgeMax})
			if err != nil {
				return nil, nil, fmt.Errorf("encode the request: %w", err)
			}
			return client.ask(ctx, http.MethodPost, "/faces", body)
		})
	sdk.AddTool(server, &sdk.Tool{Name: "get_record", Annotations: readOnly,
		Description: "The full record of one registrant, with aliases, all locations and state data."},
		func(ctx context.Context, _ *sdk.CallToolRequest, in recordInput) (*sdk.CallToolResult, any, error) {
			return client.ask(ctx, http.MethodGet, "/sexoffender?"+url.Values{"uuid": {in.ID}, "mode": {"extensive"}}.Encode(), nil)
		})
	sdk.AddTool(server, &sdk.Tool{Name: "coverage", Annotations: readOnly,
		Description: "Which registries are covered, how fresh each copy is, and their notices and terms."},
		func(ctx context.Context, _ *sdk.CallToolRequest, _ struct{}) (*sdk.CallToolResult, any, error) {
			return client.ask(ctx, http.MethodGet, "/v1/coverage", nil)
		})
	return server
}

func (in searchInput) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	number := func(name string, value *float64) {
		if value != nil {
			v.Set(name, strconv.FormatFloat(*value, 'f', -1, 64))
		}
	}
	set("firstName", in.FirstName)
	set("lastName", in.LastName)
	set("q", in.Query)
	set("dob", in.Birth)
	set("city", in.City)
	set("state", in.State)
	set("zipcode", in.Zip)
	set("address", in.Address)
	number("age", in.Age)
	number("lat", in.Lat)
	number("lng", in.Lng)
	if in.Radius != 0 {
		number("radius", &in.Radius)
	}
	if in.Fuzzy {
		v.Set("fuzzy", "true")
	}
	if in.Extensive {
		v.Set("mode", "extensive")
	}
	if in.Page > 0 {
		v.Set("page", strconv.Itoa(in.Page))
	}
	return v
}

// ask sends one request and makes a tool's result of the answer: the notices, then the JSON.
func (c Client) ask(ctx context.Context, method, path string, body []byte) (*sdk.CallToolResult, any, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		r.Header.Set("X-API-Key", c.Key)
	}
	answer, err := c.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("ask lineup: %w", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("read lineup's answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: strings.TrimSpace(string(data))}}}, nil, nil
	}
	notices := append(answer.Header.Values("X-Notice"), answer.Header.Values("X-Source-Notice")...)
	return &sdk.CallToolResult{Content: []sdk.Content{
		&sdk.TextContent{Text: "Notices:\n- " + strings.Join(notices, "\n- ")},
		&sdk.TextContent{Text: strings.TrimSpace(string(data))},
	}}, nil, nil
}
