package definition

import (
	"fmt"
	"regexp"
	"sync"

	"github.com/PuerkitoBio/goquery"
	"github.com/andybalholm/cascadia"
)

// compiled keeps regular expressions and selectors: definitions use the same ones for every page.
var compiled sync.Map

// Pattern compiles a regular expression that takes any letter case.
func Pattern(text string) (*regexp.Regexp, error) {
	if re, ok := compiled.Load("re:" + text); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile("(?i)" + text)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", text, err)
	}
	compiled.Store("re:"+text, re)
	return re, nil
}

// Selector compiles a CSS selector, nil when it is none.
func Selector(css string) goquery.Matcher {
	if m, ok := compiled.Load("css:" + css); ok {
		return m.(goquery.Matcher)
	}
	m, err := cascadia.Compile(css)
	if err != nil {
		return nil
	}
	compiled.Store("css:"+css, goquery.Matcher(m))
	return m
}
