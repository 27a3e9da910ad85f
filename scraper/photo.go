package scraper

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // photos come as any of these
	_ "image/jpeg" // "
	_ "image/png"  // "
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	_ "golang.org/x/image/webp" // "

	"lineup/schemas"
	"lineup/scraper/fetch"
)

// Problems of photos, as records tell them.
const (
	PhotoPlaceholder = "placeholder" // the site's picture for "no photo"
	PhotoMissing     = "missing"     // the site has none under the address it gives
	PhotoUnread      = "unread"      // could not be fetched this time
	PhotoNoImage     = "not_an_image"
	PhotoPolicy      = "not_kept" // the source's terms forbid to store it
)

// Bounds that distinguish a picture of a person from banners, badges and stubs.
const (
	minPhotoSide  = 40  // pixels of the short side
	maxPhotoRatio = 2.4 // of the sides: banners and badges are longer
	maxSharing    = 5   // people of one source with the same bytes; more is reported: a stub nobody has listed yet?
)

// stubWords occur in the addresses of pictures that show nobody.
var stubWords = []string{"noimage", "no_image", "no-image", "nophoto", "no_photo", "no-photo", "notavailable", "silhouette", "placeholder",
	"spacer.gif"}

var longNumber = regexp.MustCompile(`\d{4}`)

// takePhotos gives what is known of each of the draft's photos, fetching only those whose
// address, date or validator changed. Errors: what ends the run.
func (c *Crawl) takePhotos(ctx context.Context, d Draft, listing schemas.Listing) ([]schemas.CapturedPhoto, error) {
	var out []schemas.CapturedPhoto
	for i, photo := range d.Record.Photos {
		if i >= len(d.Photos) {
			return nil, fmt.Errorf("draft with %d photos and %d requests: %w", len(d.Record.Photos), len(d.Photos), ErrLayout)
		}
		taken, err := c.takePhoto(ctx, photo, d.Photos[i], listing)
		if err != nil {
			return nil, err
		}
		out = append(out, taken)
	}
	return out, nil
}

func (c *Crawl) takePhoto(ctx context.Context, photo schemas.Photo, r Request, listing schemas.Listing) (schemas.CapturedPhoto, error) {
	switch {
	case c.info.Policy.NoPhotos:
		return c.photo("not_kept", schemas.CapturedPhoto{Problem: PhotoPolicy}), nil
	case strings.HasPrefix(r.URL, "data:"):
		data, err := dataURL(r.URL)
		if err != nil {
			return c.photo("failed", schemas.CapturedPhoto{Problem: PhotoNoImage}), nil
		}
		return c.judgePhoto(data, nil), nil
	case IsStub(r.URL, c.info.Manners.StubURLs):
		return c.photo("placeholder", schemas.CapturedPhoto{Problem: PhotoPlaceholder}), nil
	}
	i := slices.IndexFunc(listing.Photos, func(p schemas.PhotoState) bool { return p.URL == photo.URL })
	var was schemas.PhotoState
	if i >= 0 && (listing.Photos[i].Digest != "" || listing.Photos[i].Problem == PhotoPlaceholder) {
		was = listing.Photos[i]
	}
	if was.URL != "" && !photo.Taken.IsZero() && photo.Taken == was.Taken {
		return c.photo("unchanged", was.Kept()), nil
	}
	if was.URL != "" && (was.ETag != "" || was.LastModified != "") {
		r.Header = http.Header.Clone(r.Header)
		if r.Header == nil {
			r.Header = http.Header{}
		}
		if was.ETag != "" {
			r.Header.Set("If-None-Match", was.ETag)
		}
		if was.LastModified != "" {
			r.Header.Set("If-Modified-Since", was.LastModified)
		}
	}
	page, err := c.fetchPhoto(ctx, r, was.Digest)
	switch {
	case err == nil && page.Status == http.StatusNotModified:
		return c.photo("unchanged", was.Kept()), nil
	case err == nil:
		return c.judgePhoto(page.Body, page.Header), nil
	case ctx.Err() != nil:
		return schemas.CapturedPhoto{}, context.Cause(ctx)
	}
	if r.Optional && errors.Is(err, fs.ErrNotExist) {
		return c.photo("none", schemas.CapturedPhoto{Problem: PhotoMissing}), nil
	}
	// One photo's refusal, robots rule or bad address is that photo's problem: only pages say whether a site wants us.
	c.errors.add(err)
	if errors.Is(err, fs.ErrNotExist) {
		return c.photo("failed", schemas.CapturedPhoto{Problem: PhotoMissing}), nil
	}
	if was.Digest != "" { // the old one stays until the new one can be read; no validators: it is asked for again
		return c.photo("failed", schemas.CapturedPhoto{Unchanged: was.Digest}), nil
	}
	return c.photo("failed", schemas.CapturedPhoto{Problem: PhotoUnread}), nil
}

