package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"lineup/queryd/api"
	"lineup/schemas"
)

func TestNearAPlaceThereAreAListAndAMap(t *testing.T) {
	h := town(t)
	_, page := h.post("/search", "key="+h.key+"&near=13815&radius=10")
	for _, want := range []string{"3 records", "The nearest address comes first.", "<svg viewBox",
		"Map: 3 spots with records within 10 miles.", ">5 miles<", ` miles away`, `class="town"`,
		"gives no point on the map is shown at the middle of its ZIP code", `name="near" value="13815"`} {
		if !strings.Contains(page, want) {
			t.Errorf("near a ZIP code the page lacks %q", want)
		}
	}
	for form, want := range map[string]string{"near=00000": `aria-describedby="near-error"`,
		"zipcode=13815&radius=5":        `id="near-error">The distance is around no place.`,
		"near=13815&lat=42.5&lng=-75.5": `aria-describedby="near-error"`, "near=13815&radius=1000": `aria-describedby="radius-error"`,
		"near=90001": "California is not copied here"} {
		if _, page := h.post("/search", "key="+h.key+"&"+form); !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %s", form, want)
		}
	}

	b := h.browser(t, "/search", "#lastName")
	b.set("#key", h.key)
	do(b, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		lat, lon, accuracy := 42.50049, -75.49951, 10.0
		if _, err := chromedp.Call(ctx, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{Latitude: &lat, Longitude: &lon,
			Accuracy: &accuracy}); err != nil {
			return err
		}
		_, err := chromedp.CallBrowser(ctx, browser.SetPermission,
			browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: "geolocation"}, Setting: browser.PermissionSettingGranted})
		return err
	}))
	b.click("#here")
	b.until(`document.querySelector("#lat").value === "42.500" && document.querySelector("#lng").value === "-75.500"`)
	if text := b.text("#status"); !strings.Contains(text, "only when you search") {
		t.Errorf("of the location the page says %q", text)
	}
	b.set("#radius", "8")
	b.submit(".map")
	b.until(`document.querySelectorAll("#answer .dot").length === 3`)
	if text := b.text("#answer"); !strings.Contains(text, "At this very place") || !strings.Contains(text, "0.7 miles away") ||
		!strings.Contains(text, "6.9 miles away") {
		t.Errorf("the distances are told as %s", text)
	}
	if !eval[bool](b, `[...document.querySelectorAll(".dot")].every(e => Math.hypot(e.getAttribute("cx"), e.getAttribute("cy")) <= 100)`) {
		t.Error("a record stands outside of the map")
	}
	b.look("names-near")
}

// Who states a ZIP code and no point is near by the middle of it, and page, API and notice say so.
func TestNearByTheMiddleOfAZIPCode(t *testing.T) {
	h := newNode(t)
	h.enrol(person("1", "Rowan", "Testcase", lives(schemas.Address{Kind: schemas.AddressHome, State: "NY", Zip: "13815"})), nil)
	h.enrol(person("2", "Ash", "Mockley", lives(schemas.Address{Kind: schemas.AddressHome, State: "NY", Zip: "10001"})), nil)
	response, body := h.keyed("GET", "/sexoffender?near=13815", "")
	if found := decode[api.Offenders](t, body).Offenders; len(found) != 1 || found[0].Name != "ROWAN TESTCASE" || found[0].Lat != -1 {
		t.Errorf("found %s", body)
	}
	const middle = "1 of the records on this page is that of the middle of their ZIP code"
	if notices := strings.Join(response.Header.Values("X-Notice"), "|"); !strings.Contains(notices, middle) {
		t.Errorf("notices: %s", notices)
	}
	for language, want := range map[string]string{"en": "Somewhere in this ZIP code", "es": "En algún lugar de este código postal"} {
		if _, page := h.post("/search?lang="+language, "near=13815&key="+h.key); !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %q", language, want)
		}
	}
	response, _ = h.keyed("GET", "/sexoffender?lastName=Testcase", "")
	if strings.Contains(strings.Join(response.Header.Values("X-Notice"), "|"), "middle") {
		t.Error("a search without a place speaks of distances")
	}
}
