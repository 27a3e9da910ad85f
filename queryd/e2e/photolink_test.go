package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"lineup/ingest/signing"
	"lineup/queryd"
	"lineup/queryd/keys"
	"lineup/queryd/photolink"
	"lineup/schemas"
)

// link is a link to a photo as the daemon signs it.
func (h *daemon) link(id, face schemas.UUID) string { return linkOf(h.t, fixedSecret, id, face) }

func linkOf(t testing.TB, secrets func(context.Context) ([]signing.PhotoSecret, error), id, face schemas.UUID) string {
	t.Helper()
	links, err := photolink.New(7, secrets, func() time.Time { return clock })
	must(t, err)
	return links.Path(id, face)
}

// storedSecrets are those of the ledger's bucket.
func storedSecrets(ctx context.Context) ([]signing.PhotoSecret, error) {
	return signing.PhotoSecrets(ctx, js)
}

// photoLinks are links to photos wherever they stand in an answer.
var photoLinks = regexp.MustCompile(`(?:/|lineup://)photos/[0-9a-f-]{36}[^"\\ <]*`)

// TestEveryLinkToAPhotoIsSigned asks everything that gives links to photos, and follows them without a key.
func TestEveryLinkToAPhotoIsSigned(t *testing.T) {
	h := town(t)
	id := h.gal.faces[0].Registrant
	photo := base64.StdEncoding.EncodeToString(jpeg("probe"))
	said := map[string]string{}
	_, said["/faces"] = h.keyed("POST", "/faces", faceBody(jpeg("probe"), `,"details":true`))
	_, said["/sexoffender"] = h.keyed("GET", "/sexoffender?mode=extensive&uuid="+string(id), "")
	_, said["DEMO"] = h.do("POST", "/faces", faceBody(demoPhoto(t)), "X-API-Key", "DEMO")
	_, said["page of faces"] = h.post("/", "key="+h.key)
	_, said["page of names"] = h.post("/search", "key="+h.key+"&lastName=Testcase")
	_, said["record"] = h.post("/record/"+string(id), "key="+h.key)
	for name, s := range backends(t, h, h.key) {
		for tool, in := range map[string]map[string]any{"search_faces": {"photoBase64": photo}, "search_offenders": {"uuid": id},
			"get_record": {"uuid": id}} {
			said[name+" "+tool] = call(t, s, tool, in).Content
		}
	}
	for where, text := range said {
		text = strings.NewReplacer("&amp;", "&", `\u0026`, "&").Replace(text)
		found := photoLinks.FindAllString(text, -1)
		if len(found) == 0 && where != "page of names" {
			t.Errorf("%s has no link to a photo: %.300s", where, text)
		}
		for _, link := range found {
			link = "/photos/" + strings.SplitN(link, "photos/", 2)[1]
			if response, body := h.do("GET", link, ""); response.StatusCode != http.StatusOK || body != string(jpeg("photo of 1")) ||
				!strings.Contains(response.Header.Get("Cache-Control"), "public") {
				t.Errorf("%s: %s: %d %.100s", where, link, response.StatusCode, body)
			}
		}
	}
}

func demoPhoto(t *testing.T) []byte {
	t.Helper()
	_, body := newNode(t).do("GET", "/assets/demo.jpg", "")
	return []byte(body)
}

// TestPhotosNeedALinkOrAKey holds that ids, which follow from public numbers, open nothing, and tell nothing.
func TestPhotosNeedALinkOrAKey(t *testing.T) {
	now := clock
	h := town(t, func(_ *queryd.Config, d *queryd.Deps) { d.Now = func() time.Time { return now } })
	f := h.gal.faces[0]
	nobody := schemas.RandomID()
	good, err := url.Parse(h.link(f.Registrant, f.ID))
	must(t, err)
	with := func(name, value string) string {
		u := *good
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, target := range map[string]string{
		"no link": "/photos/" + string(f.Registrant), "a face": "/photos/" + string(f.ID), "nobody": "/photos/" + string(nobody),
		"no id":         "/photos/x",
		"another photo": with("face", string(nobody)), "no face": with("face", ""), "a longer time": with("e", "2027-01-01"),
		"no time":           with("e", ""),
		"another signature": with("s", "AAAAAAAAAAAAAAAAAAAAAA"), "no signature": with("s", ""),
		"another's link": strings.Replace(good.String(), string(f.Registrant), string(nobody), 1),
	} {
		if response, body := h.do("GET", target, ""); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %.100s", name, response.StatusCode, body)
		}
		if response, _ := h.do("GET", target, "", "X-API-Key", "DEMO"); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s, with DEMO: %d", name, response.StatusCode)
		}
	}
	// With a key or a link, what is not there, or was, is the same 404.
	h.ledger.gone[schemas.RegistrantID("us-zz", "2")] = true
	var first string
	for name, id := range map[string]schemas.UUID{"never was": nobody, "was listed": schemas.RegistrantID("us-zz", "2")} {
		for _, ask := range []func() (*http.Response, string){
			func() (*http.Response, string) { return h.keyed("GET", "/photos/"+string(id), "") },
			func() (*http.Response, string) { return h.do("GET", h.link(id, ""), "") },
		} {
			response, body := ask()
			if first == "" {
				first = body
			}
			if response.StatusCode != http.StatusNotFound || body != first || !strings.Contains(body, "removed here") {
				t.Errorf("%s: %d %s", name, response.StatusCode, body)
			}
		}
	}
	if response, body := h.keyed("GET", "/photos/"+string(f.Registrant), ""); response.StatusCode != http.StatusOK ||
		body != string(jpeg("photo of 1")) ||
		!strings.Contains(response.Header.Get("Cache-Control"), "private") {
		t.Errorf("with a key: %d %v", response.StatusCode, response.Header)
	}
	// All links of a day are the same, and each is good for seven days and the rest of the last.
	now = clock.Add(time.Hour)
	var answer faceAnswer
	_, body := h.keyed("POST", "/faces", faceBody(jpeg("probe")))
	must(t, json.Unmarshal([]byte(body), &answer))
	if !strings.HasSuffix(answer.Matches[0].Image, good.String()) {
		t.Errorf("an hour later the link is %s, not %s", answer.Matches[0].Image, good)
	}
	now = time.Date(2026, 3, 11, 23, 59, 59, 0, time.UTC)
	if response, _ := h.do("GET", good.String(), ""); response.StatusCode != http.StatusOK {
		t.Errorf("on its last day: %d", response.StatusCode)
	}
	now = now.Add(time.Second)
	if response, body := h.do("GET", good.String(), ""); response.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "expired") {
		t.Errorf("after its last day: %d %s", response.StatusCode, body)
	}
}

