package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"lineup/internal/operate"
	"lineup/internal/operate/canary"
	"lineup/internal/testkit/qdranttest"
	"lineup/schemas"
	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// TestRolesApart brings up what deploy/ describes, as processes: three NATS servers, the S3
// gateway, a stand-in for Qdrant with its keys and TLS, one scraper, two indexers, two query
// daemons. What is crawled answers alike from both daemons, whoever is killed.
func TestRolesApart(t *testing.T) {
	d, site := newDeploymentOverSite(t)
	nodes, monitor := d.startNATS()
	d.startS3()
	qdrant := d.standInQdrant()

	// What compose.yaml calls prepare: streams and buckets, by the administrator.
	d.eventually("the administrator makes streams and buckets", func() error {
		if out, code := d.command("prepare", d.services["prepare"].Command[0]); code != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	queries := []*process{d.role("query", 1), d.role("query", 2)} // before anything is indexed
	scraper := d.role("scrape", 1)
	indexers := []*process{d.role("index", 1), d.role("index", 2)}
	for _, p := range indexers {
		d.ready("index", p)
	}
	d.ready("scrape", scraper)
	for _, p := range queries {
		d.ready("query", p)
	}
	key, code := d.command("admin", "keys", "add", "a client")
	if code != 0 {
		t.Fatalf("keys add: exit code %d", code)
	}
	key = strings.TrimSpace(key)
	d.settled(site.Size())
	d.sameAnswers(queries, key, "p005c.jpg", 5)
	d.queueIsMeasured(monitor)
	d.canaryProves(queries)

	// An indexer and a daemon are lost, and a node of NATS; the site changes.
	left := d.tracesOf(queries[0], key, sampleID(samplesite.FirstID+6))
	indexers[0].kill()
	queries[0].kill()
	nodes[2].kill()
	must(t, site.Rephotograph("b", samplesite.FirstID+4), site.Delist(samplesite.FirstID+6))
	d.eventually("a crawl by hand", func() error {
		if out, code := d.command("scrape", "scrape", demoSource, "--once"); code != 0 {
			return fmt.Errorf("exit code %d: %s", code, out)
		}
		return nil
	})
	d.settled(site.Size() - 1)
	d.unstored("delisted", left)
	queries = append(queries[1:], d.role("query", 3))
	d.ready("query", queries[1])
	if best := d.sameAnswers(queries, key, "p005b.jpg", 5); best < 99.999 {
		t.Errorf("the new photo scores %v against itself", best)
	}

	// A removal by the administrator is seen everywhere, and in the blobs, within a minute.
	gone := sampleID(samplesite.FirstID + 4)
	traces := d.tracesOf(queries[0], key, gone)
	for _, what := range traces {
		if len(d.stored(what)) == 0 {
			t.Error("the S3 server's storage never held the photo: this tests nothing")
		}
	}
	inIndex, looked := qdrant.Holds(t, traces[1])
	if looked && !inIndex {
		t.Error("the index never held the photo's digest: this tests nothing")
	}
	receipt, code := d.command("admin", "remove", string(gone), "--reason", "court_order")
	if code != 0 {
		t.Fatalf("remove: exit code %d", code)
	}
	for _, q := range queries {
		if matches, _ := d.search(q, key, "p005b.jpg"); len(matches) > 0 && matches[0].UUID == gone {
			t.Errorf("%s answers with who was removed", q.name)
		}
	}
	file := filepath.Join(d.dir, "receipt.json")
	must(t, os.WriteFile(file, []byte(receipt), 0o600))
	if out, code := d.command("admin", "removal", "verify", file); code != 0 || !strings.Contains(out, "genuine") {
		t.Errorf("removal verify: exit code %d: %s", code, out)
	}
	d.settled(site.Size() - 2)
	d.unstored("removed", traces)
	// A real Qdrant keeps deleted points until it rewrites their segment, which the receipt says.
	if inIndex, _ := qdrant.Holds(t, traces[1]); inIndex && !strings.Contains(receipt, "deleted points stay in the server's segments") {
		t.Errorf("the index's storage holds who was removed, and the receipt does not say so: %s", receipt)
	} else if inIndex && !qdrant.Real() {
		t.Error("the index holds who was removed")
	}
	var report struct{ Differences []operate.Difference }
	out, code := d.command("admin", "audit", "--json")
	if must(t, json.Unmarshal([]byte(out), &report)); code != 0 || len(report.Differences) != 0 {
		t.Errorf("audit: exit code %d: %s", code, out)
	}

	indexers = append(indexers[1:], d.role("index", 3))
	d.ready("index", indexers[1])
	d.reindexedThoughKilled(indexers[0])
	for _, q := range queries { // each measures the new generation in its own time, so not yet alike
		if found, answer := d.search(q, key, "p003c.jpg"); len(found) == 0 || found[0].UUID != sampleID(samplesite.FirstID+2) {
			t.Errorf("%s answers %s from the new generation", q.name, answer)
		}
	}

	for _, service := range []string{"admin", "scrape", "index", "query"} {
		if out, code := d.command(service, "doctor"); code != 0 {
			t.Errorf("doctor as %s: exit code %d: %s", service, code, out)
		}
	}
	qdrant.Stop()
	if out, code := d.command("admin", "status"); code != 1 || !strings.Contains(out, "?") || !strings.Contains(out, "is Qdrant running") {
		t.Errorf("status without an index: exit code %d: %s", code, out)
	}
	qdrant.Restart(t)

	// Asked to end, each ends by itself and well.
	for _, p := range append(queries, indexers[1], scraper) {
		if err := p.terminate(t); err != nil {
			t.Errorf("%s asked to end: %v", p.name, err)
		}
	}
}

// canaryProves has the scrape role take every step of the canary over each daemon, with the rights that it is deployed with, and the
// administrator one with a removal for ever, which no other role may do.
func (d *deployment) canaryProves(queries []*process) {
	d.t.Helper()
	key, code := d.command("admin", "keys", "add", "canary", "--canary")
	if code != 0 {
		d.t.Fatalf("keys add --canary: exit code %d", code)
	}
	own := []string{"canary", "--json", "--set", "canary.key=" + strings.TrimSpace(key), "--set"}
	for i, q := range queries {
		service, args := "scrape", append(slices.Clone(own), "canary.url=http://"+q.public)
		if i == 0 {
			service, args = "admin", append(args, "--remove")
		}
		var proven canary.State
		d.eventually(service+" proves with the canary", func() error { // a daemon hears of a new key in its own time
			out, code := d.command(service, args...)
			if err := json.Unmarshal([]byte(out), &proven); err != nil || code != 0 {
				return fmt.Errorf("exit code %d: %w: %s", code, err, out)
			}
			return nil
		})
		if len(proven.Done) != len(canary.Steps()) || proven.Failure != "" {
			d.t.Errorf("%s proves %+v", service, proven)
		}
	}
}

// tracesOf are bytes of a registrant's photo and its digest.
func (d *deployment) tracesOf(p *process, key string, id schemas.UUID) [2][]byte {
	d.t.Helper()
	response, err := http.Get("http://" + p.public + "/photos/" + string(id) + "?key=" + key)
	must(d.t, err)
	defer response.Body.Close()
	photo, err := io.ReadAll(response.Body)
	if must(d.t, err); response.StatusCode != http.StatusOK {
		d.t.Fatalf("photo: status %d", response.StatusCode)
	}
	return [2][]byte{photo[len(photo)/2 : len(photo)/2+64], []byte(schemas.DigestOf(photo))}
}

// unstored waits until no file of the S3 server holds anything of traces.
func (d *deployment) unstored(who string, traces [2][]byte) {
	d.t.Helper()
	d.eventually("nothing of who was "+who+" is in the S3 server's storage", func() error {
		for _, what := range traces {
			if files := d.stored(what); len(files) > 0 {
				return fmt.Errorf("%.70q in %q", what, files)
			}
		}
		return nil
	})
}

// stored are the files of the S3 server that hold something or are named by it.
func (d *deployment) stored(what []byte) (files []string) {
	d.t.Helper()
	must(d.t, filepath.WalkDir(filepath.Join(d.dir, "s3"), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if bytes.Contains(data, what) || bytes.Contains([]byte(path), what) {
			files = append(files, path)
		}
		return err
	}))
	return files
}

// reindexedThoughKilled builds a new generation: the command is killed when that is being built, and
// an indexer with it. The same command, called again, gets through, and one generation serves.
func (d *deployment) reindexedThoughKilled(indexer *process) {
	d.t.Helper()
	generations := func() (states string) {
		out, _ := d.command("admin", "status", "--json")
		var report operate.StatusReport
		must(d.t, json.Unmarshal([]byte(out), &report))
		for _, g := range report.Generations {
			states += g.Name + " " + g.State + " "
		}
		return states
	}
	config := filepath.Join(d.dir, "lineup.yaml")
	command := d.start("reindex", d.lineup("admin", "commands", nil, "reindex", "--config", config))
	d.eventually("a generation beside the serving one", func() error {
		if states := generations(); !strings.Contains(states, "g2 ") {
			return errors.New(states)
		}
		return nil
	})
	command.kill()
	indexer.kill()
	out, code := d.command("admin", "reindex", "--drop-old")
	if code != 0 || !strings.Contains(out, "sampled faces find themselves") {
		d.t.Errorf("reindex again: exit code %d: %s", code, out)
	}
	if states := generations(); !strings.HasSuffix(states, " serving ") || strings.Count(states, "g") > 2 {
		d.t.Errorf("after the reindex: %s", states)
	}
}

// standInQdrant starts the stand-in with the certificate and keys of the deployment.
func (d *deployment) standInQdrant() *qdranttest.Server {
	d.t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(d.secrets, "qdrant.pem"), filepath.Join(d.secrets, "qdrant.key"))
	must(d.t, err)
	server := qdranttest.Start(d.t, &tls.Config{Certificates: []tls.Certificate{pair}})
	for _, setting := range d.environment("qdrant", "", strings.NewReplacer()) {
		switch name, value, _ := strings.Cut(setting, "="); name {
		case "QDRANT__SERVICE__API_KEY":
			server.APIKey = value
		case "QDRANT__SERVICE__READ_ONLY_API_KEY":
			server.ReadOnlyKey = value
		}
	}
	if server.APIKey == "" || server.ReadOnlyKey == "" {
		d.t.Fatal("Qdrant is deployed without keys")
	}
	d.places = append(d.places, "qdrant:6334", server.Address)
	return server
}

