package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

func (b tab) back(wait string)    { b.t.Helper(); b.across(`history.back()`, wait) }
func (b tab) forward(wait string) { b.t.Helper(); b.across(`history.forward()`, wait) }

// across runs a script that may leave the page, and waits for a condition on whatever page comes.
func (b tab) across(script, condition string) {
	b.t.Helper()
	eval[bool](b, `(setTimeout(() => {`+script+`}), true)`)
	b.there(condition)
}

// there waits for a condition while the browser goes from page to page.
func (b tab) there(condition string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		switch {
		case err == nil && holds:
			return
		case ctx.Err() != nil:
			b.t.Fatalf("this never became true: %s", condition)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// addresses are all addresses in the tab's history, and what the page keeps with this one.
func (b tab) addresses() string {
	b.t.Helper()
	var history page.GetNavigationHistoryResult
	do(b, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) (err error) {
		history, err = chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{})
		return err
	}))
	var all []string
	for _, e := range history.Entries {
		all = append(all, e.URL, e.Title)
	}
	return strings.Join(append(all, eval[string](b, `JSON.stringify(history.state)`)), " ")
}

func TestBackBringsANameSearchBack(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/search", "#lastName")
	b.set("#key", h.key)
	b.set("#lastName", "Nobody")
	b.click("#prefix")
	b.submit(".card")
	shows := func(heading string) string {
		return `location.pathname === "/search" && document.querySelector("#answer h2")?.textContent === "` + heading + `"`
	}
	first, second := shows("60 records, page 1 of 3"), shows("60 records, page 2 of 3")
	b.until(first)
	b.click(".turn button")
	b.until(second)
	b.click(".card:nth-child(2) form button")
	const record = `document.querySelector("article.record") !== null && document.querySelector("#place").textContent === "Result 2 of 20"`
	b.there(record)
	eval[bool](b, `(Object.defineProperty(navigator, "clipboard", {value: {writeText: async text => { window.copied = text; }}}), true)`)
	b.click("[data-do=copy]")
	b.until(`window.copied === location.origin + location.pathname && document.querySelector("#status").textContent === "The link is copied."`)
	b.back(second)
	if b.value("#lastName") != "Nobody" || b.value("#key") != h.key ||
		!eval[bool](b, `document.querySelector("#prefix").checked && !document.querySelector("#keyfield").hidden`) {
		t.Errorf("Back brought the name %q and the key %q", b.value("#lastName"), b.value("#key"))
	}
	b.back(first)
	b.back(`location.pathname === "/search" && document.querySelector("#answer").childElementCount === 0 && ` +
		`document.querySelector("#lastName").value === ""`)
	b.forward(first)
	b.forward(second)
	b.forward(record)
	b.click("#next")
	b.there(`document.querySelector("#place")?.textContent === "Result 3 of 20"`)
	b.click("#toresults")
	b.there(second)
	b.reload("#answer .card")
	b.there(second)
	if all := b.addresses(); strings.Contains(strings.ToLower(all), "nobody") || strings.Contains(all, h.key) {
		t.Errorf("in the history stands a name or the key: %s", all)
	}
	b.click("[data-do=clear]")
	b.until(`document.querySelector("#answer").childElementCount === 0 && document.activeElement.id === "firstName"`)
	if b.stored() != "{}{}" || b.value("#lastName") != "" || b.value("#key") != "" {
		t.Errorf("after Clear there is still %s, %q, %q", b.stored(), b.value("#lastName"), b.value("#key"))
	}
	b.back(`location.pathname.startsWith("/record/") && document.querySelector("#record") !== null`)
	if eval[bool](b, `document.querySelector("article.record") !== null`) {
		t.Error("after Clear a record is there without a key")
	}
}

func TestBackBringsAFaceSearchBack(t *testing.T) {
	h, seen := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	b.upload("own.png", drawn(t, 300, 200))
	b.click("#filters summary")
	b.set("#ageMin", "20")
	b.submit(".card")
	const answered = `document.querySelector("#answer .card") !== null && document.querySelector("#filename").textContent === "own.png"`
	b.until(answered)
	searches := seen.seen()
	b.click(".card form button")
	b.wait("article.record")
	b.back(answered)
	b.until(`document.querySelector("#photo").files[0]?.name === "own.png" && document.querySelector("#preview").width === 300`)
	if b.value("#key") != h.key || b.value("#ageMin") != "20" || seen.seen() != searches {
		t.Errorf("Back brought the key %q and the age %q, after %d searches more", b.value("#key"), b.value("#ageMin"), seen.seen()-searches)
	}
	if eval[int](b, `[...document.querySelector("#answer canvas.probe").getContext("2d").getImageData(0,0,320,380).data].filter(x => `+
		`x > 0).length`) == 0 {
		t.Error("Back did not bring the searcher's photo to the card")
	}
	b.submit(".card")
	if got := seen.size(t); got != "png 300x200" {
		t.Errorf("submitted again, %s was sent", got)
	}
	b.reload("#answer .card")
	b.until(answered)
	b.click("[data-do=clear]")
	b.demoChosen()
	if b.stored() != "{}{}" || eval[int](b, `document.querySelector("#answer").childElementCount`) != 0 {
		t.Errorf("after Clear there is still %s", b.stored())
	}
}

// TestALargePhotoIsKeptSmaller holds that what a tab keeps has a bound.
func TestALargePhotoIsKeptSmaller(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	b.upload("noise.png", noise(t, 1500, 1000))
	b.submit(".card")
	b.until(`sessionStorage["lineup.entries"] !== undefined`)
	if n := eval[int](b, `Object.values(sessionStorage).join("").length`); n > 2<<20 {
		t.Errorf("a photo of 1500 x 1000 pixels is kept in %d characters", n)
	}
	b.reload("#answer .card")
	b.until(`document.querySelector("#preview").width === 1200 && document.querySelector("#boxes .used") !== null`)
	if box := eval[string](b, `document.querySelector("#boxes .used").style.width`); !strings.HasPrefix(box, "4.6") {
		t.Errorf("the box of 70 of 1500 pixels is %s wide", box)
	}
}
