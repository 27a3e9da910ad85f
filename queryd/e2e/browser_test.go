package e2e_test

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// listen runs the daemon's server on loopback and returns its address.
func (h *daemon) listen() string {
	h.t.Helper()
	h.gal.calibrate(h.t)
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
	t    *testing.T
	ctx  context.Context
	base string
}

// browser opens the daemon's page at path in a headless Chromium, which the set-up of the tests
// installs, and waits for what css selects. A request to another host, a script error and a
// breach of the page's content policy fail the test.
func (h *daemon) browser(t *testing.T, path, wait string) tab {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Fatal("no chromium found: apt-get install chromium (the test set-up does so)")
	}
	base := h.listen()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1100, 1000))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int]("1")); err != nil { // starts it; must have no bound of its own
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked int
	var wrong []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			asked++
			if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "blob" && u.Scheme != "data" && "http://"+u.Host != base {
				wrong = append(wrong, "asked another host: "+e.Request.URL)
			}
		case *runtime.EventExceptionThrown:
			wrong = append(wrong, "script error: "+e.ExceptionDetails.Text+" "+e.ExceptionDetails.Exception.Description)
		}
	})
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err != nil {
		t.Fatal(err)
	}
	b := tab{t, ctx, base}
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		if asked == 0 {
			t.Error("no request of the page was seen: does anybody watch?")
		}
		for _, w := range wrong {
			t.Error(w)
		}
	})
	b.visit(path, wait)
	return b
}

// do runs one action within a bound.
func do[T any](b tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
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

func (b tab) visit(path, wait string) {
	b.t.Helper()
	do(b, chromedp.Navigate(b.base+path))
	b.wait(wait)
}
func (b tab) reload(wait string)      { b.t.Helper(); do(b, chromedp.Reload()); b.wait(wait) }
func (b tab) wait(css string)         { b.t.Helper(); do(b, chromedp.WaitVisible(chromedp.CSS(css))) }
func (b tab) click(css string)        { b.t.Helper(); do(b, chromedp.Click(chromedp.CSS(css))) }
func (b tab) set(css, text string)    { b.t.Helper(); do(b, chromedp.SetValue(chromedp.CSS(css), text)) }
func (b tab) typed(css, text string)  { b.t.Helper(); do(b, chromedp.SendKeys(chromedp.CSS(css), text)) }
func (b tab) text(css string) string  { b.t.Helper(); return do(b, chromedp.Text(chromedp.CSS(css))) }
func (b tab) value(css string) string { b.t.Helper(); return do(b, chromedp.Value(chromedp.CSS(css))) }
func (b tab) until(script string)     { b.t.Helper(); do(b, chromedp.Poll[bool](script)) }
func (b tab) key(keys string, held ...kb.Modifier) {
	b.t.Helper()
	do(b, chromedp.KeyEvent(keys, chromedp.KeyModifiers(held...)))
}

// upload chooses a file in the page's photo chooser, as a person would.
func (b tab) upload(name string, data []byte) {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	do(b, chromedp.SetUploadFiles(chromedp.CSS("#photo"), []string{path}))
	b.until(`document.querySelector("#filename").textContent === "` + name + `" && document.querySelector("#preview").width > 1`)
}

// submit submits the photo and waits for what css selects in the answer.
func (b tab) submit(css string) {
	b.t.Helper()
	b.click("#submit")
	b.wait("#answer " + css)
}

// colours makes the page light or dark, as the system asks.
func (b tab) colours(scheme string) {
	b.t.Helper()
	do(b, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	}))
}

// phone gives the page a phone's screen and touch, or a desk's.
func (b tab) phone(on bool) {
	b.t.Helper()
	if on {
		do(b, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	} else {
		do(b, chromedp.EmulateViewport(1100, 900))
	}
}

// screenshot keeps a picture of the whole page in build/screenshots.
func (b tab) screenshot(name string) {
	b.t.Helper()
	picture := do(b, chromedp.FullScreenshot(100))
	dir := filepath.Join("..", "..", "build", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// look keeps pictures of the page as it stands, light and dark, on a desk and on a phone, and
// runs axe-core (testdata/axe, MPL-2.0, used by tests alone) over each.
func (b tab) look(name string) {
	b.t.Helper()
	script, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, string(script)+";true")
	for _, device := range []string{"", "-phone"} {
		b.phone(device != "")
		for _, scheme := range []string{"light", "dark"} {
			b.colours(scheme)
			b.screenshot(name + "-" + scheme + device)
			b.audit(name + ", " + scheme + device)
		}
		if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
			b.t.Errorf("%s%s: the page is wider than the screen: %s", name, device,
				eval[string](b, `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => `+
					`e.outerHTML.slice(0, 100)).join(" | ")`))
		}
	}
	b.phone(false)
	b.colours("light")
}

func (b tab) audit(what string) {
	b.t.Helper()
	for _, problem := range eval[[]string](b,
		`axe.run().then(r => { window.axed = r.passes; return r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" | `+
			`").slice(0, 400)); })`) {
		b.t.Errorf("accessibility of %s: %s", what, problem)
	}
	if eval[int](b, `axed.length`) < 10 || !eval[bool](b, `axed.some(p => p.id === "color-contrast")`) {
		b.t.Errorf("axe-core passed few rules of %s: did it run?", what)
	}
}

// stored is all that the page keeps in the browser.
func (b tab) stored() string {
	b.t.Helper()
	return strings.TrimSpace(eval[string](b, `JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie`))
}
