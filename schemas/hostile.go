package schemas

import (
	"net/url"
	"reflect"
	"strings"
	"unicode"
)

// WebLink returns an address that may be shown as a link: http or https, with a host. For anything else, like
// javascript:, it returns "".
func WebLink(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https") {
		return ""
	}
	return address
}

// Clean removes characters that are not visible but change what is read: control characters other than line breaks
// and tabs, marks of writing direction, tags and other format characters. They can reverse or hide text.
func Clean(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	return strings.Map(func(c rune) rune {
		if hidden(c) {
			return -1
		}
		return c
	}, text)
}

// hidden reports whether a character is not seen. U+E0100 to U+E01EF choose variants of what they follow.
func hidden(c rune) bool {
	return c != '\n' && c != '\t' && c != '\r' && unicode.In(c, unicode.Cc, unicode.Cf) || c >= 0xE0100 && c <= 0xE01EF
}

// verbatim are the fields of a record that are identifiers; they are compared byte by byte and must not be changed.
var verbatim = map[string]bool{"Source": true, "Key": true, "Digest": true}

// Cleaned returns the record in the form in which it may be stored: every text through Clean, every link through
// WebLink. The record itself is not changed.
func (r Record) Cleaned() Record {
	r = cleaned(reflect.ValueOf(r)).Interface().(Record)
	r.URL = WebLink(r.URL)
	for i := range r.Photos {
		r.Photos[i].URL = WebLink(r.Photos[i].URL)
	}
	return r
}

// cleaned is a copy of v, in which all texts are clean.
func cleaned(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(Clean(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !verbatim[f.Name] {
				out.Field(i).Set(cleaned(v.Field(i)))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(cleaned(v.Index(i)))
		}
	}
	return out
}
