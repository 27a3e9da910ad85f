package e2e_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestTheLanguageIsChosenByBrowserOrLink(t *testing.T) {
	h, _ := gallerySeen(t, uncovered)
	for _, c := range []struct{ path, accept, want, never string }{
		{"/search", "es-MX,es;q=0.9,en;q=0.8", `<html lang="es">`, "?lang=es"},
		{"/search", "es-MX,es;q=0.9,en;q=0.8", `href="/search?lang=en" hreflang="en" lang="en">English</a>`, ""},
		{"/search?lang=en", "es", `<html lang="en">`, ""},
		{"/search?lang=en", "es", `action="/search?lang=en#answer"`, `href="/coverage"`},
		{"/search?lang=tlh", "en", `<html lang="en">`, "lang=tlh"},
		{"/coverage?lang=es", "en", `Copiados aquí`, "Copied"},
		{"/terms?lang=es", "en", `Las condiciones están solo en inglés.`, ""},
		{"/nothing?lang=es", "en", `No existe esa página`, "no such page"},
	} {
		_, page := h.do("GET", c.path, "", "Accept-Language", c.accept, "Accept", "text/html")
		if !strings.Contains(page, c.want) || c.never != "" && strings.Contains(page, c.never) {
			t.Errorf("%s for %s: no %s, or %q, in %s", c.path, c.accept, c.want, c.never, page)
		}
	}
	for form, want := range map[string]string{"lastName=Testcase&dob=9+de+marzo+de+1971": "1 expediente",
		"lastName=Testcase&dob=ayer": "La fecha de nacimiento no se puede usar. Escríbala como", "state=CA": "California no está copiado aquí."} {
		if _, page := h.post("/search?lang=es", "key="+h.key+"&"+form); !strings.Contains(page, want) {
			t.Errorf("%s: the Spanish page lacks %q", form, want)
		}
	}
}

func TestThePageInSpanishInABrowser(t *testing.T) {
	h, _ := gallerySeen(t, uncovered)
	b := h.browser(t, "/?lang=es", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	b.submit(".card")
	b.until(`document.querySelector("#status").textContent === "La respuesta está abajo."`)
	if text := b.text("#answer"); !strings.Contains(text, "1 posible coincidencia") || !strings.Contains(text, "9 de marzo de 1971") ||
		!strings.Contains(text, "Hombre") || !strings.Contains(text, "Parecido muy fuerte") {
		t.Errorf("the answer in Spanish: %s", text)
	}
	b.look("es-face")
	b.click(".card form button")
	b.wait("article.record")
	b.there(`location.search === "?lang=es" && document.querySelector("#place")?.textContent === "Resultado 1 de 1"`)
	if text := b.text("#answer"); !strings.Contains(text, "Castaño") || !strings.Contains(text, "nivel de riesgo de New York") ||
		!strings.Contains(text, "Persona adulta") {
		t.Errorf("the record in Spanish: %s", text)
	}
	b.look("es-record")
	b.visit("/search?lang=es", "#submit")
	b.look("es-names")
	b.visit("/coverage?lang=es", ".coverage")
	b.look("es-coverage")
}

func TestTheNavigationStandsOnOneLine(t *testing.T) {
	h, _ := gallerySeen(t)
	b := h.browser(t, "/terms", "h1")
	for _, width := range []int64{360, 390, 1280} {
		do(b, chromedp.EmulateViewport(width, 740))
		for _, path := range []string{"/terms", "/terms?lang=es"} {
			b.visit(path, "h1")
			if lines := eval[int](b, `new Set([...document.querySelectorAll("header nav a")].map(a => `+
				`Math.round(a.getBoundingClientRect().top))).size`); lines != 1 {
				t.Errorf("%s at %d pixels: the navigation takes %d lines", path, width, lines)
			}
			if eval[bool](b, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s at %d pixels: the page is wider than the screen", path, width)
			}
		}
	}
}