// fetchPhoto fetches r. An image whose end is missing, or that has bytes after its end, may have been damaged on its
// way. It is fetched once more, and accepted if the bytes are the same again or as many as the site promised. An image
// that is already stored like that is not fetched twice. If a host refuses photo after photo, no more of its photos
// are requested in this run.
func (c *Crawl) fetchPhoto(ctx context.Context, r Request, known schemas.Digest) (Page, error) {
	host := ""
	if u, err := url.Parse(r.URL); err == nil {
		host = u.Host
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return Page{}, context.Cause(ctx)
	}
	c.mu.Lock()
	refused := c.refused[host]
	c.mu.Unlock()
	if refused >= photosRefused {
		return Page{}, fmt.Errorf("%d photos in a row were refused: %w", refused, fetch.ErrBlocked)
	}
	page, err := c.fetch(ctx, r)
	c.mu.Lock()
	if errors.Is(err, fetch.ErrBlocked) {
		c.refused[host]++
	} else if err == nil {
		c.refused[host] = 0
	}
	c.mu.Unlock()
	if err != nil || page.Status == http.StatusNotModified || whole(page.Body) || schemas.DigestOf(page.Body) == known {
		return page, err
	}
	again, err := c.fetch(ctx, r)
	if err != nil || again.Status == http.StatusNotModified || whole(again.Body) || bytes.Equal(page.Body, again.Body) ||
		again.Header.Get("Content-Length") == strconv.Itoa(len(again.Body)) {
		return again, err
	}
	return Page{}, errors.New("photo is cut short, and each time elsewhere")
}

// photosRefused is how many photos in a row a host may refuse before it is asked for no more of them.
const photosRefused = 10

// whole reports whether data is not a JPEG or PNG that lacks its end, or has it far from the end of its bytes.
func whole(data []byte) bool {
	tail := data[max(len(data)-1024, 0):]
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		return bytes.Contains(tail, []byte("\xff\xd9"))
	case bytes.HasPrefix(data, []byte("\x89PNG")):
		return bytes.Contains(tail, []byte("IEND"))
	}
	return true
}

// judgePhoto tells by its bytes whether data shows a person.
func (c *Crawl) judgePhoto(data []byte, header http.Header) schemas.CapturedPhoto {
	out := schemas.CapturedPhoto{ETag: header.Get("ETag"), LastModified: header.Get("Last-Modified")}
	size, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		out.Problem = PhotoNoImage
		return c.photo("failed", out)
	}
	short, long := min(size.Width, size.Height), max(size.Width, size.Height)
	digest := schemas.DigestOf(data)
	if short < minPhotoSide || float64(long) > maxPhotoRatio*float64(short) || slices.Contains(c.info.Manners.StubPhotos, string(digest)) {
		out.Problem = PhotoPlaceholder
		return c.photo("placeholder", out)
	}
	c.mu.Lock()
	c.photos[digest]++
	c.mu.Unlock()
	out.Data = data // shared or not: the indexer knows who shares it, also with earlier runs
	return c.photo("fetched", out)
}

// photo counts an outcome.
func (c *Crawl) photo(outcome string, p schemas.CapturedPhoto) schemas.CapturedPhoto {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Photos[outcome]++
	return p
}

// shared names the pictures that too many people have. The caller holds c.mu.
func (c *Crawl) shared() []string {
	var out []string
	for digest, n := range c.photos {
		if n > maxSharing {
			out = append(out, fmt.Sprintf("%d registrants have the photo %s: look at it, and if it shows nobody add it to the source's stubPhotos",
				n, digest))
		}
	}
	slices.Sort(out)
	return out
}

// IsStub reports whether a photo's address itself says that there is no photo: it contains a word for that, or asks
// for picture number zero. more are parts of addresses that mean the same at one source.
func IsStub(address string, more []string) bool {
	lower := strings.ToLower(address)
	for _, segment := range strings.FieldsFunc(lower, func(r rune) bool { return strings.ContainsRune("/?&=", r) }) {
		// The picture for "no photo" is nobody's own: where a number stands beside the word, the
		// word is somebody's name.
		if longNumber.MatchString(segment) {
			continue
		}
		for _, word := range stubWords {
			if strings.Contains(segment, word) {
				return true
			}
		}
	}
	for _, part := range append([]string{"/offices/"}, more...) {
		if part != "" && strings.Contains(lower, strings.ToLower(part)) {
			return true
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Path == "" || strings.HasSuffix(u.Path, "/") && u.RawQuery == "" {
		return true
	}
	for name, values := range u.Query() {
		switch strings.ToLower(name) {
		case "imageid", "imgid", "imid", "photoid":
			if id := values[len(values)-1]; id == "" || id == "0" {
				return true
			}
		}
	}
	return false
}

// dataURL decodes a data: URL (RFC 2397).
func dataURL(text string) ([]byte, error) {
	head, body, ok := strings.Cut(strings.TrimPrefix(text, "data:"), ",")
	if !ok {
		return nil, errors.New("data URL without a comma")
	}
	if strings.HasSuffix(head, ";base64") {
		data, err := base64.StdEncoding.DecodeString(strings.Map(notSpace, body))
		if err != nil {
			return nil, fmt.Errorf("data URL: %w", err)
		}
		return data, nil
	}
	plain, err := url.PathUnescape(body)
	if err != nil {
		return nil, fmt.Errorf("data URL: %w", err)
	}
	return []byte(plain), nil
}

func notSpace(r rune) rune {
	if r == ' ' || r == '\n' || r == '\r' || r == '\t' {
		return -1
	}
	return r
}
