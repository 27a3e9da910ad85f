package mcp

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/queryd/api"
	"lineup/schemas"
)

// offerWatches adds the tools of watches. Their webhooks are not for models: an address comes from the key's holder.
func (s server) offerWatches(out *sdk.Server) {
	closed, destroys, harmless := false, true, false
	tool := func(name, title, description string, notes sdk.ToolAnnotations) *sdk.Tool {
		notes.Title, notes.OpenWorldHint = title, &closed
		return &sdk.Tool{Name: name, Title: title, Description: description, Annotations: &notes}
	}
	sdk.AddTool(out, tool("add_watch", "Watch", "Watch one record (uuid), one person (personUuid), one ZIP code, or a point and at most "+
		"a mile around it. What is there now counts as seen. There are no watches on names, lists of people or faces, and 50 at most.",
		sdk.ToolAnnotations{DestructiveHint: &harmless}), s.addWatch)
	sdk.AddTool(out, tool("list_watches", "Watches", "The watches of this key.", sdk.ToolAnnotations{ReadOnlyHint: true}), s.listWatches)
	sdk.AddTool(out, tool("look_at_watch", "News of a watch", "What is new, changed or gone since the last look. Give look of the answer "+
		"before: what that told counts as seen then.", sdk.ToolAnnotations{DestructiveHint: &harmless}), s.lookAtWatch)
	sdk.AddTool(out, tool("end_watch", "End a watch", "Delete a watch.",
		sdk.ToolAnnotations{DestructiveHint: &destroys, IdempotentHint: true}), s.endWatch)
}

// watchInput are the parameters of add_watch.
type watchInput struct {
	UUID   string   `json:"uuid,omitempty" jsonschema:"one record"`
	Person string   `json:"personUuid,omitempty" jsonschema:"all records of one person"`
	Zip    string   `json:"zipcode,omitempty" jsonschema:"five digits"`
	Lat    *float64 `json:"lat,omitempty"`
	Lng    *float64 `json:"lng,omitempty"`
	Radius *float64 `json:"radius,omitempty" jsonschema:"miles around lat and lng, above 0 and at most 1"`
}

// lookInput are the parameters of look_at_watch.
type lookInput struct {
	ID   string `json:"id" jsonschema:"of the watch"`
	Look string `json:"look,omitempty" jsonschema:"of the answer before"`
}

type watchIDInput struct {
	ID string `json:"id" jsonschema:"of the watch"`
}

// ended is the answer of end_watch.
type ended struct {
	ID schemas.UUID `json:"id"`
}

func (s server) addWatch(ctx context.Context, _ *sdk.CallToolRequest, in watchInput) (*sdk.CallToolResult, *api.Watch, error) {
	answer, said, err := s.backend.AddWatch(ctx, api.WatchRequest{Record: schemas.UUID(in.UUID), Person: schemas.UUID(in.Person),
		Zip: in.Zip, Lat: in.Lat, Lng: in.Lng, Radius: in.Radius})
	if err != nil {
		return nil, nil, toModel(err)
	}
	return texts("Watching "+watchText(answer), said), &answer, nil
}

func (s server) listWatches(ctx context.Context, _ *sdk.CallToolRequest, _ struct{}) (*sdk.CallToolResult, *api.Watches, error) {
	answer, said, err := s.backend.Watches(ctx)
	if err != nil {
		return nil, nil, toModel(err)
	}
	lines := []string{counted(len(answer.Watches), "watch", "watches")}
	for _, w := range answer.Watches {
		lines = append(lines, "- "+watchText(w))
	}
	return texts(strings.Join(lines, "\n"), said), &answer, nil
}

func (s server) lookAtWatch(ctx context.Context, _ *sdk.CallToolRequest, in lookInput) (*sdk.CallToolResult, *api.Watch, error) {
	id, err := schemas.ParseUUID(in.ID)
	if err != nil {
		return nil, nil, errNoWatch
	}
	answer, said, err := s.backend.Look(ctx, id, in.Look)
	if err != nil {
		return nil, nil, toModel(err)
	}
	lines := []string{fmt.Sprintf("%s since the last look at %s; next time send look %s", counted(len(answer.Changes), "change", "changes"),
		watchText(answer), answer.Look)}
	for _, c := range answer.Changes {
		lines = append(lines, fmt.Sprintf("- %s %s", c.Kind, c.ID))
	}
	return texts(strings.Join(lines, "\n"), said), &answer, nil
}

func (s server) endWatch(ctx context.Context, _ *sdk.CallToolRequest, in watchIDInput) (*sdk.CallToolResult, *ended, error) {
	id, err := schemas.ParseUUID(in.ID)
	if err != nil {
		return nil, nil, errNoWatch
	}
	if err := s.backend.EndWatch(ctx, id); err != nil {
		return nil, nil, toModel(err)
	}
	return texts("Ended watch "+string(id), Said{}), &ended{id}, nil
}

// errNoWatch answers an id under which there is no watch.
var errNoWatch = &Problem{"not_found", "there is no watch under this id: list_watches names them"}

// watchText says what a watch is on.
func watchText(w api.Watch) string {
	on := ""
	switch {
	case w.Record != "":
		on = "record " + string(w.Record)
	case w.Person != "":
		on = "person " + string(w.Person)
	case w.Zip != "":
		on = "ZIP code " + w.Zip
	case w.Lat != nil && w.Lng != nil && w.Radius != nil:
		on = fmt.Sprintf("%g miles around %g, %g", *w.Radius, *w.Lat, *w.Lng)
	}
	if w.Records != nil {
		on += ", " + counted(*w.Records, "record", "records") + " now"
	}
	return on + ": watch " + string(w.ID)
}
