package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"lineup/queryd/keys"
)

// Admit finds the key of a request, and does not count it. DEMO is let through only where demo is true, or
// where it opens records.
func (s *Server) Admit(ctx context.Context, given string, demo bool) (keys.Key, error) {
	x := ExchangeOf(ctx)
	if given == "" {
		if x.broke {
			return keys.Key{}, s.brokeFailure()
		}
		return keys.Key{}, &Failure{Status: http.StatusUnauthorized, Reason: "missing_key", Message: "Missing API key"}
	}
	var key keys.Key
	if given == keys.Demo && s.config.Demo {
		if x.broke { // everybody has this key
			return keys.Key{}, s.brokeFailure()
		}
		x.Key = keys.Demo
		if !demo && !s.config.DemoRecords {
			return keys.Key{}, DemoOnly()
		}
		key = keys.Key{ID: keys.Demo, Name: keys.Demo}
	} else {
		if x.broke && !x.looked && !s.working.mayWork(given, s.deps.Now()) {
			return keys.Key{}, s.brokeFailure()
		}
		var err error
		bounded, cancel := context.WithTimeout(ctx, s.config.KeyTimeout)
		key, err = s.deps.Keys.Check(bounded, given)
		cancel()
		if errors.Is(err, keys.ErrUnknown) {
			return keys.Key{}, err
		}
		if err != nil {
			return keys.Key{}, unavailable("key_store", err)
		}
		x.Paid = true
		s.working.note(given, s.deps.Now())
	}
	x.Key = key.ID
	if key.Canary && x.viewer != nil {
		x.viewer.Canary = true
	}
	return key, nil
}

// Authorize finds and counts the key of a request and writes into h where its limits stand. DEMO is
// let through only where demo is true.
func (s *Server) Authorize(ctx context.Context, h http.Header, given string, demo bool) (keys.Key, error) {
	key, err := s.Admit(ctx, given, demo)
	if err != nil {
		return keys.Key{}, err
	}
	x := ExchangeOf(ctx)
	q := s.limits.take(key, x.Kind, s.deps.Now())
	q.write(h)
	if q.refused {
		per := "minute"
		if q.daily {
			per = "day"
		}
		return keys.Key{}, &Failure{Status: http.StatusTooManyRequests, Reason: "rate_limited",
			Message: fmt.Sprintf("The limit of this key, %d requests a %s, is reached. Try again after the time in Retry-After.", q.limit, per)}
	}
	return key, nil
}

// DemoOnly is what DEMO gets for anything but the bundled photo.
func DemoOnly() *Failure {
	return &Failure{Status: http.StatusUnauthorized, Reason: "demo_key",
		Message: "The DEMO key works for the bundled demo photo only. Ask the operator for a key of your own."}
}

// GivenKey is the key a request carries: ?key=, X-API-Key, X-RapidAPI-Key or Authorization: Bearer.
func GivenKey(r *http.Request) string {
	if all := givenKeys(r); len(all) > 0 {
		return all[0]
	}
	return ""
}

func givenKeys(r *http.Request) []string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	given := []string{r.URL.Query().Get("key"), r.Header.Get("X-API-Key"), r.Header.Get("X-RapidAPI-Key"), strings.TrimSpace(token)}
	return slices.DeleteFunc(given, func(key string) bool { return key == "" })
}

// OneKey reports an error where a request carries several keys that differ, of which more may be in
// its body: nobody can say whose request it is.
func OneKey(r *http.Request, more ...string) error {
	given := givenKeys(r)
	for _, key := range more {
		if key != "" {
			given = append(given, key)
		}
	}
	if len(given) > 1 && slices.ContainsFunc(given, func(key string) bool { return key != given[0] }) {
		return BadRequest("two_keys", "The request carries two different API keys. Send one, in one place: ?key=, X-API-Key, "+
			"X-RapidAPI-Key or Authorization: Bearer.")
	}
	return nil
}

// brokeFailure answers a client that has spent what it has.
func (s *Server) brokeFailure() *Failure {
	return &Failure{Status: http.StatusTooManyRequests, Reason: "address_limited", Retry: 60/max(1, s.config.AddressPerMinute) + 1,
		Message: "Too many requests without a key that works come from your address. Try again after the time in Retry-After."}
}

// forwarded counts requests with X-Forwarded-For from a peer that the operator did not name as a proxy:
// all who come by it then share the limits of one address.
func (s *Server) forwarded(ctx context.Context, r *http.Request) {
	peer := Peer(r.RemoteAddr)
	if r.Header.Get("X-Forwarded-For") == "" || s.config.Proxies.Name(peer) {
		return
	}
	s.metrics.unnamed.Inc()
	now := s.deps.Now()
	last := s.warned.Load()
	if (last == nil || now.Sub(*last) >= warnEvery) && s.warned.CompareAndSwap(last, &now) {
		s.deps.Log.LogAttrs(ctx, slog.LevelWarn, "X-Forwarded-For comes from a peer that query.proxies does not name, and is not believed: "+
			"if that is your proxy, name it, or its clients share the limits of one address", slog.String("peer", peer.String()))
	}
}

// warnEvery is how often the log names a peer that forwards and was not named.
const warnEvery = time.Hour
