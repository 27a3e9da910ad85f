package loopback_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"lineup/internal/testkit/loopback"
)

func TestMain(m *testing.M) { loopback.Main(m) }

func TestOnlyThisMachine(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	clone := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	own := &http.Client{Transport: &http.Transport{}} // knows nothing of this package
	for _, tc := range []struct {
		client  *http.Client
		address string
		away    bool
	}{
		{http.DefaultClient, server.URL, false},
		{clone, server.URL, false},
		{own, server.URL, false},
		{http.DefaultClient, "http://192.0.2.1/", true},
		{http.DefaultClient, "http://registry.example/", true},
		{clone, "http://192.0.2.1/", true},
		{clone, "http://[2001:db8::1]/", true},
		{own, "http://registry.example/", true},
	} {
		resp, err := tc.client.Get(tc.address)
		if err == nil {
			resp.Body.Close()
		}
		if tc.away == (err == nil) {
			t.Errorf("%s: %v", tc.address, err)
		}
	}
	if _, err := http.Get("http://192.0.2.1/"); !errors.Is(err, loopback.ErrAway) {
		t.Errorf("refused for another reason: %v", err)
	}
	if _, err := net.DefaultResolver.LookupHost(t.Context(), "registry.example"); err == nil {
		t.Error("a name was looked up")
	}
}

// TestNobodyElseIsGivenAnAddress holds that an address is given once, and is not one that the system may give to others meanwhile.
func TestNobodyElseIsGivenAnAddress(t *testing.T) {
	given := map[string]bool{}
	for range 300 {
		address := loopback.Address(t)
		if given[address] || address >= "127.0.0.1:32768" || address < "127.0.0.1:10000" {
			t.Fatalf("%s was given after %d others", address, len(given))
		}
		given[address] = true
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
}
