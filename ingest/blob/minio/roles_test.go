package minio

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"lineup/ingest/blob"
	"lineup/internal/testkit/s3server"
)

// The deployed script gives each role what it needs of the gateway and nothing else.
func TestGatewayRoles(t *testing.T) {
	program, err := s3server.Build(t.Context(), s3server.VGW)
	if err != nil {
		t.Fatal(err)
	}
	server := s3server.Start(t, s3server.VGW, false)
	for range 2 { // it may be run again
		init := exec.CommandContext(t.Context(), "../../../deploy/s3/init.sh")
		init.Env = append(os.Environ(), "VERSITYGW="+program, "ADMIN_ENDPOINT_URL="+server.Endpoint,
			"ADMIN_ACCESS_KEY="+s3server.AccessKey, "ADMIN_SECRET_KEY="+s3server.SecretKey,
			"SCRAPE_SECRET_KEY=scrape-secret", "INDEX_SECRET_KEY=index-secret", "QUERY_SECRET_KEY=query-secret")
		if out, err := init.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	as := func(role string) *Store {
		opts := options(server, "lineup", "")
		opts.AccessKey, opts.SecretKey, opts.ReadOnly = "lineup-"+role, role+"-secret", role == "query"
		return open(t, opts)
	}
	for _, role := range []string{"scrape", "index", "query"} {
		if err := as(role).Check(t.Context()); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
	ref := put(t, as("scrape"), blob.Photo, "photo")
	record, page := put(t, as("scrape"), blob.Record, "{}"), put(t, as("scrape"), blob.Page, "page")
	query := as("query")
	if data, err := query.Get(t.Context(), ref); err != nil || string(data) != "photo" {
		t.Errorf("query reads %q, %v", data, err)
	}
	for _, other := range []blob.Ref{record, page} {
		if data, err := query.Get(t.Context(), other); err == nil {
			t.Errorf("query reads a %s: %q", other.Kind, data)
		}
		if _, err := as("index").Get(t.Context(), other); err != nil {
			t.Errorf("index reads a %s: %v", other.Kind, err)
		}
	}
	if _, err := as("index").Put(t.Context(), owner, blob.Photo, []byte("forged")); err == nil || !strings.Contains(err.Error(), "deploy/s3") {
		t.Errorf("index writes: %v, want a refusal with a hint", err)
	}
	if _, err := query.Put(t.Context(), owner, blob.Photo, []byte("forged")); err == nil || !strings.Contains(err.Error(), "deploy/s3") {
		t.Errorf("query writes: %v, want a refusal with a hint", err)
	}
	if err := query.Delete(t.Context(), ref); err == nil {
		t.Error("query deletes")
	}
	if err := as("index").Delete(t.Context(), ref); err != nil {
		t.Errorf("index deletes: %v", err)
	}
	if err := as("nobody").Check(t.Context()); err == nil {
		t.Error("nobody may write")
	}
}
