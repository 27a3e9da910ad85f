package notation

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

// LineEnds are elements that end a line of the text around them.
var LineEnds = map[string]bool{"br": true, "p": true, "div": true, "li": true, "tr": true, "dt": true, "dd": true, "ul": true}

// HTML is the text of s as a reader sees it: white space collapsed, a line for each block.
func HTML(s *goquery.Selection) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.TextNode:
			b.WriteString(strings.Map(Blank, n.Data))
			return
		case html.ElementNode:
			if n.Data == "script" || n.Data == "style" {
				return
			}
			if LineEnds[n.Data] {
				b.WriteByte('\n')
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
		if n.Type == html.ElementNode && LineEnds[n.Data] && n.Data != "br" {
			b.WriteByte('\n')
		}
	}
	for _, n := range s.Nodes {
		walk(n)
		b.WriteByte('\n')
	}
	return Lines(b.String())
}

// Blank makes every white space a plain one, so that only elements end lines.
func Blank(r rune) rune {
	if isSpace(r) {
		return ' '
	}
	return r
}

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' || r == '\v' || r == '\u00a0' || r == '\u200b' || r == '\ufeff'
}

// Clean collapses white space, non-breaking spaces included.
func Clean(text string) string { return strings.Join(strings.FieldsFunc(text, isSpace), " ") }

// Lines cleans each line of text and leaves out empty ones.
func Lines(text string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = Clean(line); line != "" {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// Silent are elements whose text no reader of the page sees.
var Silent = map[string]bool{"script": true, "style": true, "noscript": true, "head": true, "template": true, "option": true,
	"iframe": true}

var something = regexp.MustCompile(`[\pL\pN]`)

// Meaningful reports whether text holds a letter or digit: dashes and dots alone say nothing.
func Meaningful(text string) bool { return something.MatchString(text) }

// Fold makes names of columns and labels comparable.
func Fold(name string) string {
	return strings.ToLower(strings.TrimRight(strings.TrimLeft(Clean(name), "•·*- "), ": "))
}

// JSON is the text of a decoded JSON value; "" for null, objects and arrays.
func JSON(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return Lines(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// Title writes every word with one capital: what a site prints in capitals only.
func Title(text string) string {
	return titleWord.ReplaceAllStringFunc(strings.ToLower(text), func(w string) string {
		first, size := utf8.DecodeRuneInString(w)
		return string(unicode.ToTitle(first)) + w[size:]
	})
}

var titleWord = regexp.MustCompile(`\pL+`)
