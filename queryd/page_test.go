package queryd_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/schemas"
)

// listen runs the house's server on loopback and returns its address.
func (h *house) listen() string {
	h.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx, listener) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// tab is a tab of a headless Chromium.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// browser opens a headless Chromium, which the set-up of the tests installs.
func browser(t *testing.T) tab {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("no chromium found: apt-get install chromium (the test set-up does so)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1100, 1000))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int]("1")); err != nil { // starts it; must have no bound of its own
		t.Fatal(err)
	}
	return tab{t, ctx}
}

// do runs one action within a bound.
func do[T any](b tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 40*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func eval[T any](b tab, script string) T {
	b.t.Helper()
	return do(b, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

func (b tab) visit(url, wait string)  { b.t.Helper(); do(b, chromedp.Navigate(url)); b.wait(wait) }
func (b tab) reload(wait string)      { b.t.Helper(); do(b, chromedp.Reload()); b.wait(wait) }
func (b tab) wait(css string)         { b.t.Helper(); do(b, chromedp.WaitVisible(chromedp.CSS(css))) }
func (b tab) click(css string)        { b.t.Helper(); do(b, chromedp.Click(chromedp.CSS(css))) }
func (b tab) set(css, text string)    { b.t.Helper(); do(b, chromedp.SetValue(chromedp.CSS(css), text)) }
func (b tab) typed(css, text string)  { b.t.Helper(); do(b, chromedp.SendKeys(chromedp.CSS(css), text)) }
func (b tab) text(css string) string  { b.t.Helper(); return do(b, chromedp.Text(chromedp.CSS(css))) }
func (b tab) value(css string) string { b.t.Helper(); return do(b, chromedp.Value(chromedp.CSS(css))) }
func (b tab) until(script string)     { b.t.Helper(); do(b, chromedp.Poll[bool](script)) }

// screenshot keeps a picture of the whole page in build/screenshots.
func (b tab) screenshot(name string) {
	b.t.Helper()
	picture := do(b, chromedp.FullScreenshot(100))
	dir := filepath.Join("..", "build", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// audit runs axe-core (testdata/axe, MPL-2.0, used by tests alone) over the page as it stands.
func (b tab) audit() {
	b.t.Helper()
	script, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, string(script)+";true")
	for _, problem := range eval[[]string](b, `axe.run().then(r => { window.axed = r.passes.length; return r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" | ").slice(0, 300)); })`) {
		b.t.Errorf("accessibility: %s", problem)
	}
	if passes := eval[int](b, "window.axed"); passes < 10 {
		b.t.Errorf("axe-core passed %d rules only: did it run?", passes)
	}
}

// gallerySeen is a house whose registrants have real pictures of nobody.
func gallerySeen(t *testing.T) *house {
	h := newHouse(t, func(c *queryd.Config, _ *queryd.Deps) { c.PublicURL = "" })
	h.crowd(60)
	id := h.enrol(person("1001", "Rowan", "Testcase", func(r *schemas.Record) {
		r.Birth = schemas.Date{Year: 1971, Month: 3, Day: 9}
		r.Addresses = []schemas.Address{{Kind: "home", Street: "1 Example Road", City: "Sampleton", State: "NY", Zip: "00001"}}
		r.Offenses = []schemas.Offense{{Description: "Example offense", Convicted: schemas.Date{Year: 2001}}}
	}), near(0.2))
	demo, err := os.ReadFile("page/demo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for ref := range h.photos {
		if strings.Contains(ref, string(id)) {
			h.photos[ref] = demo
		}
	}
	return h
}

const photoChosen = `document.querySelector("#photo").files.length === 1 && document.querySelector("#preview").width > 1`

func TestThePageInABrowser(t *testing.T) {
	h := gallerySeen(t)
	h.gal.others = []schemas.Box{{Left: 2, Top: 2, Right: 20, Bottom: 20}}
	base := h.listen()
	b := browser(t)
	b.visit(base+"/", "#submit")
	b.until(photoChosen)
	b.screenshot("face-start")
	if name, key := b.text("#filename"), b.value("#key"); name != "DEMO.jpg" || key != "DEMO" {
		t.Errorf("the form starts with photo %q and key %q", name, key)
	}
	b.click("#submit")
	b.wait(".card")
	b.until(`document.querySelector(".card img").naturalWidth > 0`)
	text := b.text("#answer")
	for _, want := range []string{"Rowan Testcase", "Read the official page", "would look this alike", "smaller faces", "Search for face 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("card lacks %q in %s", want, text)
		}
	}
	if eval[int](b, `[...document.querySelector("canvas.probe").getContext("2d").getImageData(0,0,160,190).data].filter(x => x > 0).length`) == 0 {
		t.Error("the probe is not drawn on the card")
	}
	b.screenshot("face-match")
	b.audit()

	b.click("#json")
	b.click("#submit")
	b.wait("#jsonanswer")
	if text = b.text("#jsonanswer"); !strings.Contains(text, `"faceMatches"`) || strings.Contains(text, `"search"`) {
		t.Errorf("JSON only: %s", text)
	}
	b.screenshot("face-json")
	b.click("#json")
	b.set("#key", "wrong")
	b.click("#submit")
	b.wait(`.problem[data-reason="invalid_key"]`)
	b.screenshot("face-badkey")

	b.set("#key", h.key)
	b.click("#save")
	b.reload("#submit")
	if key := b.value("#key"); key != h.key {
		t.Errorf("after a reload the key is %q", key)
	}
	b.click("#save")
	b.reload("#submit")
	if key := b.value("#key"); key != "DEMO" {
		t.Errorf("after unticking the key is %q", key)
	}
	h.gal.probeError = &face.Problem{Code: face.CodeNoFace, Text: "No face was found in the photo."}
	b.until(photoChosen)
	b.click("#submit")
	b.wait(`.problem[data-reason="no_face"]`)
	b.screenshot("face-noface")
	b.audit()
}

func TestTheOtherPagesInABrowser(t *testing.T) {
	h := gallerySeen(t)
	base := h.listen()
	b := browser(t)
	b.visit(base+"/search", "#lastName")
	b.set("#key", h.key)
	b.typed("#lastName", "Testcas\n")
	b.wait(".card")
	if text := b.text("#answer"); !strings.Contains(text, "ROWAN TESTCASE") || !strings.Contains(text, "fingerprints") {
		t.Errorf("name search: %s", text)
	}
	b.screenshot("names")
	b.audit()
	b.click(".card button")
	b.wait("article.record")
	if text := b.text("#answer"); !strings.Contains(text, "1 Example Road") || !strings.Contains(text, "Example offense") {
		t.Errorf("record page: %s", text)
	}
	b.screenshot("record")
	b.audit()
	for _, path := range []string{"/coverage", "/docs", "/terms"} {
		b.visit(base+path, "h1")
		b.screenshot(path[1:])
		b.audit()
	}
	do(b, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	b.visit(base+"/", "#submit")
	b.until(photoChosen)
	b.click("#submit")
	b.wait(".card")
	if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("the page is wider than a phone")
	}
	b.screenshot("phone")
}

func TestThePageWorksWithoutScripts(t *testing.T) {
	h := gallerySeen(t)
	var form bytes.Buffer
	form.WriteString("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nDEMO\r\n--b--\r\n")
	response, body := h.do("POST", "/", form.String(), "Content-Type", "multipart/form-data; boundary=b")
	if response.StatusCode != http.StatusOK || !strings.Contains(body, "Rowan Testcase") || !strings.Contains(body, "<!doctype html>") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	csp := response.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || response.Header.Get("Set-Cookie") != "" {
		t.Errorf("csp %q, cookie %q", csp, response.Header.Get("Set-Cookie"))
	}
	for _, bad := range []string{" style=", " onclick=", "<script>", "javascript:"} {
		if strings.Contains(body, bad) {
			t.Errorf("page has %q, which the policy forbids", bad)
		}
	}
}

func TestThePageEscapesWhatRegistriesSay(t *testing.T) {
	h := newHouse(t)
	h.enrol(person("1", "Rowan", `<script>alert(1)</script>`, func(r *schemas.Record) {
		r.Name.Full, r.URL = `<img src=x onerror=alert(1)>`, "javascript:alert(1)"
	}), nil)
	response, body := h.do("POST", "/search", "key="+h.key+"&firstName=Rowan", "Content-Type", "application/x-www-form-urlencoded")
	if response.StatusCode != 200 || !strings.Contains(body, "&lt;img") || strings.Contains(body, "<img src=x") || strings.Contains(body, "javascript:alert") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}
