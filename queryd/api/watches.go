package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"lineup/internal/dial"
	"lineup/queryd/keys"
	"lineup/queryd/search"
	"lineup/queryd/serve"
	"lineup/queryd/watches"
	"lineup/schemas"
)

// WatchRequest is the body of POST /v1/watches: one of a record, a person, a ZIP code and a point.
type WatchRequest struct {
	Record schemas.UUID `json:"uuid,omitempty"`
	Person schemas.UUID `json:"personUuid,omitempty"`
	Zip    string       `json:"zipcode,omitempty"`
	Lat    *float64     `json:"lat,omitempty"`
	Lng    *float64     `json:"lng,omitempty"`
	Radius *float64     `json:"radius,omitempty"` // miles, 1 at most
	// Webhook is an https:// address that is told, signed, that there is news.
	Webhook string `json:"webhook,omitempty"`
}

// Watch is a watch on the wire.
type Watch struct {
	ID      schemas.UUID `json:"id"`
	Created *string      `json:"created"`
	WatchRequest
	Changes []watches.Change `json:"changes,omitzero"` // of GET /v1/watches/{id}
	Records *int             `json:"records,omitempty"`
	Look    string           `json:"look,omitempty"` // names this answer: send it next time
	// Secret is what deliveries to the webhook are signed with. It is told once, by POST.
	Secret string `json:"webhookSecret,omitempty"`
}

// Watches is the answer of GET /v1/watches.
type Watches struct {
	Watches []Watch `json:"watches"`
}

// WatchNews is the body of a webhook of a watch: that there is news, never of whom.
type WatchNews struct {
	Watch schemas.UUID `json:"watch"`
	Count int          `json:"count"` // changes since the last look
}

// maxWatchRadius is the radius of a small place, in miles.
const maxWatchRadius = 1

// ServeWatches answers POST and GET /v1/watches.
func (a *API) ServeWatches(w http.ResponseWriter, r *http.Request) error {
	key, err := a.watcher(w, r)
	if err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		out, err := a.Watches(r.Context(), key)
		if err == nil {
			serve.WriteJSON(w, http.StatusOK, out)
		}
		return err
	}
	asked, err := decodeWatch(w, r)
	if err != nil {
		return err
	}
	out, err := a.AddWatch(r.Context(), key, asked)
	if err == nil {
		serve.WriteJSON(w, http.StatusCreated, out)
	}
	return err
}

// Watches are the watches of a key, the oldest first.
func (a *API) Watches(ctx context.Context, key keys.Key) (out Watches, err error) {
	all, err := a.keys.Watches(ctx, key.ID)
	if err != nil {
		return out, keyStore(err)
	}
	out.Watches = []Watch{}
	for _, one := range all {
		out.Watches = append(out.Watches, watchOf(one))
	}
	return out, nil
}

// AddWatch makes a watch of a key. What is there now counts as seen.
func (a *API) AddWatch(ctx context.Context, key keys.Key, request WatchRequest) (out Watch, err error) {
	asked, err := a.readWatch(request)
	if err != nil {
		return out, err
	}
	if asked.Seen, err = a.watched(ctx, asked); err != nil {
		return out, err
	}
	if len(asked.Seen) == 0 && asked.Record+asked.Person != "" {
		return out, fs.ErrNotExist
	}
	made, secret, err := a.keys.AddHookedWatch(ctx, key.ID, asked)
	if errors.Is(err, keys.ErrTooMany) {
		return out, BadParam("too_many_watches", "A key may hold %d watches: delete one first.", keys.MaxWatches)
	}
	if err != nil {
		return out, keyStore(err)
	}
	out = watchOf(made)
	n := len(made.Seen)
	out.Records, out.Secret = &n, secret
	return out, nil
}

// ServeWatch answers GET and DELETE /v1/watches/{id}.
func (a *API) ServeWatch(w http.ResponseWriter, r *http.Request) error {
	key, err := a.watcher(w, r)
	if err != nil {
		return err
	}
	id, err := schemas.ParseUUID(r.PathValue("id"))
	if err != nil {
		return fs.ErrNotExist
	}
	if r.Method == http.MethodDelete {
		if err := a.EndWatch(r.Context(), key, id); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	out, err := a.Look(r.Context(), key, id, r.URL.Query().Get("look"))
	if err != nil {
		return err
	}
	serve.ExchangeOf(r.Context()).Count = len(out.Changes)
	serve.WriteJSON(w, http.StatusOK, out)
	return nil
}

// EndWatch deletes a watch of a key. Errors: fs.ErrNotExist.
func (a *API) EndWatch(ctx context.Context, key keys.Key, id schemas.UUID) error {
	if err := a.keys.RemoveWatch(ctx, key.ID, id); err != nil {
		return keyStore(err)
	}
	return nil
}

// Look reports what changed for a watched record or place since the last look. before is the look of the last answer that
// arrived, "" for none. Errors: fs.ErrNotExist.
func (a *API) Look(ctx context.Context, key keys.Key, id schemas.UUID, before string) (out Watch, err error) {
	watch, err := a.keys.Watch(ctx, key.ID, id)
	if err != nil {
		return out, keyStore(err)
	}
	now, err := a.watched(ctx, watch)
	if err != nil {
		return out, err
	}
	if before != "" && before == watch.Look {
		watch.Seen = watch.Given
	}
	watch.Given, watch.Look = now, string(schemas.RandomID())
	out = watchOf(watch)
	out.Changes, out.Look = watches.Difference(watch.Seen, now), watch.Look
	n := len(now)
	out.Records = &n
	if n == 0 && watch.Record != "" { // there is nothing left to watch
		err = a.keys.RemoveWatch(ctx, key.ID, id)
	} else {
		err = a.keys.Looked(ctx, key.ID, watch)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out, keyStore(err)
	}
	return out, nil
}

// watcher finds the key whose watches are asked about. DEMO has none.
func (a *API) watcher(w http.ResponseWriter, r *http.Request) (keys.Key, error) {
	if err := serve.OneKey(r); err != nil {
		return keys.Key{}, err
	}
	return a.Watcher(r.Context(), w.Header(), serve.GivenKey(r))
}

// Watcher finds the key of a secret and checks that it may hold watches: DEMO may not.
func (a *API) Watcher(ctx context.Context, h http.Header, secret string) (keys.Key, error) {
	key, err := a.serve.Authorize(ctx, h, secret, false)
	if err == nil && key.ID == keys.Demo {
		err = serve.DemoOnly()
	}
	return key, err
}

// keyStore is the failure of a store of keys and watches that does not answer.
func keyStore(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return &search.Unavailable{Part: "key_store", Cause: err}
}

func badWatch() error {
	return BadParam("bad_watch", "A watch is on one record (uuid), one person (personUuid), one ZIP code (zipcode), or a "+
		"point (lat, lng) and at most a mile around it. There are no watches on names, lists of people or faces.")
}

func decodeWatch(w http.ResponseWriter, r *http.Request) (asked WatchRequest, _ error) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&asked)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return asked, nil
	case strings.Contains(err.Error(), "unknown field"): // encoding/json has no other sign of it
		return asked, badWatch()
	default:
		return asked, BadParam("bad_json", `The body must be a JSON object like {"zipcode": "00001"}.`)
	}
}

