package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lineup/indexer/face"
	"lineup/queryd"
	"lineup/schemas"
)

// lens is the daemon's embedder, which tells what photos it was shown.
type lens struct {
	face.Embedder
	mu     sync.Mutex
	photos [][]byte
	hold   chan struct{} // when set, embedding waits for it or for the searcher to leave
	left   chan struct{} // closed when a searcher left
}

func (l *lens) Embed(ctx context.Context, photo []byte, purpose face.Purpose) (face.Result, error) {
	l.mu.Lock()
	l.photos = append(l.photos, bytes.Clone(photo))
	hold := l.hold
	l.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			close(l.left)
			return face.Result{}, ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	result, err := l.Embedder.Embed(ctx, photo, purpose)
	if c, _, bad := image.DecodeConfig(bytes.NewReader(photo)); bad == nil {
		result.Width, result.Height = c.Width, c.Height
	}
	return result, err
}

// set changes what the daemon's embedder and gallery answer, between two searches.
func (l *lens) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// seen is how many photos were shown.
func (l *lens) seen() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.photos)
}

// size is the format and size of the photo that was seen last, like "jpeg 97x98".
func (l *lens) size(t *testing.T) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	c, format, err := image.DecodeConfig(bytes.NewReader(l.photos[len(l.photos)-1]))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %dx%d", format, c.Width, c.Height)
}

