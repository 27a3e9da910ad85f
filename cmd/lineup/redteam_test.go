package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lineup/scraper/samplesite"
	"lineup/scraper/samplesite/faces"
)

// TestRedTeam attacks a running house as a stranger without a key does, and as a customer with one, by one way after
// the other. Somebody else searches all the while with a key of his own, and every answer he gets is the right one. No
// attacker gets anything but what the attack says. `make soak` gives each attack LINEUP_RED_TEAM, and then the victim's
// p99 must stay within three times its quiet value too.
func TestRedTeam(t *testing.T) {
	team := newRedTeam(t)
	lasting, timed := time.Second, false
	if given := os.Getenv("LINEUP_RED_TEAM"); given != "" {
		var err error
		lasting, err = time.ParseDuration(given)
		must(t, err)
		timed = true
	}
	for _, a := range attacks {
		quiet := team.victim(lasting/2, func(context.Context) {})
		var asked atomic.Int64
		attackers := func(ctx context.Context) {
			var wait sync.WaitGroup
			for n := range a.at {
				wait.Go(func() {
					for ctx.Err() == nil {
						a.do(team, ctx, n)
						asked.Add(1)
					}
				})
			}
			wait.Wait()
		}
		took := team.victim(lasting, attackers)
		strangers.CloseIdleConnections()
		t.Logf("%s: %d attempts; the victim was answered %d times, p99 %v, quiet %v; the house holds %d MB, %d at most",
			a.name, asked.Load(), len(took), p99(took), p99(quiet), team.memory("VmRSS"), team.memory("VmHWM"))
		if asked.Load() == 0 && a.at > 0 {
			t.Errorf("%s: nothing was tried", a.name)
		}
		if timed && p99(took) > 3*p99(quiet) {
			t.Errorf("%s: the victim's p99 is %v, more than three times the quiet %v", a.name, p99(took), p99(quiet))
		}
	}
	if most := team.memory("VmHWM"); most > memoryOfAHouse {
		t.Errorf("the house held %d MB, its manifest gives it %d", most, memoryOfAHouse)
	}
}

// memoryOfAHouse is what deploy/kubernetes gives a query daemon, in MB; this one crawls and indexes as well.
const memoryOfAHouse = 1024

// redTeam is a running house, and who attacks it.
type redTeam struct {
	t        *testing.T
	house    demoHouse
	customer string // the attackers' key
	probe    []byte // of the victim
	crafted  [][]byte
	large    []byte
}

func newRedTeam(t *testing.T) *redTeam {
	r := &redTeam{t: t, house: startDemo(t)}
	r.customer = r.house.newKey(t, "customer")
	var err error
	r.probe, err = faces.Files.ReadFile("p005c.jpg")
	must(t, err)
	var large bytes.Buffer
	must(t, jpeg.Encode(&large, image.NewGray(image.Rect(0, 0, 5000, 4900)), nil)) // nearly all that a probe may have
	r.large = large.Bytes()
	noise := make([]byte, 100_000)
	_, err = rand.Read(noise)
	must(t, err)
	damaged := bytes.Clone(r.probe)
	for at := 700; at < len(damaged); at += 97 {
		damaged[at] ^= 0x55
	}
	small := bytes.Clone(r.large)
	at := bytes.Index(small, []byte{0xff, 0xc0})
	copy(small[at+5:], []byte{0xff, 0xff, 0xff, 0xff}) // says that it has 65535 x 65535 pixels
	r.crafted = [][]byte{noise, damaged, small, r.probe[:len(r.probe)/3], append([]byte("\x89PNG\r\n\x1a\n"), noise...),
		append([]byte("GIF89a"), noise...), append([]byte("\xff\xd8\xff\xe0"), noise...), bytes.Repeat([]byte{0xff, 0xd8}, 50_000)}
	return r
}

// victim searches for so long while others attack, and gives how long each answer took. Every answer must be right.
func (r *redTeam) victim(lasting time.Duration, attack func(context.Context)) (took []time.Duration) {
	r.t.Helper()
	ctx, end := context.WithCancel(r.t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { attack(ctx) })
	defer wait.Wait()
	defer end()
	want, deadline := string(sampleID(samplesite.FirstID+4)), time.Now().Add(lasting) // of p005
	for n := 0; n < 10 || time.Now().Before(deadline); n++ {
		begun := time.Now()
		status, answer := sent(r.t, r.house.base, "/faces", r.house.key, r.probe)
		took = append(took, time.Since(begun))
		var found struct{ FaceMatches []match }
		if err := json.Unmarshal([]byte(answer), &found); err != nil || status != http.StatusOK || len(found.FaceMatches) == 0 ||
			string(found.FaceMatches[0].UUID) != want {
			r.t.Fatalf("the victim is answered %d %.300s, want %s", status, answer, want)
		}
		if status, answer := r.ask(http.DefaultClient, "GET", "/photos/"+want, nil, "X-API-Key", r.house.key); status != http.StatusOK {
			r.t.Fatalf("the victim's photo: %d %.300s", status, answer)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return took
}

func p99(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[(len(took)*99-1)/100]
}

// memory is a figure of the house's process, in MB.
func (r *redTeam) memory(name string) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.house.pid))
	must(r.t, err)
	_, rest, _ := strings.Cut(string(status), name+":")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	must(r.t, err)
	return kilobytes / 1024
}

