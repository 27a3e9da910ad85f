package scraper

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"lineup/schemas"
)

// join makes one draft of the parts of one registrant: lists are joined without repeats, single
// values are taken from the first part that has them.
func join(parts []Draft) Draft {
	whole := parts[0]
	for _, part := range parts[1:] {
		into, from := reflect.ValueOf(&whole.Record).Elem(), reflect.ValueOf(part.Record)
		// Photos go together with their requests, below.
		photos := whole.Record.Photos
		for i := range into.NumField() {
			joinValue(into.Field(i), from.Field(i))
		}
		whole.Record.Photos = photos
		for i, p := range part.Record.Photos {
			known := false
			for _, q := range whole.Record.Photos {
				known = known || q.URL == p.URL
			}
			if !known {
				whole.Record.Photos = append(whole.Record.Photos[:len(whole.Record.Photos):len(whole.Record.Photos)], p)
				whole.Photos = append(whole.Photos[:len(whole.Photos):len(whole.Photos)], part.Photos[i])
			}
		}
	}
	return whole
}

func joinValue(into, from reflect.Value) {
	if into.Kind() != reflect.Slice {
		if into.IsZero() {
			into.Set(from)
		}
		return
	}
	for i := range from.Len() {
		known := false
		for k := range into.Len() {
			known = known || reflect.DeepEqual(into.Index(k).Interface(), from.Index(i).Interface())
		}
		if !known {
			into.Set(reflect.Append(into.Slice3(0, into.Len(), into.Len()), from.Index(i)))
		}
	}
}

// stored is the head of a stored page: with the body after it, it can be parsed again.
type stored struct {
	Rule        string            `json:"rule"`
	Carry       map[string]string `json:"carry,omitempty"`
	Status      int               `json:"status"`
	ContentType string            `json:"contentType,omitempty"`
	Registrant  string            `json:"registrant"`
}

// evidence is what is kept of page for d: one line of JSON, then the bytes.
func evidence(page Page, d Draft) schemas.CapturedPage {
	head, _ := json.Marshal(stored{Rule: page.Request.Rule, Carry: page.Request.Carry, Status: page.Status,
		ContentType: page.Header.Get("Content-Type"), Registrant: d.Record.Key}) // strings and numbers always encode
	return schemas.CapturedPage{URL: page.URL, Data: append(append(head, '\n'), d.Evidence...), Read: page.Read}
}

// StoredPage makes a page of what evidence kept, for Parse.
func StoredPage(url string, data []byte) (Page, error) {
	line, body, ok := bytes.Cut(data, []byte("\n"))
	var head stored
	if !ok {
		return Page{}, errors.New("stored page without a head")
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return Page{}, fmt.Errorf("head of a stored page: %w", err)
	}
	page := Page{Request: Request{Rule: head.Rule, URL: url, Carry: head.Carry, Registrant: head.Registrant}, URL: url, Status: head.Status,
		Body: body, Header: map[string][]string{}}
	if head.ContentType != "" {
		page.Header.Set("Content-Type", head.ContentType)
	}
	return page, nil
}

// spool keeps drafts on disk until all parts of a registrant can be there: in memory stands
// only where each begins.
type spool struct {
	file  *os.File
	w     *bufio.Writer
	at    int64
	parts map[string][]int64
	order []string
}

// maxSpool bounds what a crawl puts aside on disk, in bytes.
const maxSpool = 16 << 30

// spooled is one part on disk.
type spooled struct {
	Draft Draft                  `json:"draft"`
	Pages []schemas.CapturedPage `json:"pages"`
}

func (s *spool) add(d Draft, pages []schemas.CapturedPage) error {
	if s.file == nil {
		f, err := os.CreateTemp("", "lineup-spool-*")
		if err != nil {
			return fmt.Errorf("make a spool: %w: %w", errSink, err)
		}
		s.file, s.w, s.parts = f, bufio.NewWriterSize(f, 1<<20), map[string][]int64{}
	}
	data, err := json.Marshal(spooled{d, pages})
	if err == nil {
		_, err = s.w.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the spool: %w: %w", errSink, err)
	}
	if s.at > maxSpool {
		return fmt.Errorf("%w: over %d bytes of parts of registrants", errEndless, int64(maxSpool))
	}
	key := d.Record.Key
	if s.parts[key] == nil {
		s.order = append(s.order, key)
	}
	s.parts[key] = append(s.parts[key], s.at)
	s.at += int64(len(data)) + 1
	return nil
}

// get reads the parts of key back.
func (s *spool) get(key string) ([]Draft, []schemas.CapturedPage, error) {
	var drafts []Draft
	var pages []schemas.CapturedPage
	for _, at := range s.parts[key] {
		var one spooled
		if err := json.NewDecoder(io.NewSectionReader(s.file, at, s.at-at)).Decode(&one); err != nil {
			return nil, nil, fmt.Errorf("read the spool: %w: %w", errSink, err)
		}
		drafts, pages = append(drafts, one.Draft), append(pages, one.Pages...)
	}
	return drafts, pages, nil
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
		*s = spool{}
	}
}
