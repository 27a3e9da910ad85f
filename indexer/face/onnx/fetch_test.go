package onnx

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lineup/internal/testkit/onnxtest"
)

// Weights come only with their licence accepted, only whole and right, and once.
func TestFetch(t *testing.T) {
	model := onnxtest.Averages(side, square)
	d, _ := described(t, model, side, length)
	dir := filepath.Join(t.TempDir(), "models")
	asked, body := 0, model
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path != "/small.onnx" {
			http.NotFound(w, r)
			return
		}
		if _, err := w.Write(body); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	d.URL = server.URL + "/small.onnx"
	fetch := func(licence string) error {
		return Fetch(context.Background(), d, dir, licence, server.Client(), nil)
	}
	if err := fetch(""); !errors.Is(err, ErrLicence) || asked != 0 {
		t.Errorf("without a licence: %v, asked %d times", err, asked)
	}
	body = append([]byte("x"), model[1:]...)
	if err := fetch("Apache-2.0"); err == nil || !strings.Contains(err.Error(), "not the file") {
		t.Errorf("another file: %v", err)
	}
	body = model
	good := d.URL
	d.URL = server.URL + "/gone"
	if err := fetch("Apache-2.0"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("no file: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	d.URL = good
	before := asked
	for range 2 {
		if err := fetch("Apache-2.0"); err != nil {
			t.Fatal(err)
		}
	}
	if asked != before+1 {
		t.Errorf("asked %d times for what is there", asked-before)
	}
	if _, err := d.verify(dir); err != nil {
		t.Error(err)
	}
}
