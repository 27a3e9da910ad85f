package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lineup/internal/notify"
	"lineup/queryd/api"
	"lineup/scraper/samplesite"
)

// heardHook is one request to a webhook.
type heardHook struct {
	path, signature, delivery, body string
}

// TestWatchesTellTheirWebhook lets somebody who is watched move: the webhook is told, signed, over a receiver that fails and a
// program that is killed, and holds nothing of whom it is about. A watch that was deleted tells nothing.
func TestWatchesTellTheirWebhook(t *testing.T) {
	t.Setenv("LINEUP_NOTIFY_WATCHES_INSIDE", "true")
	refused, taken := make(chan heardHook, 100), make(chan heardHook, 100)
	var failing atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard := taken
		if failing.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			heard = refused
		}
		heard <- heardHook{r.URL.Path, r.Header.Get(notify.SignatureHeader), r.Header.Get(notify.DeliveryHeader), string(body)}
	}))
	defer receiver.Close()
	a := newAllInOne(t)
	ask := func(method, path, body string, want int) (w api.Watch) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.up.public+path, strings.NewReader(body))
		must(t, err)
		request.Header.Set("X-API-Key", a.key)
		answer, err := http.DefaultClient.Do(request)
		must(t, err)
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		must(t, err)
		if answer.StatusCode != want {
			t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, data)
		}
		if len(data) > 0 {
			must(t, json.Unmarshal(data, &w))
		}
		return w
	}
	hear := func(heard <-chan heardHook, path string) heardHook {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		select {
		case h := <-heard:
			if h.path != path {
				t.Fatalf("heard %+v, want %s", h, path)
			}
			return h
		case <-ctx.Done():
			t.Fatalf("heard nothing at %s", path)
		}
		return heardHook{}
	}
	id := samplesite.FirstID
	body := func(path string) string {
		return fmt.Sprintf(`{"uuid": %q, "webhook": %q}`, sampleID(id), receiver.URL+path)
	}
	first := ask(http.MethodPost, "/v1/watches", body("/first"), http.StatusCreated)
	if first.Secret == "" || first.Webhook != receiver.URL+"/first" {
		t.Errorf("made %+v", first)
	}

	failing.Store(true)
	must(t, a.site.Move(id))
	a.crawled()
	failed := hear(refused, "/first")
	must(t, a.up.cmd.Process.Kill())
	<-a.up.done
	failing.Store(false)
	a.begin()
	a.ready()
	told := hear(taken, "/first")
	if want := fmt.Sprintf(`{"watch":%q,"count":1}`, first.ID); told.body != want || failed.body != want || told.delivery != failed.delivery {
		t.Errorf("told %+v after %+v, want %s", told, failed, want)
	}
	made, _, _ := strings.Cut(strings.TrimPrefix(told.signature, "t="), ",")
	at, err := strconv.ParseInt(made, 10, 64)
	must(t, err)
	if told.signature != notify.Sign(first.Secret, time.Unix(at, 0), []byte(told.body)) {
		t.Errorf("signed %s", told.signature)
	}
	if listed := ask(http.MethodGet, "/v1/watches/"+string(first.ID), "", http.StatusOK); len(listed.Changes) != 1 || listed.Secret != "" {
		t.Errorf("looked: %+v", listed)
	}

	ask(http.MethodDelete, "/v1/watches/"+string(first.ID), "", http.StatusNoContent)
	ask(http.MethodPost, "/v1/watches", body("/second"), http.StatusCreated)
	must(t, a.site.Move(id))
	a.crawled()
	hear(taken, "/second") // and not the first, which would have been told before
	var dead []any
	out, code := a.run("watches", "--json")
	if must(t, json.Unmarshal([]byte(out), &dead)); code != 0 || len(dead) != 0 || !bytes.HasPrefix([]byte(out), []byte("[")) {
		t.Errorf("given up: exit %d, %s", code, out)
	}
}
