package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"lineup/queryd"
	"lineup/schemas"
)

// inSight reports whether what css selects first stands within the window, whole or its upper part.
func (b tab) inSight(css string) bool {
	b.t.Helper()
	return eval[bool](b, `(() => { const r = document.querySelector("`+css+`").getBoundingClientRect(); return r.top >= 0 && r.top + `+
		`Math.min(r.height, 120) <= innerHeight; })()`)
}

func TestTheFirstResultIsInSight(t *testing.T) {
	h, _ := gallerySeen(t, uncovered)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	for _, size := range [][2]int64{{1280, 900}, {360, 740}} {
		do(b, chromedp.EmulateViewport(size[0], size[1]))
		b.visit("/", "#submit")
		b.demoChosen()
		b.set("#key", h.key)
		b.submit(".card")
		b.until(`document.querySelector("#status").textContent.includes("below")`)
		if !b.inSight("#answer .card h3") {
			t.Errorf("after a face search at %v the first card is not in sight", size)
		}
		b.visit("/search", "#lastName")
		b.set("#key", h.key)
		b.set("#lastName", "Nobody")
		b.click("#prefix")
		b.submit(".card")
		b.until(`document.querySelector("#status").textContent.includes("below")`)
		if !b.inSight("#answer .card h3") {
			t.Errorf("after a name search at %v the first card is not in sight", size)
		}
	}
	if text := b.text("#answer h2"); text != "60 records, page 1 of 3" {
		t.Errorf("the heading says %q", text)
	}
	b.click(".turn button")
	b.until(`document.querySelector("#answer h2")?.textContent === "60 records, page 2 of 3"`)
	if !b.inSight("#answer .card h3") {
		t.Error("the second page begins out of sight")
	}
}

func TestFaultsStandAtTheirFields(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/search", "#lastName")
	b.set("#key", h.key)
	b.set("#lastName", "Testcase")
	b.set("#dob", "yesterday")
	b.set("#zipcode", "12")
	b.set("#lat", "1")
	b.submit(".problem")
	b.until(`document.activeElement.id === "dob"`)
	faulty := func() string {
		return eval[string](b, `[...document.querySelectorAll("[aria-invalid=true]")].map(e => e.id + ": " + `+
			`document.getElementById(e.getAttribute("aria-describedby").split(" ")[0]).textContent).join("\n")`)
	}
	if text := faulty(); !strings.HasPrefix(text, "dob: The date of birth cannot be used.") || !strings.Contains(text, "\nzipcode: ") ||
		!strings.Contains(text, "\nlng: ") || strings.Count(text, "\n") != 2 {
		t.Errorf("the faults stand at their fields as %q", text)
	}
	b.look("names-faults")
	b.phone(true)
	if wide := eval[float64](b, `document.getElementById("dob-error").getBoundingClientRect().width`); wide < 240 {
		t.Errorf("on a phone what is wrong with the date of birth stands in a column of %v pixels", wide)
	}
	if wide := eval[float64](b, `document.getElementById("dob").clientWidth`); wide < 200 {
		t.Errorf("on a phone the field of the date of birth has %v pixels, its example needs more", wide)
	}
	b.phone(false)
	eval[bool](b, `["dob", "zipcode", "lat"].every(id => { document.getElementById(id).value = ""; return true; })`)
	b.submit(".card")
	if text := faulty(); text != "" {
		t.Errorf("after a good search there still stands %q", text)
	}
	b.visit("/", "#submit")
	b.demoChosen()
	b.set("#key", "wrong")
	b.submit(".problem")
	b.until(`document.activeElement.id === "key"`)
	if text := faulty(); !strings.HasPrefix(text, "key: This key is not valid.") {
		t.Errorf("a wrong key: %q", text)
	}
	for _, c := range []struct{ path, form, want string }{ // without scripts
		{"/search", "key=" + h.key + "&dob=never&zipcode=1", `id="dob" name="dob" value="never" autocomplete="off" maxlength="40" ` +
			`placeholder="3/9/1971 or 1971" aria-invalid="true" autofocus aria-describedby="dob-error"`},
		{"/search", "key=" + h.key + "&dob=never&zipcode=1", `<p class="error" id="zipcode-error">The ZIP code cannot be used. It must have ` +
			`five digits.</p>`},
		{"/search", "key=wrong&lastName=Testcase", `aria-invalid="true" autofocus aria-describedby="key-error keyhelp"`},
		{"/record/" + string(schemas.RegistrantID("us-zz", "1001")), "key=wrong", `aria-describedby="key-error keyhelp"`},
		{"/record/" + string(schemas.RegistrantID("us-zz", "1001")), "key=wrong", `<form id="record"`},
	} {
		if _, page := h.post(c.path, c.form); !strings.Contains(page, c.want) {
			t.Errorf("%s with %s: the page lacks %s", c.path, c.form, c.want)
		}
	}
}

