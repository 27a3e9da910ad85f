package read

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"lineup/schemas"
	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/forms"
	"lineup/scraper/fetch"
)

// maxImport bounds the records of an import, in bytes. Photos are read one at a time.
const maxImport = 1 << 30

// importBase is where the files of an import seem to be. It is a name that no network has, and
// only a folder's RoundTrip answers for it.
const importBase = "http://import.invalid/"

// Import makes a source that reads path in the place of its site, and the transport that a
// crawl must use for it. path is a file in a form that one of the definition's steps reads, or a
// folder of such files; photos lie in the folder (or beside the file) under the paths that the
// records give, or under the registrant's key: KEY.jpg, KEY-2.jpg.
func (s *Source) Import(path string) (*Source, http.RoundTripper, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, schemas.Misuse("import into %s: %w", s.def.ID, err)
	}
	f := &folder{photo: map[string]string{}, named: map[string][]string{}, claims: map[string]string{}}
	dir := path
	if !info.IsDir() {
		dir = filepath.Dir(path)
	}
	if f.root, err = os.OpenRoot(dir); err != nil {
		return nil, nil, fmt.Errorf("import into %s: %w", s.def.ID, err)
	}
	if err := f.list(); err != nil {
		return nil, nil, fmt.Errorf("import into %s: %w", s.def.ID, err)
	}
	if info.IsDir() {
		err = f.readDir(s.def)
	} else {
		err = f.readFile(s.def, filepath.Base(path))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("import into %s: %w", s.def.ID, err)
	}
	out := *s
	out.files = f
	out.base, err = url.Parse(importBase)
	return &out, f, err
}

// Of is s for what one agency hands over: a source of its own, that is only imported. Errors: schemas.ErrAgency.
func (s *Source) Of(agency string) (*Source, error) {
	id, err := schemas.AgencySource(s.def.ID, agency)
	if err != nil {
		return nil, err
	}
	_, name := schemas.SplitSource(id)
	out, def := *s, *s.def
	def.ID, def.Name, def.Mode = id, def.Name+" ("+name+")", scraper.Import
	out.def, out.opt.def = &def, &def
	return &out, nil
}

var photoExt = map[string]bool{".jpg": true, ".jpeg": true, ".png": true, ".gif": true, ".webp": true}

func (f *folder) list() error {
	return fs.WalkDir(f.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0 || entry.IsDir() || forms.Litter(name):
		case photoExt[strings.ToLower(path.Ext(name))]:
			at := strings.ToLower(name)
			f.photo[at] = name
			f.named[path.Base(at)] = append(f.named[path.Base(at)], at)
		default:
			f.data = append(f.data, name)
		}
		return nil
	})
}

// stepFor finds the step that reads files of name's kind.
func stepFor(def *definition.Definition, name string) (string, bool) {
	ext := strings.TrimPrefix(strings.ToLower(path.Ext(name)), ".")
	for _, rule := range slices.Sorted(maps.Keys(def.Steps)) {
		as := def.Steps[rule].As
		if def.Steps[rule].Record != nil && (as == ext || as == "arcgis" && ext == "json" || (as == "tsv" || as == "fixed") && ext == "txt") {
			return rule, true
		}
	}
	return "", false
}

func (f *folder) readFile(def *definition.Definition, name string) error {
	rule, ok := stepFor(def, name)
	if !ok {
		return fmt.Errorf("no step of the definition reads %s files; lineup sources show %s lists the steps", path.Ext(name), def.ID)
	}
	f.rule = rule
	var err error
	f.records, err = f.read(name, maxImport)
	return err
}

// readDir packs the tables of a folder as the archive they would come in, or reads its one file.
func (f *folder) readDir(def *definition.Definition) error {
	rule, zipped := stepFor(def, "a.zip")
	var tables, formats []string
	for _, name := range f.data {
		switch {
		case zipped && tableFor(def.Steps[rule].Tables, name) != "":
			tables = append(tables, name)
		case zipped && formatOf(def.Steps[rule].Tables, name) != "":
			formats = append(formats, name)
		}
	}
	if len(tables) > 0 {
		f.rule = rule
		return f.pack(append(tables, formats...))
	}
	var usable []string
	for _, name := range f.data {
		if _, ok := stepFor(def, name); ok {
			usable = append(usable, name)
		}
	}
	if len(usable) != 1 {
		want := "one"
		if tables := tableFiles(def.Steps[rule]); len(tables) > 0 {
			want += ", or its tables " + strings.Join(tables, ", ")
		}
		return fmt.Errorf("the folder holds %d files that the definition reads, want %s (lineup sources list says what each source reads)",
			len(usable), want)
	}
	return f.readFile(def, usable[0])
}

func tableFiles(step definition.Step) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(step.Tables)) {
		all = append(all, step.Tables[name].File)
	}
	return all
}

func (f *folder) pack(names []string) error {
	var body bytes.Buffer
	w := zip.NewWriter(&body)
	slices.Sort(names)
	for _, name := range names {
		data, err := f.read(name, maxImport-int64(body.Len()))
		if err != nil {
			return err
		}
		entry, err := w.Create(name)
		if err == nil {
			_, err = entry.Write(data)
		}
		if err != nil {
			return fmt.Errorf("pack the folder's tables: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack the folder's tables: %w", err)
	}
	f.records = body.Bytes()
	return nil
}

func (f *folder) read(name string, most int64) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close() // read only; nothing to lose
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("larger than %d bytes", most)
	}
	return data, err
}