// settled waits until so many are listed and all of them are indexed, in a generation that serves: one
// that was made after the first crawl is switched to a moment after it is complete.
func (d *deployment) settled(listed int) {
	d.t.Helper()
	d.nearing(fmt.Sprintf("%d listed and indexed", listed), func() (int, error) {
		out, code := d.command("admin", "status", "--json")
		var report operate.StatusReport
		if err := json.Unmarshal([]byte(out), &report); err != nil || code > exitFailed { // 1: a run that failed wants a human
			return math.MaxInt, fmt.Errorf("status: exit code %d: %w: %s", code, err, out)
		}
		serving := slices.ContainsFunc(report.Generations, func(g operate.GenerationStatus) bool { return g.State == "serving" })
		for _, s := range report.Sources {
			if serving && s.Listed == listed && s.Due == 0 && report.Jobs.Waiting == 0 {
				return 0, nil
			}
		}
		return report.Jobs.Waiting, fmt.Errorf("%s", out)
	})
}

// search asks a daemon for a photo, and also returns the answer as it came.
func (d *deployment) search(p *process, key, photo string) (matches []match, answer string) {
	d.t.Helper()
	data, err := faces.Files.ReadFile(photo)
	must(d.t, err)
	body, err := json.Marshal(map[string]string{"queryImageBase64": base64.StdEncoding.EncodeToString(data)})
	must(d.t, err)
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Post("http://"+p.public+"/faces?key="+key, "application/json", bytes.NewReader(body))
	must(d.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(d.t, err)
	var parsed struct{ FaceMatches []match }
	if err := json.Unmarshal(text, &parsed); err != nil || response.StatusCode != http.StatusOK {
		d.t.Fatalf("%s answers %d: %s", p.name, response.StatusCode, text)
	}
	return parsed.FaceMatches, string(text)
}

// sameAnswers asks all daemons for a photo of a person of the sample: all find this person first
// and answer alike to the byte. It returns the best similarity.
func (d *deployment) sameAnswers(queries []*process, key, photo string, person int) float64 {
	d.t.Helper()
	first, answer := d.search(queries[0], key, photo)
	if len(first) == 0 || first[0].UUID != sampleID(samplesite.FirstID+person-1) {
		d.t.Fatalf("%s finds %s", photo, answer)
	}
	for _, q := range queries[1:] {
		if _, other := d.search(q, key, photo); other != answer {
			d.t.Errorf("%s answers\n%s\nand %s\n%s", queries[0].name, answer, q.name, other)
		}
	}
	return first[0].Similarity
}

// queueIsMeasured holds that NATS tells the depth of the very consumer the autoscaling rule names.
func (d *deployment) queueIsMeasured(monitor string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, "kubernetes", "autoscale.yaml"))
	must(d.t, err)
	var rule struct {
		Spec struct {
			Triggers []struct {
				Type     string
				Metadata map[string]string
			}
		}
	}
	must(d.t, yaml.Unmarshal(text, &rule))
	trigger := rule.Spec.Triggers[0]
	response, err := http.Get("http://" + monitor + "/jsz?consumers=true&config=true&acc=" + trigger.Metadata["account"])
	must(d.t, err)
	defer response.Body.Close()
	var told struct {
		Accounts []struct {
			Streams []struct {
				Name      string `json:"name"`
				Consumers []struct {
					Name    string `json:"name"`
					Pending *int   `json:"num_pending"`
				} `json:"consumer_detail"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	must(d.t, json.NewDecoder(response.Body).Decode(&told))
	for _, account := range told.Accounts {
		for _, stream := range account.Streams {
			for _, consumer := range stream.Consumers {
				if stream.Name == trigger.Metadata["stream"] && consumer.Name == trigger.Metadata["consumer"] && consumer.Pending != nil {
					return
				}
			}
		}
	}
	d.t.Errorf("NATS tells of no consumer %v: %+v", trigger.Metadata, told)
}