// ask sends a request, and gives 0 where the house hung up, as it may on who has too many connections.
func (r *redTeam) ask(client *http.Client, method, target string, body io.Reader, headers ...string) (status int, answer string) {
	request, err := http.NewRequest(method, r.house.base+target, body)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, string(text)
}

// stranger is the address of who has no key: not the victim's.
var stranger = net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}, Timeout: time.Minute}

var strangers = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: stranger.DialContext, MaxIdleConnsPerHost: 8}}

// attack is one way to attack, done again and again by so many at once.
type attack struct {
	name string
	at   int
	do   func(r *redTeam, ctx context.Context, n int)
}

var attacks = []attack{
	{"bodies without a key", 200, (*redTeam).unpaidBody},
	{"idle connections", 8, (*redTeam).idleConnections},
	{"large pictures by one key", 8, (*redTeam).largePicture},
	{"crafted files by one key", 8, (*redTeam).craftedFile},
	{"photos without a link", 8, (*redTeam).photoWithoutLink},
	{"made-up addresses", 8, (*redTeam).madeUpAddress},
	{"slow bodies by one key", 40, (*redTeam).slowBody},
}

// unpaidBody sends three megabytes without a key, and reads that there is none.
func (r *redTeam) unpaidBody(ctx context.Context, n int) {
	target := []string{"/", "/mcp", "/faces", "/sexoffender", "/search"}[n%5]
	kind := []string{"multipart/form-data; boundary=b", "application/json", "application/json", "application/json",
		"application/x-www-form-urlencoded"}[n%5]
	status, answer := r.ask(strangers, "POST", target, &slowly{ctx, 29}, "Content-Type", kind)
	r.expect(ctx, "a body without a key", status, answer, 0, 400, 401, 429)
}

// slowly is a body of so many hundred kilobytes that comes like over a line, not as fast as this machine can.
type slowly struct {
	ctx  context.Context
	left int
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	wait(s.ctx, 100*time.Millisecond)
	return min(len(p), 100_000), nil
}

// idleConnections opens connections and says nothing.
func (r *redTeam) idleConnections(ctx context.Context, _ int) {
	var open []net.Conn
	for range 300 {
		conn, err := stranger.DialContext(ctx, "tcp", strings.TrimPrefix(r.house.base, "http://"))
		if err != nil {
			break
		}
		open = append(open, conn)
	}
	wait(ctx, time.Second)
	for _, conn := range open {
		conn.Close()
	}
}

func (r *redTeam) largePicture(ctx context.Context, _ int) {
	status, answer := sent(r.t, r.house.base, "/faces", r.customer, r.large)
	r.expect(ctx, "a large picture", status, answer, 400, 503)
}

func (r *redTeam) craftedFile(ctx context.Context, n int) {
	target := []string{"/faces", "/?json=1", "/mcp"}[n%3]
	status, answer := sent(r.t, r.house.base, target, r.customer, r.crafted[int(time.Now().UnixNano()/1000)%len(r.crafted)])
	r.expect(ctx, "a crafted file", status, answer, 200, 400, 503)
}

// photoWithoutLink asks for photos by ids that anybody can compute, with links of his own making.
func (r *redTeam) photoWithoutLink(ctx context.Context, n int) {
	link := []string{"", "?e=20991231&s=", "?e=20991231&s=" + strings.Repeat("A", 43), "?key=wrong"}[n%4]
	id := string(sampleID(samplesite.FirstID + int(time.Now().UnixNano()/1000)%40))
	status, answer := r.ask(strangers, "GET", "/photos/"+id+link, nil)
	wait(ctx, 5*time.Millisecond)
	r.expect(ctx, "a photo without a link", status, answer, 0, 401, 403, 404, 429)
}

// madeUpAddress names another address in each request: they are all counted as one client's.
func (r *redTeam) madeUpAddress(ctx context.Context, n int) {
	made := fmt.Sprintf("203.0.%d.%d", n, time.Now().UnixNano()/1000%256)
	status, answer := r.ask(strangers, "GET", "/v1/coverage", nil, "X-Forwarded-For", made, "X-Real-IP", made, "Forwarded", "for="+made)
	wait(ctx, 5*time.Millisecond)
	r.expect(ctx, "a made-up address", status, answer, 0, 200, 401, 429)
}

// slowBody holds places of bodies that are read, with a key that works.
func (r *redTeam) slowBody(ctx context.Context, _ int) {
	conn, err := stranger.DialContext(ctx, "tcp", strings.TrimPrefix(r.house.base, "http://"))
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /faces HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
		r.customer)
	for range 20 {
		wait(ctx, 100*time.Millisecond)
		if _, err := io.WriteString(conn, " "); err != nil || ctx.Err() != nil {
			return
		}
	}
}

func wait(ctx context.Context, lasting time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(lasting):
	}
}

// expect holds that an attacker got one of these answers; 0 is none.
func (r *redTeam) expect(ctx context.Context, what string, status int, answer string, want ...int) {
	if ctx.Err() == nil && !slices.Contains(want, status) {
		r.t.Errorf("%s: %d %.300s", what, status, answer)
	}
}
