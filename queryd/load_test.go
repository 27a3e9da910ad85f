package queryd_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkMixedLoad asks a daemon 50 times a second for a minute, whether its answers keep up
// or not (an open loop: a slow answer does not spare the next ones): faces, names, fuzzy names,
// records and photos in turn, over 2,000 registrants, real HTTP on loopback. The index is a list
// in memory and the embedder a fake, so this measures what the daemon itself adds. The metrics
// are latencies from the moment a request was due, and the number of answers that were not
// 200. It runs once, however large b.N is; LOAD_SECONDS changes the minute.
func BenchmarkMixedLoad(b *testing.B) {
	const perSecond = 50
	seconds, err := strconv.Atoi(os.Getenv("LOAD_SECONDS"))
	if err != nil {
		seconds = 60
	}
	h := newHouse(b)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 2000 {
		h.enrol(person(fmt.Sprint(i), fmt.Sprintf("First%c%c", 'a'+i%26, 'a'+i/26%26), fmt.Sprintf("Last%c%c", 'a'+i/7%26, 'a'+i%26)), point(random, 0.16))
	}
	base := h.listen()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	id := string(h.gal.faces[7].Registrant)
	requests := []func() (*http.Request, error){
		func() (*http.Request, error) {
			return http.NewRequest("POST", base+"/faces", strings.NewReader(faceBody(jpeg("probe"))))
		},
		func() (*http.Request, error) {
			return http.NewRequest("GET", base+"/sexoffender?lastName=lastaa", nil)
		},
		func() (*http.Request, error) {
			return http.NewRequest("GET", base+"/sexoffender?firstName=firstbb&lastName=lastab&fuzzy=true", nil)
		},
		func() (*http.Request, error) {
			return http.NewRequest("GET", base+"/sexoffender?mode=extensive&uuid="+id, nil)
		},
		func() (*http.Request, error) { return http.NewRequest("GET", base+"/photos/"+id, nil) },
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	var took []time.Duration
	failed := 0
	b.ResetTimer()
	start := time.Now()
	for i := range seconds * perSecond {
		due := start.Add(time.Duration(i) * time.Second / perSecond)
		time.Sleep(time.Until(due))
		wait.Go(func() {
			ok := ask(client, requests[i%len(requests)], h.key)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(due))
			if !ok {
				failed++
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	slices.Sort(took)
	for name, share := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99} {
		b.ReportMetric(float64(took[int(share*float64(len(took)-1))].Microseconds())/1000, name)
	}
	b.ReportMetric(float64(failed), "errors")
	b.ReportMetric(float64(len(took)), "requests")
}

// ask sends one request and says whether the answer was 200.
func ask(client *http.Client, request func() (*http.Request, error), key string) bool {
	r, err := request()
	if err != nil {
		return false
	}
	r.Header.Set("X-API-Key", key)
	response, err := client.Do(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}
