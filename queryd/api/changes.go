package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"lineup/ingest/ledger"
	"lineup/queryd/serve"
	"lineup/schemas"
)

// Changes is the answer of GET /v1/changes.
type Changes struct {
	Changes []Change `json:"changes"`
	Cursor  string   `json:"cursor"` // what to send next
	More    bool     `json:"more"`   // there are more now
}

// Change says what became of one record. It holds nothing personal.
type Change struct {
	Seq    uint64       `json:"seq"`
	At     *string      `json:"at"`
	Kind   string       `json:"kind"` // "listed", "changed", "delisted"
	ID     schemas.UUID `json:"uuid"`
	Source string       `json:"source"`
}

// maxCursor bounds the characters of a cursor.
const maxCursor = 100

// ServeChanges answers GET /v1/changes.
func (a *API) ServeChanges(w http.ResponseWriter, r *http.Request) error {
	if err := serve.OneKey(r); err != nil {
		return err
	}
	if _, err := a.serve.Authorize(r.Context(), w.Header(), serve.GivenKey(r), false); err != nil {
		return err
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return serve.BadRequest("bad_query", "The query string cannot be read: check its %-escapes.")
	}
	for name := range query {
		if name != "cursor" && name != "limit" && name != "key" {
			return serve.BadRequest("unknown_param", serve.HeaderText(name)+" is not known. GET /v1/changes takes cursor and limit.")
		}
	}
	answer, err := a.ChangesOf(r.Context(), query.Get("cursor"), query.Get("limit"))
	if err != nil {
		return err
	}
	serve.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// ChangesOf gives what changed since a cursor; limit may be "".
func (a *API) ChangesOf(ctx context.Context, cursor, limit string) (Changes, error) {
	out := Changes{Changes: []Change{}}
	n := ledger.MaxChanges
	if limit != "" {
		var err error
		if n, err = strconv.Atoi(limit); err != nil || n < 1 || n > ledger.MaxChanges {
			return out, serve.BadRequest("bad_limit", "limit must be a whole number from 1 to "+strconv.Itoa(ledger.MaxChanges)+".")
		}
	}
	if len(cursor) > maxCursor {
		return out, serve.BadRequest("bad_cursor", "cursor is longer than any that is given here.")
	}
	page, err := a.search.Changes(ctx, cursor, n)
	if err != nil {
		return out, err
	}
	for _, c := range page.Changes {
		out.Changes = append(out.Changes, Change{Seq: c.Seq, At: Time(c.At), Kind: string(c.Kind), ID: c.ID, Source: c.Source})
	}
	out.Cursor, out.More = page.Cursor, page.More
	serve.ExchangeOf(ctx).Count = len(out.Changes)
	return out, nil
}