// readWatch checks what a watch is to be on.
func (a *API) readWatch(asked WatchRequest) (keys.Watch, error) {
	given := 0
	for _, has := range []bool{asked.Record != "", asked.Person != "", asked.Zip != "", asked.Lat != nil || asked.Lng != nil} {
		if has {
			given++
		}
	}
	if given != 1 {
		return keys.Watch{}, badWatch()
	}
	out := keys.Watch{Zip: asked.Zip}
	if asked.Webhook != "" {
		var err error
		if out.Webhook, err = a.readWebhook(asked.Webhook); err != nil {
			return out, err
		}
	}
	for _, id := range []struct {
		given schemas.UUID
		into  *schemas.UUID
	}{{asked.Record, &out.Record}, {asked.Person, &out.Person}} {
		if id.given == "" {
			continue
		}
		parsed, err := schemas.ParseUUID(string(id.given))
		if err != nil {
			return out, BadParam("bad_uuid", "uuid and personUuid are UUIDs (8-4-4-4-12 hexadecimal digits).")
		}
		*id.into = parsed
	}
	if zip := out.Zip; zip != "" && (len(zip) != 5 || strings.Trim(zip, "0123456789") != "") {
		return out, BadParam("bad_zipcode", "zipcode must have five digits.")
	}
	if asked.Lat == nil && asked.Lng == nil {
		return out, nil
	}
	radius := 1.0
	if asked.Radius != nil {
		radius = *asked.Radius
	}
	switch {
	case asked.Lat == nil || asked.Lng == nil:
		return out, BadParam("lat_lng_together", "lat and lng must be given together.")
	case *asked.Lat < -90 || *asked.Lat > 90 || *asked.Lng < -180 || *asked.Lng > 180:
		return out, BadParam("bad_lat", "lat must be from -90 to 90, and lng from -180 to 180.")
	case radius <= 0 || radius > maxWatchRadius:
		return out, BadParam("bad_radius", "radius must be a number of miles above 0, at most %d.", maxWatchRadius)
	}
	out.Point = &keys.Point{Lat: *asked.Lat, Lng: *asked.Lng, Miles: radius}
	return out, nil
}

// watched is who meets a watch now.
func (a *API) watched(ctx context.Context, w keys.Watch) (map[schemas.UUID]uint64, error) {
	now, err := watches.Now(ctx, a.search, w)
	if errors.Is(err, search.ErrTooLarge) {
		return nil, BadParam("bad_watch", "More than %d records are there: choose a smaller place.", search.MaxWatched)
	}
	return now, err
}

// maxWebhook bounds the address of a webhook, in bytes.
const maxWebhook = 1000

// readWebhook checks the address of a webhook as far as that goes without asking anything: the process that sends refuses
// what is not public whatever its name says.
func (a *API) readWebhook(given string) (string, error) {
	u, err := url.Parse(given)
	if err == nil && a.config.HooksInside && u.Scheme == "http" && u.Hostname() != "" {
		return given, nil
	}
	if err != nil || len(given) > maxWebhook || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return "", BadParam("bad_webhook", "webhook must be an https:// address of at most %d characters, without a user, a password and a "+
			"fragment.", maxWebhook)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	inside := err == nil && !dial.IsPublic(ip) || strings.EqualFold(u.Hostname(), "localhost")
	if inside && !a.config.HooksInside {
		return "", BadParam("bad_webhook", "webhook must be at an address that anybody on the Internet can reach.")
	}
	return given, nil
}

func watchOf(w keys.Watch) Watch {
	out := Watch{ID: w.ID, Created: Time(w.Created), WatchRequest: WatchRequest{Record: w.Record, Person: w.Person, Zip: w.Zip,
		Webhook: w.Webhook}}
	if w.Point != nil {
		out.Lat, out.Lng, out.Radius = &w.Point.Lat, &w.Point.Lng, &w.Point.Miles
	}
	return out
}
