package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// BenchmarkMixedLoad asks a running lineup 50 times a second for a minute, whether its answers keep
// up or not (an open loop: a slow answer does not spare the next ones): a face, a name, a fuzzy
// name, a place, a record, a photo in turn. It is the real program in a process of its own, with dlib,
// the embedded index, the ledger and real HTTP, over the sample registry; the load is made on the same
// machine. The metrics are latencies from the moment a request was due, and the number of answers that
// were not 200. It runs once, however large b.N is; LOAD_SECONDS changes the minute.
func BenchmarkMixedLoad(b *testing.B) {
	const perSecond = 50
	seconds, err := strconv.Atoi(os.Getenv("LOAD_SECONDS"))
	if err != nil {
		seconds = 60
	}
	house := startDemo(b)
	base, key := house.base, house.key
	photo, err := faces.Files.ReadFile("p005c.jpg")
	if err != nil {
		b.Fatal(err)
	}
	body := `{"queryImageBase64":"` + base64.StdEncoding.EncodeToString(photo) + `"}`
	id := string(sampleID(samplesite.FirstID))
	paths := []string{"/faces", "/sexoffender?lastName=Smith", "/sexoffender?firstName=Bob&lastName=Smyth&fuzzy=true",
		"/sexoffender?state=NY", "/sexoffender?mode=extensive&uuid=" + id, "/photos/" + id}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	var mu sync.Mutex
	var wait sync.WaitGroup
	took := map[string][]time.Duration{}
	failed, requests := 0, seconds*perSecond
	b.ResetTimer()
	start := time.Now()
	for i := range requests {
		due := start.Add(time.Duration(i) * time.Second / perSecond)
		time.Sleep(time.Until(due))
		path := paths[i%len(paths)]
		kind, sent := "all", body
		if path == "/faces" {
			kind = "faces"
		} else {
			sent = ""
		}
		wait.Go(func() {
			ok := ask(client, base+path, sent, key)
			mu.Lock()
			defer mu.Unlock()
			took["all"] = append(took["all"], time.Since(due))
			if kind == "faces" {
				took["faces"] = append(took["faces"], time.Since(due))
			}
			if !ok {
				failed++
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	for kind, all := range took {
		slices.Sort(all)
		for name, share := range map[string]float64{"p50": 0.5, "p99": 0.99} {
			b.ReportMetric(float64(all[int(share*float64(len(all)-1))].Microseconds())/1000, kind+"-"+name+"-ms")
		}
	}
	b.ReportMetric(float64(failed), "errors")
	b.ReportMetric(float64(requests), "requests")
}

// ask sends one request, a POST when there is a body, and says whether the answer was 200.
func ask(client *http.Client, url, body, key string) bool {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("X-API-Key", key)
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}

// demoHouse is the demo in a process of its own.
type demoHouse struct {
	base, key string // its address, and a key without limits to speak of
	pid       int
	command   func(args ...string) *exec.Cmd
}

// newKey makes a key without limits to speak of.
func (d demoHouse) newKey(b testing.TB, name string) string {
	b.Helper()
	made, err := d.command("keys", "add", name, "--per-minute", "1000000", "--per-day", "100000000").Output()
	if err != nil {
		b.Fatal(fmt.Errorf("make a key: %w", err))
	}
	return strings.TrimSpace(string(made))
}

// startDemo runs the demo as a process until the benchmark or test ends.
func startDemo(b testing.TB) (house demoHouse) {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	data := b.TempDir()
	command := func(args ...string) *exec.Cmd {
		c := exec.Command(exe)
		c.Args = append([]string{"lineup"}, append(args, "--data", data)...)
		return c
	}
	demo := command("demo", "--listen", "127.0.0.1:0", "--sample", "127.0.0.1:0")
	out, err := demo.StdoutPipe()
	if err == nil {
		err = demo.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := demo.Process.Signal(os.Interrupt); err != nil {
			b.Error(err)
		}
		if err := demo.Wait(); err != nil {
			b.Errorf("the demo: %v", err)
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "Open  "); ok {
			house.base = strings.TrimSuffix(strings.TrimSpace(address), "/")
			break
		}
	}
	if house.base == "" {
		b.Fatal("the demo did not say where it is")
	}
	go io.Copy(io.Discard, out)
	house.pid, house.command = demo.Process.Pid, command
	house.key = house.newKey(b, "load")
	return house
}
