package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"lineup/queryd/keys"
)

// Authorize finds and counts the key of a request and writes into h where its limits stand. DEMO is
// let through only where demo is true.
func (s *Server) Authorize(ctx context.Context, h http.Header, given string, demo bool) (keys.Key, error) {
	x := ExchangeOf(ctx)
	if given == "" {
		return keys.Key{}, &Failure{Status: http.StatusUnauthorized, Reason: "missing_key", Message: "Missing API key"}
	}
	var key keys.Key
	if given == keys.Demo && s.config.Demo {
		x.Key = keys.Demo
		if !demo {
			return keys.Key{}, DemoOnly()
		}
		key = keys.Key{ID: keys.Demo, Name: keys.Demo}
	} else {
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
	}
	x.Key = key.ID
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