// drawn is a picture of nothing.
func drawn(t *testing.T, width, height int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetGray(x, y, color.Gray{uint8((x + y) / 8)})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noise is a picture that hardly compresses.
func noise(t *testing.T, width, height int) []byte {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = uint8(random.Uint32()) | 1
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// gallerySeen is a daemon whose registrants have real pictures of nobody.
func gallerySeen(t *testing.T, change ...func(*queryd.Config, *queryd.Deps)) (*daemon, *lens) {
	l := &lens{left: make(chan struct{})}
	h := newNode(t, append(change, func(c *queryd.Config, d *queryd.Deps) {
		c.PublicURL = "https://elsewhere.test" // the page must load its photos from where it is itself
		l.Embedder = d.Faces
		d.Faces = l
	})...)
	h.crowd(60)
	id := h.enrol(whole("1001"), near(0.2))
	demo, err := os.ReadFile("../serve/demo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for ref := range h.photos {
		if strings.Contains(ref, string(id)) {
			h.photos[ref] = demo
		}
	}
	return h, l
}

// demoChosen waits until the page has filled the chooser with the demo photo.
func (b tab) demoChosen() {
	b.t.Helper()
	b.until(`document.querySelector("#photo").files.length === 1 && document.querySelector("#filename").textContent === "DEMO.jpg"`)
}

func TestTheDemoPhotoInABrowser(t *testing.T) {
	h, seen := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	if key := b.value("#key"); key != "DEMO" {
		t.Errorf("the form starts with the key %q", key)
	}
	for css, want := range map[string]string{"label[for=save]": "Save my API key", "label[for=json]": "View JSON response only",
		"#demo": "Use Demo Photo", "#submit": "Submit", "label[for=photo]": "Select profile photo"} {
		if text := b.text(css); text != want {
			t.Errorf("%s reads %q, not %q", css, text, want)
		}
	}
	b.phone(true)
	if !eval[bool](b, `document.querySelector("#snap").checkVisibility() && document.querySelector("#camera").getAttribute("capture") === `+
		`"environment" && document.querySelector("#camera").accept === "image/*"`) {
		t.Error("a phone is not offered its camera")
	}
	b.look("face-start")
	b.submit(".card")
	b.until(`[...document.querySelectorAll(".card img")].every(i => i.naturalWidth > 0)`)
	text := b.text("#answer")
	for _, want := range []string{"Rowan Testcase", "Read the official page", "would look this alike", "not an identification",
		"Search by name as well", "Positive identification needs fingerprints.", "use a key of your own"} {
		if !strings.Contains(text, want) {
			t.Errorf("the answer lacks %q in %s", want, text)
		}
	}
	if strings.Contains(text, "Distance") && eval[bool](b, `document.querySelector(".card details").open`) {
		t.Error("the distance is not under details")
	}
	if first := eval[string](b, `document.querySelector(".card a").getAttribute("href")`); !strings.HasPrefix(first,
		"https://registry.example.test/") {
		t.Errorf("the first link of a card goes to %q, not to the official page", first)
	}
	if drawn := eval[int](b, `[...document.querySelector("canvas.probe").getContext("2d").getImageData(0,0,320,380).data].filter(x => `+
		`x > 0).length`); drawn == 0 {
		t.Error("the searcher's photo is not drawn on the card")
	}
	if eval[int](b, `document.querySelectorAll("#boxes .used").length`) != 1 {
		t.Error("the face found is not boxed in the preview")
	}
	if got := seen.size(t); got != "jpeg 97x98" {
		t.Errorf("the demo photo was sent as %s", got)
	}
	if !eval[bool](b, `document.activeElement.closest("#answer") !== null`) {
		t.Error("the focus does not go to the answer")
	}
	b.look("face-match")
	b.click("#json")
	b.submit("#jsonanswer")
	if text = b.text("#jsonanswer"); !strings.Contains(text, `"faceMatches"`) || strings.Contains(text, `"search"`) ||
		strings.Contains(text, `"distance"`) {
		t.Errorf("JSON only: %s", text)
	}
	b.look("face-json")
	b.set("#key", "wrong")
	b.submit("#jsonanswer")
	if text = b.text("#jsonanswer"); !strings.Contains(text, `"code": 401`) {
		t.Errorf("JSON only, with a bad key: %s", text)
	}
}

func TestTheKeyIsKeptOnlyIfAsked(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", "wrong")
	b.submit(`.problem[data-reason="invalid_key"]`)
	b.look("face-badkey")
	b.set("#key", h.key)
	b.submit(".card")
	if !strings.HasPrefix(b.stored(), "{}{") { // beyond this tab
		t.Errorf("without being asked the page keeps %s", b.stored())
	}
	b.click("[data-do=clear]")
	b.until(`document.querySelector("#answer").childElementCount === 0`)
	if b.stored() != "{}{}" {
		t.Errorf("when all was cleared the page keeps %s", b.stored())
	}
	b.reload("#submit")
	b.demoChosen()
	if key := b.value("#key"); key != "DEMO" {
		t.Errorf("a key that was not to be kept is back: %q", key)
	}
	b.set("#key", h.key)
	b.click("#save")
	b.reload("#submit")
	b.until(`document.querySelector("#key").value === "` + h.key + `" && document.querySelector("#save").checked`)
	b.visit("/search", "#lastName")
	b.until(`document.querySelector("#key").value === "` + h.key + `"`)
	b.click("#otherkey")
	b.click("#save")
	b.reload("#lastName")
	if key := b.value("#key"); key != "" || b.stored() != "{}{}" {
		t.Errorf("after unticking the key is %q, kept is %s", key, b.stored())
	}
}

func TestProblemsOfAPhotoAreExplained(t *testing.T) {
	h, seen := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	seen.set(func() { h.gal.probeError = &face.Problem{Code: face.CodeNoFace, Text: "No face was found."} })
	b.submit(`.problem[data-reason="no_face"]`)
	if text := b.text("#answer"); !strings.Contains(text, "at least 80 pixels wide") {
		t.Errorf("no face: %s", text)
	}
	b.look("face-noface")
	seen.set(func() { h.gal.probeError = face.ErrBusy })
	b.submit(`.problem[data-reason="busy"]`)
	if text := b.text("#answer"); !strings.Contains(text, "Try again in 2 seconds") {
		t.Errorf("busy: %s", text)
	}
	path := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(path, []byte("Dear registry"), 0o600); err != nil {
		t.Fatal(err)
	}
	do(b, chromedp.SetUploadFiles(chromedp.CSS("#photo"), []string{path}))
	b.until(`document.querySelector("#status").textContent.includes("cannot be shown")`)
	seen.set(func() { h.gal.probeError = &face.Problem{Code: face.CodeNotAnImage, Text: "No photo."} })
	b.submit(`.problem[data-reason="not_an_image"]`) // the page sends what it cannot show: the server judges
}

func TestOneOfSeveralFacesIsChosen(t *testing.T) {
	h, seen := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	b.upload("two.png", drawn(t, 600, 400))
	beside := schemas.Box{Left: 400, Top: 100, Right: 500, Bottom: 200}
	seen.set(func() {
		h.gal.probeError = &face.Problem{Code: face.CodeSeveralFaces, Text: "The photo shows 3 faces.",
			Result: face.Result{Width: 600, Height: 400,
				Box:    schemas.Box{Left: 100, Top: 100, Right: 250, Bottom: 250},
				Others: []schemas.Box{beside, {Left: 520, Top: 120, Right: 590, Bottom: 190}}}}
	})
	b.submit(`.problem[data-reason="several_faces"] button:nth-child(3)`)
	b.look("face-several")
	if eval[int](b, `document.querySelectorAll("#boxes button[aria-pressed=false]").length`) != 3 {
		t.Fatal("the faces are no buttons in the preview")
	}
	seen.set(func() { h.gal.probeError = nil })
	b.click("#boxes button:nth-child(2)")
	b.wait("#answer .card")
	if got := seen.size(t); got != "jpeg 170x200" {
		t.Errorf("of the second face %s was sent, not its 100x100 pixels with half of that around it, up to the third face", got)
	}
	if eval[int](b, `document.querySelectorAll("#boxes button").length`) != 3 ||
		!eval[bool](b, `document.querySelector("#boxes button:nth-child(2)").matches("[aria-pressed=true]")`) {
		t.Error("after choosing one face the others cannot be chosen any more")
	}
	b.typed("#boxes button:nth-child(1)", kb.Enter)
	b.until(`document.querySelector("#boxes button:nth-child(1)").getAttribute("aria-pressed") === "true" && ` +
		`document.querySelector("#answer .card") !== null`)
	if got := seen.size(t); got != "jpeg 300x300" {
		t.Errorf("of the first face %s was sent", got)
	}
	seen.set(func() { h.gal.others = []schemas.Box{beside} }) // small ones in the background
	b.upload("again.png", drawn(t, 600, 400))
	b.submit(".several button")
	if text := b.text(".several"); !strings.Contains(text, "There are 2 faces") || !strings.Contains(text, "Search for face 2") {
		t.Errorf("faces in the background: %s", text)
	}
}

func TestAPartIsCroppedByHandAndByKeys(t *testing.T) {
	h, seen := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	b.upload("wide.png", drawn(t, 600, 400))
	b.click("#crop")
	b.wait("#frame")
	var at []float64
	point := func(x, y float64) (float64, float64) { return at[0] + x*at[2], at[1] + y*at[3] }
	drag := func(x, y, toX, toY float64) {
		at = eval[[]float64](b, `(() => { const e = document.querySelector("#stage"); e.scrollIntoView({block: "center"}); const r = `+
			`e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })()`)
		fromX, fromY := point(x, y)
		endX, endY := point(toX, toY)
		do(b, chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, fromX, fromY, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		do(b, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, (fromX+endX)/2, (fromY+endY)/2, chromedp.ButtonLeft))
		do(b, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, endX, endY, chromedp.ButtonLeft))
		do(b, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, endX, endY, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	}
	drag(0.02, 0.02, 0.5, 0.5) // from outside the frame: a new one
	b.look("face-crop")
	b.submit(".card")
	var w, height int
	if _, err := fmt.Sscanf(seen.size(t), "jpeg %dx%d", &w, &height); err != nil || w < 280 || w > 296 || height < 186 || height > 198 {
		t.Errorf("the frame over 0.48 of 600x400 sent %s", seen.size(t))
	}
	drag(0.25, 0.25, 0.75, 0.75) // the frame itself
	drag(0.98, 0.98, 0.6, 0.6)   // its corner
	b.submit(".card")
	b.until(`document.querySelector("#status").textContent.includes("below")`)
	if _, err := fmt.Sscanf(seen.size(t), "jpeg %dx%d", &w, &height); err != nil || w > 110 || height > 80 {
		t.Errorf("the smaller frame sent %s", seen.size(t))
	}
	do(b, chromedp.Focus(chromedp.CSS("#frame")))
	for range 40 {
		b.key(kb.ArrowRight, kb.ModifierShift)
		b.key(kb.ArrowDown, kb.ModifierShift)
	}
	for range 40 {
		b.key(kb.ArrowLeft)
		b.key(kb.ArrowUp)
	}
	if text := b.text("#status"); !strings.Contains(text, "percent of the photo") {
		t.Errorf("the frame's size is not told: %q", text)
	}
	before := seen.seen()
	b.key(kb.Enter)
	b.until(`document.querySelector("#status").textContent.includes("below")`)
	if n := seen.seen() - before; n != 1 {
		t.Fatalf("Enter searched %d times", n)
	}
	do(b, chromedp.Focus(chromedp.CSS("#frame")))
	b.key(kb.Escape)
	b.until(`document.querySelector("#frame").hidden && document.activeElement.id === "crop"`)
	b.submit(".card")
	b.until(`document.querySelector("#status").textContent.includes("below")`)
	if got := seen.size(t); got != "png 600x400" {
		t.Errorf("after Escape %s was sent, not the whole photo as it is", got)
	}
}

func TestPhotosAreDroppedAndPastedAndScaledDown(t *testing.T) {
	h, seen := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	path := filepath.Join(t.TempDir(), "dropped.png")
	if err := os.WriteFile(path, drawn(t, 320, 240), 0o600); err != nil {
		t.Fatal(err)
	}
	spot := eval[[]float64](b, `(() => { const r = document.querySelector("#drop").getBoundingClientRect(); return [r.left + 30, `+
		`r.top + 30]; })()`)
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver,
		input.DispatchDragEventTypeDrop} {
		do(b, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: spot[0], Y: spot[1],
				Data: &input.DragData{Items: []*input.DragDataItem{}, Files: []string{path}, DragOperationsMask: 1}})
			return err
		}))
	}
	b.until(`document.querySelector("#filename").textContent === "dropped.png" && document.querySelector("#photo").files[0].name === ` +
		`"dropped.png"`)
	b.submit(".card")
	if got := seen.size(t); got != "png 320x240" {
		t.Errorf("dropped: %s was sent", got)
	}
	eval[bool](b, `(async () => {
		const c = document.createElement("canvas"); c.width = 200; c.height = 100; c.getContext("2d").fillRect(0, 0, 9, 9);
		const blob = await new Promise(done => c.toBlob(done, "image/png")), data = new DataTransfer();
		data.items.add(new File([blob], "pasted.png", {type: "image/png"}));
		document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
		return true;
	})()`)
	b.until(`document.querySelector("#filename").textContent === "pasted.png"`)
	b.submit(".card")
	if got := seen.size(t); got != "png 200x100" {
		t.Errorf("pasted: %s was sent", got)
	}
	b.upload("huge.png", drawn(t, 4096, 1024))
	if text := b.text("#size"); !strings.Contains(text, "scaled down to 2048 × 512") {
		t.Errorf("of a huge photo the page says %q", text)
	}
	b.submit(".card")
	if got := seen.size(t); got != "jpeg 2048x512" {
		t.Errorf("huge: %s was sent", got)
	}
}

