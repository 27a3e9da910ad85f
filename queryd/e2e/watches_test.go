package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lineup/queryd/api"
	"lineup/queryd/keys"
	"lineup/schemas"
)

// watch makes a watch and returns it.
func (h *daemon) watch(body string) api.Watch {
	h.t.Helper()
	response, text := h.keyed("POST", "/v1/watches", body)
	if response.StatusCode != http.StatusCreated {
		h.t.Fatalf("%s: %d %s", body, response.StatusCode, text)
	}
	return decode[api.Watch](h.t, text)
}

// look looks at a watch and returns the kinds of what changed; "" for a watch that is not there.
func (h *daemon) look(id schemas.UUID, token string) (kinds, next string) {
	h.t.Helper()
	response, text := h.keyed("GET", "/v1/watches/"+string(id)+"?look="+token, "")
	if response.StatusCode != http.StatusOK {
		return fmt.Sprint(response.StatusCode), ""
	}
	w := decode[api.Watch](h.t, text)
	for _, c := range w.Changes {
		kinds += string(c.Kind) + " "
	}
	return strings.TrimSpace(kinds), w.Look
}

func lives(a schemas.Address) func(*schemas.Record) {
	return func(r *schemas.Record) { r.Addresses = []schemas.Address{a} }
}

func TestWatches(t *testing.T) {
	h := newNode(t)
	lat, lng := 42.5, -75.5
	here := lives(schemas.Address{Kind: schemas.AddressHome, City: "Sampleton", State: "NY", Zip: "00001", Lat: &lat, Lon: &lng})
	first := h.enrol(person("1", "Rowan", "Testcase", here), nil)
	record := h.watch(`{"uuid": "` + string(first) + `"}`)
	zip := h.watch(`{"zipcode": "00001"}`)
	point := h.watch(`{"lat": 42.5, "lng": -75.5, "radius": 0.5}`)
	expect := func(what string, id schemas.UUID, token, want string) string {
		t.Helper()
		got, next := h.look(id, token)
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
		return next
	}
	expect("nothing happened", record.ID, "", "")
	h.enrol(person("2", "Ash", "Mockley", here), nil)
	lost := expect("somebody came", zip.ID, "", "new")
	expect("near", point.ID, "", "new")
	expect("elsewhere", record.ID, "", "")
	expect("the answer was lost", zip.ID, "", "new")
	expect("an older answer does not count", zip.ID, lost, "new")
	again := expect("as nobody said that it came", zip.ID, "", "new")
	again = expect("now it is seen", zip.ID, again, "")
	h.ledger.gone[first] = true
	expect("somebody left", zip.ID, again, "gone")
	expect("the record left", record.ID, "", "gone")
	expect("there is nothing left to watch", record.ID, "", "404")

	other, _, err := h.keys.Add(t.Context(), "another", keys.Limits{})
	must(t, err)
	if response, _ := h.do("GET", "/v1/watches/"+string(zip.ID), "", "X-API-Key", other); response.StatusCode != http.StatusNotFound {
		t.Errorf("with another key: %d", response.StatusCode)
	}
	if response, _ := h.do("GET", "/v1/watches", "", "X-API-Key", "DEMO"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("with DEMO: %d", response.StatusCode)
	}
	for n := 2; n < keys.MaxWatches; n++ {
		h.watch(`{"zipcode": "00009"}`)
	}
	if response, body := h.keyed("POST", "/v1/watches", `{"zipcode": "00009"}`); response.StatusCode != 400 ||
		!strings.Contains(body, "too_many_watches") {
		t.Errorf("one too many: %d %s", response.StatusCode, body)
	}
}

// A watch of a place that holds very many is a list of people.
func TestLargePlacesAreNotWatched(t *testing.T) {
	h := newNode(t)
	for i := range 1001 {
		h.enrol(person(fmt.Sprint(i), "Rowan", "Testcase", lives(schemas.Address{Kind: schemas.AddressHome, State: "NY", Zip: "00001"})), nil)
	}
	if response, body := h.keyed("POST", "/v1/watches", `{"zipcode": "00001"}`); response.StatusCode != 400 ||
		!strings.Contains(body, "bad_watch") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

// What is new is noted for a watch's webhook once, with its count alone, and not again after it was seen.
func TestNewsIsNotedForWebhooks(t *testing.T) {
	h := newNode(t)
	here := lives(schemas.Address{Kind: schemas.AddressHome, State: "NY", Zip: "00008"})
	h.enrol(person("1", "Rowan", "Testcase", here), nil)
	w := h.watch(`{"zipcode": "00008", "webhook": "https://hooks.example.test/x"}`)
	if w.Secret == "" {
		t.Fatal("no secret")
	}
	told := func(want int) {
		t.Helper()
		must(t, h.NoteNews(t.Context()))
		count := 0
		_, _, err := h.keys.SendDue(t.Context(), func(_ context.Context, hook keys.Hook) error {
			if hook.Watch == w.ID {
				count = hook.Due.Count
			}
			return nil
		})
		must(t, err)
		if count != want {
			t.Errorf("told of %d changes, want %d", count, want)
		}
	}
	told(0)
	two := h.enrol(person("2", "Ash", "Mockley", here), nil)
	told(1)
	told(0)
	_, next := h.look(w.ID, "")
	told(0)
	h.look(w.ID, next)
	told(0)
	h.ledger.gone[two] = true
	told(1)
	h.keyed("DELETE", "/v1/watches/"+string(w.ID), "")
	h.enrol(person("3", "Wren", "Sampleson", here), nil)
	told(0)
}