func TestTheKeyIsHiddenAndFoldedAway(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/search", "#lastName")
	if b.value("#key") != "" {
		t.Errorf("%q is filled in where it does not work", b.value("#key"))
	}
	if !eval[bool](b, `document.querySelector("#key").type === "password"`) {
		t.Error("the key can be read over a shoulder")
	}
	b.set("#key", h.key)
	b.click("#showkey")
	if !eval[bool](b, `document.querySelector("#key").type === "text" && `+
		`document.querySelector("#showkey").getAttribute("aria-pressed") === "true"`) {
		t.Error("the key is not shown on request")
	}
	b.click("#save")
	b.reload("#savedkey")
	if !eval[bool](b, `document.querySelector("#keyfield").hidden`) {
		t.Error("a saved key is not folded away")
	}
	b.set("#lastName", "Testcase")
	b.click("#submit")
	b.wait("#answer .card")
	b.click("#otherkey")
	b.until(`document.activeElement.id === "key"`)
	b.set("#key", "wrong")
	b.submit(`.problem[data-reason="invalid_key"]`)
	b.until(`document.activeElement.id === "key" && !document.querySelector("#keyfield").hidden`)
	b.visit("/", "#submit")
	b.demoChosen()
	b.click("#otherkey")
	b.click("#save") // forget it
	b.visit("/", "#submit")
	b.demoChosen()
}

func TestDemoIsFilledInWhereItWorks(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	if b.value("#key") != "DEMO" {
		t.Errorf("with the demo photo the key is %q", b.value("#key"))
	}
	b.upload("own.png", drawn(t, 60, 40))
	if b.value("#key") != "" {
		t.Errorf("with another photo the key is %q", b.value("#key"))
	}
	b.click("#demo")
	b.demoChosen()
	b.until(`document.querySelector("#key").value === "DEMO"`)

	h, _ = gallerySeen(t, func(c *queryd.Config, _ *queryd.Deps) { c.DemoRecords = true })
	b = h.browser(t, "/search", "#lastName")
	if b.value("#key") != "DEMO" {
		t.Errorf("where people are made up the key is %q", b.value("#key"))
	}
	b.set("#lastName", "Testcase")
	b.submit(".card")
	b.click(".card form button")
	b.wait("article.record")
	if _, body := h.do("GET", "/sexoffender?lastName=Testcase&key=DEMO", ""); !strings.Contains(body, "ROWAN TESTCASE") {
		t.Errorf("by the API DEMO opens %s", body)
	}
}

func TestAdviceOfAnInconclusiveSearchIsOneClick(t *testing.T) {
	seen := &lens{}
	h := newNode(t, func(_ *queryd.Config, d *queryd.Deps) { seen.Embedder, d.Faces = d.Faces, seen })
	for i := range 18 { // too few for a fit, and all a little alike
		h.enrol(person(fmt.Sprint(i), "Stranger", fmt.Sprintf("Nobody%c", 'a'+i), func(r *schemas.Record) {
			if i%2 == 0 {
				r.Sex = schemas.Coded{Value: "female", Raw: "F"}
			}
			r.Birth.Year = 1960 + i%3*15
		}), near(0.5+float32(i)/1000))
	}
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.submit(`.advice [data-set="ageMin=40&ageMax=49"]`)
	if text := b.text("#answer"); !strings.Contains(text, "neither clears nor accuses") ||
		strings.Contains(strings.ToLower(text), "no match") {
		t.Errorf("inconclusive: %s", text)
	}
	b.look("face-inconclusive")
	b.click(`[data-set="sex=female"]`)
	b.until(`document.querySelector("#sex").value === "female" && document.querySelector("#filters").open && /People ` +
		`searched\s*9/.test(document.querySelector("#answer").textContent)`)
	seen.set(func() { h.gal.probe = near(9) })
	b.submit(`[data-outcome="no_match"]`)
	if text := b.text("#answer"); !strings.Contains(text, "does not clear anyone") ||
		!strings.Contains(text, "not every state publishes photos") {
		t.Errorf("no match: %s", text)
	}
	b.look("face-none")
}