func TestASearchIsCancelled(t *testing.T) {
	h, seen := gallerySeen(t)
	seen.hold = make(chan struct{})
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.click("#submit")
	b.wait("#cancel")
	b.until(`document.querySelector("#status").textContent.includes("Searching") && /\d+ ` +
		`s/.test(document.querySelector("#elapsed").textContent)`)
	b.screenshot("face-progress")
	b.click("#submit") // a second time changes nothing
	b.click("#cancel")
	b.until(`document.querySelector("#status").textContent.includes("Cancelled") && document.querySelector("#progress").hidden`)
	<-seen.left
	if n := seen.seen(); n != 1 {
		t.Errorf("%d photos were sent", n)
	}
	seen.set(func() { seen.hold = nil })
	b.submit(".card")
}

func TestAFaceIsSearchedWithTheKeyboardAlone(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	focused := func() string {
		return eval[string](b, `document.activeElement.id || document.activeElement.className || document.activeElement.textContent.trim()`)
	}
	b.key(kb.Tab)
	if focused() != "skip" {
		t.Errorf("the first stop is %q, not the link to the content", focused())
	}
	b.key(kb.Enter)
	var stops []string
	for range 20 {
		b.key(kb.Tab)
		stops = append(stops, focused())
		if !eval[bool](b, `document.activeElement.matches(":focus-visible")`) {
			t.Errorf("the focus on %s cannot be seen", focused())
		}
		if focused() == "submit" {
			break
		}
	}
	if got := strings.Join(stops, " "); !strings.HasPrefix(got, "crop key showkey save photo demo") ||
		!strings.HasSuffix(got, "Narrow the search json submit") {
		t.Errorf("the stops are %s", got)
	}
	b.key(kb.Enter)
	b.wait("#answer .card")
	b.until(`document.activeElement.tagName === "H2"`)
	b.key(kb.Tab)
	if focused() != "official" {
		t.Errorf("after the answer's heading comes %q, not the official page", focused())
	}
}