// photos are the pictures named after a key, for records that name none of the folder's.
func (f *folder) photos(key string) ([]schemas.Photo, []scraper.Request) {
	var photos []schemas.Photo
	var asks []scraper.Request
	for n := 1; n <= 9; n++ {
		stem := strings.ToLower(key)
		if n > 1 {
			stem = fmt.Sprintf("%s-%d", stem, n)
		}
		for _, ext := range slices.Sorted(maps.Keys(photoExt)) {
			if paths := f.named[stem+ext]; len(paths) == 1 {
				at := addressOf(paths[0])
				photos = append(photos, schemas.Photo{URL: at})
				asks = append(asks, scraper.Request{Rule: "photo", URL: at})
			}
		}
	}
	return photos, asks
}

// pair gives a record of the folder its photos. Those it names by a path lie in the folder; an
// address on a network is never asked. Where a named photo is not there, what is named after the registrant stands in for it;
// where nothing does the address stays, and is missing or unread.
func (f *folder) pair(key string, photos []schemas.Photo, asks []scraper.Request) ([]schemas.Photo, []scraper.Request) {
	there := false
	for i := range photos {
		at, err := url.Parse(photos[i].URL)
		if err != nil {
			continue
		}
		local := strings.HasPrefix(photos[i].URL, importBase)
		_, err = f.find(at.Path)
		if !local || errors.Is(err, fs.ErrNotExist) {
			own := f.named[strings.ToLower(path.Base(at.Path))]
			if len(own) != 1 || !namedAfter(own[0], key) {
				continue
			}
			photos[i].URL = addressOf(own[0])
			asks[i].URL = photos[i].URL
		} else if bare := strings.Trim(strings.ToLower(at.Path), "/"); !strings.Contains(bare, "/") && f.photo[bare] == "" {
			f.claim(bare, key)
		}
		there = true
	}
	if there {
		return photos, asks
	}
	if own, ownAsks := f.photos(key); len(own) > 0 {
		for i := range min(len(own), len(photos)) {
			own[i].Taken, own[i].View = photos[i].Taken, photos[i].View
		}
		return own, ownAsks
	}
	return photos, asks
}

// addressOf is where a photo of the folder seems to be.
func addressOf(name string) string { return importBase + (&url.URL{Path: name}).EscapedPath() }

// namedAfter reports whether a file is called as a registrant is: KEY.jpg, KEY_front.jpg, and not KEY1.jpg.
func namedAfter(file, key string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(path.Base(file)), strings.ToLower(key))
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && key != "" && !unicode.IsLetter(next) && !unicode.IsDigit(next)
}

// claim notes that a record names a photo that lies in another folder by its bare name. What two registrants claim is nobody's.
func (f *folder) claim(bare, key string) {
	f.mu.Lock() // a large file is read row by row, while photos of the rows before are asked for
	defer f.mu.Unlock()
	if first, ok := f.claims[bare]; ok && first != key {
		key = ""
	}
	f.claims[bare] = key
}

// find gives the name of the photo at a path that a record gave: relative to the folder, or to
// where its tables lie. A bare name that only one photo has, and only one record gives, will do. Errors: fs.ErrNotExist, and
// an error that names the candidates where there are several.
func (f *folder) find(at string) (string, error) {
	at = strings.ToLower(strings.TrimPrefix(path.Clean("/"+at), "/"))
	if name, ok := f.photo[at]; ok {
		return name, nil
	}
	f.mu.Lock()
	key, claimed := f.claims[at]
	f.mu.Unlock()
	if claimed && key == "" {
		return "", fmt.Errorf("photo %s is named by several records: %w", at, errAmbiguous)
	}
	var fitting []string
	for _, candidate := range f.named[path.Base(at)] {
		if strings.HasSuffix(candidate, "/"+at) {
			fitting = append(fitting, candidate)
		}
	}
	switch len(fitting) {
	case 0:
		return "", fs.ErrNotExist
	case 1:
		return f.photo[fitting[0]], nil
	}
	return "", fmt.Errorf("photo %s may be any of %s: %w", at, strings.Join(fitting, ", "), errAmbiguous)
}

var errAmbiguous = errors.New("the record must name it by its path in the folder")

// ambiguous reports whether an address of the folder names a photo that several files could be.
func (f *folder) ambiguous(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host != "import.invalid" {
		return false
	}
	_, err = f.find(u.Path)
	return errors.Is(err, errAmbiguous)
}

// RoundTrip answers for the folder, and for nothing else: an import asks no network.
func (f *folder) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "import.invalid" {
		if r.URL.Path == "/robots.txt" {
			return answer(r, http.StatusNotFound, nil, ""), nil
		}
		return answer(r, http.StatusBadRequest, nil, ""), nil // not tried again, and not known to be gone
	}
	var body []byte
	if r.URL.Path == "/records" {
		body = f.records
	} else {
		name, err := f.find(r.URL.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return answer(r, http.StatusNotFound, nil, ""), nil
		case errors.Is(err, errAmbiguous):
			return answer(r, http.StatusBadRequest, nil, ""), nil
		}
		if err == nil {
			body, err = f.read(name, fetch.DefaultMaxBody)
		}
		if err != nil {
			return nil, fmt.Errorf("import: read a photo: %w", err)
		}
	}
	tag := `"` + string(schemas.DigestOf(body)) + `"`
	if r.Header.Get("If-None-Match") == tag {
		return answer(r, http.StatusNotModified, nil, tag), nil
	}
	return answer(r, http.StatusOK, body, tag), nil
}

func answer(r *http.Request, status int, body []byte, tag string) *http.Response {
	h := http.Header{}
	if tag != "" {
		h.Set("ETag", tag)
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