// TestPhotoLinksOutliveARotation: the daemon that has not seen the new secret knows the new links, and the
// old ones hold until their time.
func TestPhotoLinksOutliveARotation(t *testing.T) {
	now := clock
	h := town(t, func(_ *queryd.Config, d *queryd.Deps) {
		d.Now, d.PhotoSecrets = func() time.Time { return now }, storedSecrets
	})
	f := h.gal.faces[0]
	signed := func() string { return linkOf(t, storedSecrets, f.Registrant, f.ID) }
	old := signed()
	must(t, signing.RotatePhotoLinks(t.Context(), js, time.Now().AddDate(1, 0, 0)))
	now = now.Add(10 * time.Second)
	fresh := signed()
	if fresh == old {
		t.Fatal("the secret is the same")
	}
	for name, link := range map[string]string{"new": fresh, "old": old} {
		if response, body := h.do("GET", link, ""); response.StatusCode != http.StatusOK {
			t.Errorf("the %s link: %d %s", name, response.StatusCode, body)
		}
	}
	must(t, signing.RotatePhotoLinks(t.Context(), js, clock)) // as of now, by the clock of the daemon
	now = now.Add(2 * time.Minute)
	if response, _ := h.do("GET", signed(), ""); response.StatusCode != http.StatusOK {
		t.Errorf("the newest link: %d", response.StatusCode)
	}
	for name, link := range map[string]string{"new": fresh, "old": old} {
		if response, _ := h.do("GET", link, ""); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("the %s link after all were ended: %d", name, response.StatusCode)
		}
	}
}

// TestPhotoLinksSpendNothingOfTheirAddress: a class looks at the same answer.
func TestPhotoLinksSpendNothingOfTheirAddress(t *testing.T) {
	now := clock
	h := limitedTown(t, "", &now)
	f := h.gal.faces[0]
	for range 10 {
		if status := h.from("198.51.100.7", "GET", h.link(f.Registrant, f.ID), ""); status != http.StatusOK {
			t.Fatalf("%d", status)
		}
	}
	if status := h.from("198.51.100.7", "GET", "/", ""); status != http.StatusOK {
		t.Errorf("a page after ten photos by links: %d", status)
	}
	for range 3 {
		h.from("198.51.100.7", "GET", "/photos/"+string(f.Registrant), "")
	}
	if status := h.from("198.51.100.7", "GET", "/photos/"+string(f.Registrant), ""); status != http.StatusTooManyRequests {
		t.Errorf("photos without links: %d", status)
	}
}

// TestMCPPhotosOfDEMO: who has only DEMO sees the photos of its answer, and no others.
func TestMCPPhotosOfDEMO(t *testing.T) {
	h := town(t)
	for name, s := range backends(t, h, keys.Demo) {
		got := call(t, s, "search_faces", map[string]any{"photoBase64": base64.StdEncoding.EncodeToString(demoPhoto(t))})
		link := photoLinks.FindString(strings.ReplaceAll(got.Content, `\u0026`, "&"))
		read, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: link})
		if err != nil || string(read.Contents[0].Blob) != string(jpeg("photo of 1")) {
			t.Errorf("%s: %s: %v, %v", name, link, read, err)
		}
		if read, err := s.ReadResource(t.Context(),
			&sdk.ReadResourceParams{URI: "lineup://photos/" + string(h.gal.faces[0].Registrant)}); err == nil {
			t.Errorf("%s: a photo by its id: %v", name, read)
		}
	}
}
