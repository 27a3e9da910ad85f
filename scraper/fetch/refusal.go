package fetch

import (
	"bytes"
	"net/http"
	"strings"
)

// blockMarks are texts that only pages refusing a program have, in lower case.
var blockMarks = []string{
	"g-recaptcha", "recaptcha/api.js", "h-captcha", "hcaptcha.com", "captcha-delivery.com", "cf-challenge", "cf_chl_",
	"cf-turnstile", "challenge-platform", "datadome", "_incapsula_resource", "shieldsquare", "perimeterx", "px-captcha",
	"botdetect", "verify you are a human", "are you a robot", "unusual traffic from your", "automated access to this",
}

// blockMark finds what marks a page as a refusal, whatever its status; "" when nothing does.
func blockMark(page *Page, more []string) string {
	kind := http.DetectContentType(page.Body)
	if len(page.Body) == 0 || !strings.HasPrefix(kind, "text/html") && !(strings.HasPrefix(kind, "text/") && page.Status >= 400) {
		return ""
	}
	text := bytes.ToLower(page.Body[:min(len(page.Body), 256<<10)])
	for _, marks := range [][]string{blockMarks, more} {
		for _, mark := range marks {
			if mark != "" && bytes.Contains(text, []byte(strings.ToLower(mark))) {
				return mark
			}
		}
	}
	if i := bytes.Index(text, []byte("<title>")); i >= 0 {
		title := text[i:min(i+200, len(text))]
		for _, mark := range []string{"access denied", "attention required", "request rejected", "just a moment"} {
			if bytes.Contains(title, []byte(mark)) {
				return mark
			}
		}
	}
	return ""
}
