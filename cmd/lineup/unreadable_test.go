package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lineup/internal/node"
	"lineup/internal/operate"
	"lineup/internal/testkit/loopback"
	"lineup/scraper/samplesite"
)

// TestOneUnreadablePhotoDoesNotShutTheSearch flips bits of one stored photo and loses the index: the new one serves without that
// photo and says so everywhere, while reconcile sweeps far more often than a job is tried. The next crawl heals it.
func TestOneUnreadablePhotoDoesNotShutTheSearch(t *testing.T) {
	r := newRoad(t, func(a *App) {
		a.Config.Private, a.Config.Listen = loopback.Address(t), "127.0.0.1:0"
	})
	r.crawl("")
	var photos []string
	person := 0
	for len(photos) != 1 { // somebody with one photo
		person++
		var err error
		photos, err = filepath.Glob(filepath.Join(r.app.Config.Data, "blobs", "*", "*", string(sampleID(samplesite.FirstID+person))+".photo.*"))
		must(t, err)
	}
	other := fmt.Sprintf("p%03dc.jpg", person+1)
	data, err := os.ReadFile(photos[0])
	must(t, err)
	for i := range 4 {
		data[100+i] ^= 0xff
	}
	must(t, os.WriteFile(photos[0], data, 0o600), r.h.Close(), os.RemoveAll(filepath.Join(r.app.Config.Data, "index")))

	options := r.app.Options
	options.Metrics, options.Config.Index.Reconcile = prometheus.NewRegistry(), time.Second
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	err = node.Serve(ctx, options, node.Roles{Index: true, Query: true, Scrape: true},
		func(ctx context.Context, n *node.Node, address string) error {
			defer stop()
			get := func(url string) (int, string) {
				response, err := http.Get(url)
				if err != nil {
					return 0, err.Error()
				}
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				must(t, err)
				return response.StatusCode, string(body)
			}
			await := func(what, url string, holds func(code int, body string) bool) {
				for {
					code, body := get(url)
					if holds(code, body) {
						return
					}
					select {
					case <-ctx.Done():
						t.Errorf("%s: %s answers %d %.300s", what, url, code, body)
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
			private := "http://" + n.Config.Private
			await("ready, and says what is lacking", private+"/readyz", func(code int, body string) bool {
				return code == http.StatusOK && strings.Contains(body, "photos of 1 (1 unread_photo)")
			})
			await("the public one too", "http://"+address+"/readyz", func(code int, body string) bool {
				return code == http.StatusOK && strings.Contains(body, `"stragglers":"lacks 0 registrants, and photos of 1 (1 unread_photo)"`)
			})
			await("metrics", private+"/metrics", func(_ int, body string) bool {
				return strings.Contains(body, `lineup_generation_stragglers{lacking="photo"} 1`)
			})
			report, err := n.Status(ctx)
			if err != nil || !strings.Contains(fmt.Sprint(report.Attention), "1 unread_photo") {
				t.Errorf("status needs a human for %v, %v", report.Attention, err)
			}
			if dead, _, err := n.DeadJobs(ctx); err != nil || len(dead) != 0 {
				t.Errorf("dead jobs %v, %v", dead, err)
			}
			return nil
		})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if r.h, err = node.Open(t.Context(), r.app.Options); err != nil {
		t.Fatal(err)
	}
	faces, err := r.h.OpenFaces(t.Context())
	must(t, err)
	defer faces.Close()
	r.renewMetrics()
	r.api, err = r.h.NewServer(t.Context(), faces)
	must(t, err)
	status, body := r.postWith("demo.jpg", map[string]any{"details": true})
	var answer struct {
		Search struct{ Stragglers struct{ Photos int } }
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || answer.Search.Stragglers.Photos != 1 {
		t.Errorf("details: %d %s", status, body)
	}
	if r.finds(other, samplesite.FirstID+person) {
		t.Error("a photo that cannot be read is found")
	}
	r.crawl("")
	must(t, r.h.ReconcileOnce(t.Context()))
	if !r.finds(other, samplesite.FirstID+person) {
		t.Error("the next crawl did not heal the photo")
	}
	report, err := r.h.Audit(t.Context(), operate.Share(1), false, nil)
	if err != nil || len(report.Differences) != 0 {
		t.Errorf("audit %+v, %v", report, err)
	}
}

// TestEveryByteIsReadInTime flips a bit in a photo, a page and a record, of different people, and audits day by day: every blob is read
// once in so many days, what does not have its digest is found and set aside, and the next crawl reads it again.
func TestEveryByteIsReadInTime(t *testing.T) {
	r := newRoad(t)
	ctx := t.Context()
	r.crawl("")
	all := 0
	for _, err := range r.h.Blobs.Walk(ctx, "") {
		must(t, err)
		all++
	}
	for n, kind := range []string{"photo", "page", "record"} {
		files, err := filepath.Glob(filepath.Join(r.app.Config.Data, "blobs", "*", "*", string(sampleID(samplesite.FirstID+10+n))+"."+kind+".*"))
		if must(t, err); len(files) == 0 {
			t.Fatalf("no %s", kind)
		}
		data, err := os.ReadFile(files[0])
		must(t, err)
		data[len(data)/2] ^= 1
		must(t, os.WriteFile(files[0], data, 0o600))
	}
	found, read, day := map[string]int{}, 0, time.Now()
	const days = 7
	for n := range days {
		report, err := r.h.Audit(ctx, operate.Rolling(day.Add(time.Duration(n)*24*time.Hour), days), false, nil)
		must(t, err)
		if read += report.Read; report.Read == all || report.Read == 0 {
			t.Errorf("day %d reads %d of %d", n, report.Read, all)
		}
		for _, d := range report.Differences {
			if strings.HasPrefix(d.Kind, "corrupt_") {
				found[d.Kind]++
			}
		}
	}
	if read < all-3 || len(found) != 3 { // the three are gone once they were found
		t.Errorf("in %d days %d of %d blobs were read, found %v", days, read, all, found)
	}
	r.crawl("")
	if report, err := r.h.Audit(ctx, operate.Share(1), false, nil); err != nil || len(report.Differences) != 0 || report.Read != all {
		t.Errorf("after a crawl the audit says %+v, %v; want %d blobs", report, err, all)
	}
}
