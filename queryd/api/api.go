// Package api is the wire format of the contract: the parameters and bodies of requests, the JSON of
// answers, and the description of both (openapi.json).
package api

import (
	"time"

	"lineup/queryd/keys"
	"lineup/queryd/retention"
	"lineup/queryd/search"
	"lineup/queryd/serve"
)

// Config is what an operator decides about the wire format.
type Config struct {
	MaxPhoto        int  // a decoded photo has fewer bytes than this
	StripDataPrefix bool // take "data:image/...;base64," before a photo instead of refusing it
	NearDays        int  // place searches look at records changed in the last so many days, 0: all
	HooksInside     bool // webhooks of watches may be at addresses that are not public, and http
	BulletCrimes    bool // the layout of "crime": "* Title: ..." lines instead of "Crime: ..., ..."

	Retention retention.Terms
}

// API answers programs. Make it with New.
type API struct {
	config Config
	search *search.Engine
	serve  *serve.Server
	keys   *keys.Store
}

// New makes an API over a search engine.
func New(config Config, engine *search.Engine, shared *serve.Server, store *keys.Store) *API {
	return &API{config: config, search: engine, serve: shared, keys: store}
}

// Time is a time on the wire: UTC, milliseconds, Z.
func Time(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &text
}
