package e2e_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/ledongthuc/pdf"
	"golang.org/x/text/unicode/norm"
)

// printed is the page as it comes out of a printer: its text, blanks made one, and how many pictures are on it.
func (b tab) printed(name string) (text string, pictures int) {
	b.t.Helper()
	var sheet []byte
	do(b, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		result, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{})
		sheet = result.Data
		return err
	}))
	dir := filepath.Join("..", "..", "build", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".pdf"), sheet, 0o644); err != nil {
		b.t.Fatal(err)
	}
	reader, err := pdf.NewReader(bytes.NewReader(sheet), int64(len(sheet)))
	if err != nil {
		b.t.Fatal(err)
	}
	var all strings.Builder
	for i := range reader.NumPage() {
		p := reader.Page(i + 1)
		rows, err := p.GetTextByRow()
		if err != nil {
			b.t.Fatal(err)
		}
		for _, row := range rows {
			for _, word := range row.Content {
				all.WriteString(word.S)
			}
			all.WriteString("\n")
		}
		objects := p.Resources().Key("XObject")
		for _, key := range objects.Keys() {
			if objects.Key(key).Key("Subtype").Name() == "Image" {
				pictures++
			}
		}
	}
	return strings.Join(strings.Fields(norm.NFKC.String(all.String())), " "), pictures // ligatures are letters again
}

func TestWhatIsPrinted(t *testing.T) {
	h, _ := gallerySeen(t, uncovered)
	b := h.browser(t, "/", "#submit")
	b.demoChosen()
	b.set("#key", h.key)
	b.click("#filters summary")
	b.set("#ageMin", "20")
	b.submit(".card")
	b.until(`[...document.querySelectorAll(".card img")].every(i => i.naturalWidth > 0)`)
	notices := []string{"The registry is the authority", "34 U.S.C. 20920(f)", "operator@lineup.test", "Not a consumer report",
		"Positive identification needs fingerprints."}
	search := strings.TrimSpace(eval[string](b, `document.querySelector("#answer .sheet dl:last-child > div:last-child `+
		`dd")?.textContent ?? ""`))
	check := func(name string, pictures int, want, never []string) {
		t.Helper()
		text, n := b.printed(name)
		for _, w := range append(want, notices...) {
			if !strings.Contains(strings.ReplaceAll(text, " ", ""), strings.ReplaceAll(w, " ", "")) {
				t.Errorf("%s: the sheet lacks %q in %s", name, w, text)
			}
		}
		for _, w := range append(never, h.key, "API Key", "Save my", "Submit", "Print", "Clear", "Skip to", "Español") {
			if strings.Contains(text, w) {
				t.Errorf("%s: the sheet has %q in %s", name, w, text)
			}
		}
		if n < pictures {
			t.Errorf("%s: the sheet has %d pictures, not %d", name, n, pictures)
		}
	}
	check("print-faces", 2, []string{"What was asked", "DEMO.jpg", "Age from", "20", "March 4, 2026, 05:06 UTC", "Search number",
		"Rowan Testcase",
		"Very strong resemblance", "would look this alike", "https://registry.example.test/detail?id=1001", "2 of 3 registries were searched.",
		"California"}, []string{"Select profile photo"})
	if len(search) != 36 {
		t.Errorf("the search's id on the sheet is %q", search)
	}
	b.click(".card form button")
	b.wait("article.record")
	b.until(`document.querySelector(".photos img").naturalWidth > 0`)
	check("print-record", 1, []string{"Rowan Testcase", "1 Example Road", "Example offense", "https://registry.example.test/detail?id=1001",
		"March 4, 2026, 05:06 UTC"}, nil)
	b.visit("/search", "#lastName")
	b.set("#lastName", "Testcase")
	b.submit(".card")
	b.until(`[...document.querySelectorAll(".card img")].every(i => i.naturalWidth > 0)`)
	check("print-names", 1, []string{"What was asked", "Last name", "Testcase", "1 record", "https://registry.example.test/detail?id=1001",
		"Not searched", "California"}, []string{"First name", "Full record"})
	if eval[string](b, `(window.print = () => { window.printed = true; }, document.querySelector("[data-do=print]").click(), `+
		`String(window.printed))`) != "true" {
		t.Error("the print button does not print")
	}
}
