package fetch_test

import (
	"strings"
	"testing"

	"lineup/scraper/fetch"
)

// detail is an ordinary page of one person, as small as they come; %s is where something else stands.
const detail = `<!DOCTYPE html><html><head><title>Offender details</title>HEAD</head><body>TOP
<div id="offender"><h1 class="name">Wendell Fabricated</h1>
<img src="/Image/1"><div>Date of Birth: 01/02/1970</div><div>Gender: Male</div><div>Height: 5' 11"</div>
<h2>Addresses</h2><div>1 Unreal St<br>Notown, NE 00001</div>
<h2>Convictions</h2><div>Crime: Invented Offense</div></div>END</body></html>`

// TestOrdinaryPagesAreNotRefusals has on ordinary pages what registries and those who protect them write there.
func TestOrdinaryPagesAreNotRefusals(t *testing.T) {
	for _, part := range []string{
		`<noscript>Please enable cookies and JavaScript to use this site.</noscript>`,
		`<noscript><p>Please enable cookies</p></noscript>`,
		`<footer>This site is protected by DataDome. Are you a robot? Read our notice on automated access to this site.</footer>`,
		`<div class="footer">protected by DataDome</div>`,
		`<div>Please enable cookies to see the map.</div>`,
		`<p>Protected by PerimeterX and Shieldsquare</p>`,
		`<a href="/faq">Why was my removal request rejected?</a>`,
		`<h2>Why was my removal request rejected?</h2><p>When access denied letters were sent.</p>`,
		`<script src="https://js.datadome.co/tags.js"></script>`,
		`<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>`,
		`<script src="/_Incapsula_Resource?SWJIYLWA=719d34d31c8e3a6e6fffd425f7e032f3"></script>`,
		`<script src="https://www.google.com/recaptcha/api.js?render=x"></script>`,
		`<script>var message = "Your session has expired"; function f() { alert("Please enable cookies"); }</script>`,
		`<!-- just a moment... g-recaptcha access denied -->`,
		`<template><div class="g-recaptcha"></div></template>`,
	} {
		for _, at := range []string{"HEAD", "TOP", "END"} {
			if at != "END" && (strings.HasPrefix(part, "<div") || strings.HasPrefix(part, "<p>") || strings.HasPrefix(part, "<h2>")) {
				continue
			}
			if mark := fetch.Refusal([]byte(strings.Replace(detail, at, part, 1)), nil); mark != "" {
				t.Errorf("%s at %s: refused for %q", part, at, mark)
			}
		}
	}
	long := strings.Repeat("<p>Terms of use and how to read this register, at some length.</p>", 40)
	if mark := fetch.Refusal([]byte(strings.Replace(detail, "END", long+`<form><div class="g-recaptcha"></div>Tell us of an error</form>`, 1)),
		nil); mark != "" {
		t.Errorf("a form at the foot of a long page: refused for %q", mark)
	}
}

// TestRefusals are the shapes of pages that refuse a program.
func TestRefusals(t *testing.T) {
	for name, body := range map[string]string{
		"Cloudflare's challenge": `<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><noscript>Enable JavaScript and ` +
			`cookies to continue</noscript><script>window._cf_chl_opt={}</script></body></html>`,
		"Cloudflare's block": `<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>` +
			`<div id="cookie-alert">Please enable cookies.</div><h1>Sorry, you have been blocked</h1></body></html>`,
		"DataDome's challenge": `<html><head><title>registry.example</title></head><body><p id="cmsg">Please enable JS and disable any ad ` +
			`blocker</p><script src="https://ct.captcha-delivery.com/c.js"></script></body></html>`,
		"Imperva's frame": `<html><body><iframe id="main-iframe" src="/_Incapsula_Resource?SWUDNSAI=9">Request unsuccessful. ` +
			`Incapsula incident ID: 1</iframe></body></html>`,
		"PerimeterX's challenge": `<html><head><title>Human check</title></head><body><h1>Press and hold</h1><div id="px-captcha"></div>` +
			`</body></html>`,
		"F5's rejection": `<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult ` +
			`with your administrator.</body></html>`,
		"a CAPTCHA and little else": `<h1>x</h1><div class="g-recaptcha">`,
		"a request in words":        `<html><body><h2>One more step</h2><p>Please verify you are a human to go on.</p></body></html>`,
		"bare words":                `<!DOCTYPE html><html>Access Denied`,
		"cookies and nothing else":  `<html><body><noscript>Please enable cookies</noscript></body></html>`,
		"a session that ended": `<html><head><title>Registry</title></head><body><p>Your session has expired. Start again.</p>` +
			`</body></html>`,
		"plain text": `Access denied: automated access to this site is forbidden`,
	} {
		if fetch.Refusal([]byte(body), nil) == "" {
			t.Errorf("%s was taken for an ordinary page", name)
		}
	}
	if fetch.Refusal([]byte("<p>Come back with a Ticket</p>"), []string{"come back with a ticket"}) == "" {
		t.Error("the source's own words were not found")
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte(detail))
	f.Add([]byte(`<title>just a moment<div class="g-recaptcha`))
	f.Fuzz(func(t *testing.T, body []byte) {
		fetch.Refusal(body, []string{"x"})
		fetch.Challenge(body)
	})
}
