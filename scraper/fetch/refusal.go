package fetch

import (
	"bytes"
	"net/http"
	"strings"

	"golang.org/x/net/html"
)

// What a refusal looks like. A registry may name the service that protects it in a footer, load that service's script
// on every page, ask for cookies in a <noscript>, or mention rejected requests. So a mark counts only where it can be
// about the page itself: in its headline, at the beginning of a small page, or as a challenge that the reader must
// solve.

// headlines begin the title or the first words of a page that refuses.
var headlines = []string{
	"access denied", "access to this page has been denied", "attention required", "request rejected", "just a moment",
	"sorry, you have been blocked", "you have been blocked", "pardon our interruption", "request unsuccessful. incapsula incident",
}

// requests are what a small page that refuses says to its reader at its beginning.
var requests = []string{
	"verify you are human", "verify you are a human", "verify that you are a human", "verify that you are not a robot", "are you a robot",
	"unusual traffic from your", "automated access to this", "complete the security check", "please enable cookies",
	"enable javascript and cookies to continue", "please enable js and disable any ad blocker", "you have been blocked",
	"the requested url was rejected", "you have been logged out", "your session has expired",
}

// widgets are classes and ids of elements in which a reader proves to be human.
var widgets = []string{"g-recaptcha", "h-captcha", "cf-turnstile", "px-captcha", "botdetect", "challenge-form"}

// interstitials stand in scripts and frames of pages that are nothing but a challenge.
var interstitials = []string{
	"captcha-delivery.com", "cf_chl_", "chl_page", "captcha.perfdrive.com", "validate.perfdrive.com", "shieldsquare.com/captcha",
}

// anyMark holds all of them: most pages have none, which one pass tells.
var anyMark = newMarks(headlines, requests, widgets, interstitials)

const (
	smallPage = 1200 // characters of text: more than this is a page with something else to say
	firstSaid = 120  // characters in which a page says what it wants of its reader
	looked    = 256 << 10
)

// Refusal finds what marks a page, HTML or plain text, as one that refuses automated reading; "" when nothing does. own
// are further texts that only refusals of this source have, wherever they stand.
func Refusal(body []byte, own []string) string {
	body = body[:min(len(body), looked)]
	lower := bytes.ToLower(body)
	for _, mark := range own {
		if mark != "" && bytes.Contains(lower, []byte(strings.ToLower(mark))) {
			return mark
		}
	}
	if !anyMark.in(lower) {
		return ""
	}
	said := hear(lower)
	if mark := find(said.frames, interstitials); mark != "" {
		return mark
	}
	for _, headline := range []string{said.title, said.headline, said.text} {
		for _, mark := range headlines {
			if strings.HasPrefix(headline, mark) {
				return mark
			}
		}
	}
	text := said.text
	if text == "" {
		text = said.aside // a page that says nothing else
	}
	if len(text) > smallPage {
		return ""
	}
	if mark := find(text[:min(len(text), firstSaid)], requests); mark != "" {
		return mark
	}
	return said.widget
}

// Challenge returns what makes a reader of the page prove to be human; "" if nothing does. If a page lacks what it
// should have, a challenge of any size is the reason.
func Challenge(body []byte) string {
	lower := bytes.ToLower(body[:min(len(body), looked)])
	if !containsAny(lower, widgets) && !containsAny(lower, interstitials) {
		return ""
	}
	said := hear(lower)
	if said.widget != "" {
		return said.widget
	}
	return find(said.frames, interstitials)
}

func containsAny(text []byte, marks []string) bool {
	for _, mark := range marks {
		if bytes.Contains(text, []byte(mark)) {
			return true
		}
	}
	return false
}

func find(text string, marks []string) string {
	for _, mark := range marks {
		if strings.Contains(text, mark) {
			return mark
		}
	}
	return ""
}

// page is what a page says, by where it says it.
type page struct {
	title    string
	headline string // the first h1
	text     string // what its reader sees in it, footers apart
	aside    string // <noscript> and footers
	frames   string // scripts and the addresses of scripts and frames
	widget   string // the first of widgets
}

// hear takes an HTML page in lower case apart.
func hear(body []byte) page {
	var p page
	var text, aside, frames, title, headline strings.Builder
	at := html.NewTokenizer(bytes.NewReader(body))
	at.SetMaxBuf(2 * looked)
	var open struct{ script, style, title, aside, h1 int }
	h1s := 0
	for {
		kind := at.Next()
		switch kind {
		case html.ErrorToken:
			p.title, p.headline, p.text, p.aside, p.frames = squeeze(&title), squeeze(&headline), squeeze(&text), squeeze(&aside), frames.String()
			return p
		case html.TextToken:
			words := string(at.Text())
			switch {
			case open.script > 0:
				frames.WriteString(words)
			case open.style > 0:
			case open.title > 0:
				title.WriteString(words)
			case open.aside > 0:
				aside.WriteString(words + " ")
			default:
				text.WriteString(words + " ")
				if open.h1 > 0 && h1s == 1 {
					headline.WriteString(words)
				}
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, attributes := at.TagName()
			tag := string(name)
			step := 1
			if kind == html.EndTagToken {
				step = -1
			}
			if count := map[string]*int{"script": &open.script, "style": &open.style, "template": &open.style, "title": &open.title,
				"noscript": &open.aside, "footer": &open.aside, "h1": &open.h1}[tag]; count != nil && kind != html.SelfClosingTagToken {
				*count = max(*count+step, 0)
			}
			if tag == "h1" && step > 0 {
				h1s++
			}
			for attributes {
				var key, value []byte
				key, value, attributes = at.TagAttr()
				switch string(key) {
				case "class", "id":
					if p.widget == "" && open.aside == 0 && open.style == 0 {
						p.widget = find(string(value), widgets)
					}
				case "src":
					if tag == "script" || tag == "iframe" {
						frames.WriteString(" " + string(value))
					}
					if tag == "iframe" && strings.Contains(string(value), "_incapsula_resource") {
						p.widget = "_incapsula_resource"
					}
				}
			}
		}
	}
}

// squeeze is text with single spaces.
func squeeze(text *strings.Builder) string { return strings.Join(strings.Fields(text.String()), " ") }

// refusal finds what marks an answer as a refusal: HTML of any status, plain text of an error.
func refusal(answer *Page, own []string) string {
	kind := http.DetectContentType(answer.Body)
	if len(answer.Body) == 0 || !strings.HasPrefix(kind, "text/html") && !(strings.HasPrefix(kind, "text/") && answer.Status >= 400) {
		return ""
	}
	return Refusal(answer.Body, own)
}
