package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"lineup/queryd/api"
	"lineup/schemas"
)

// TestCopiesFollow crawls a registry, follows its changes with a key, and removes one registrant: the copies are those who
// are listed, and the removed is told like anybody who left.
func TestCopiesFollow(t *testing.T) {
	r := newRoad(t)
	r.crawl("")
	copies, cursor := map[schemas.UUID]string{}, ""
	follow := func() (last api.Change) {
		t.Helper()
		for more := true; more; {
			request := httptest.NewRequest(http.MethodGet, "/v1/changes?limit=7&cursor="+cursor, nil)
			request.Header.Set("X-API-Key", r.key)
			w := httptest.NewRecorder()
			r.api.ServeHTTP(w, request)
			var page api.Changes
			must(t, json.Unmarshal(w.Body.Bytes(), &page))
			if w.Code != http.StatusOK || len(page.Changes) > 7 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			for _, c := range page.Changes {
				copies[c.ID], last = c.Source, c
				if c.Kind == "delisted" {
					delete(copies, c.ID)
				}
			}
			cursor, more = page.Cursor, page.More
		}
		return last
	}
	follow()
	if len(copies) != r.site.Size() {
		t.Errorf("%d copies of %d", len(copies), r.site.Size())
	}
	var gone schemas.UUID
	for id := range copies {
		gone = id
	}
	_, err := r.h.Ingest.Remove(t.Context(), gone, schemas.Removal{Reason: "a reason that nobody is told"})
	must(t, err)
	if last := follow(); last.Kind != "delisted" || last.ID != gone || len(copies) != r.site.Size()-1 {
		t.Errorf("told %+v, %d copies", last, len(copies))
	}
}
