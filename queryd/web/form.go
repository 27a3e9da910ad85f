package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"lineup/queryd/keys"
	"lineup/queryd/serve"
)

// Bounds of a form. The key comes before everything else: so many bytes are read to find it.
const (
	maxKeyPart = 8 << 10
	maxFields  = 64 << 10 // of all fields but the photo
	maxParts   = 100
)

// readForm reads a form without files, which carries its key itself.
func readForm(w http.ResponseWriter, r *http.Request) error {
	serve.UnpaidBody(w, r)
	err := r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(maxFields)
	}
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return serve.BadRequest("too_large", fmt.Sprintf("The form must be smaller than %d bytes.", over.Limit))
	case err != nil && !errors.Is(err, http.ErrNotMultipart):
		return badForm()
	}
	return nil
}

func badForm() error {
	return serve.BadRequest("bad_form", "The form could not be read, or it ended early. Send it again.")
}

// gate is a body of which only so many bytes may be read, until more are allowed.
type gate struct {
	io.ReadCloser
	left int64
}

var errShut = errors.New("more is sent than may be read")

func (g *gate) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errShut
	}
	n, err := g.ReadCloser.Read(p[:min(int64(len(p)), g.left)])
	g.left -= int64(n)
	return n, err
}

// faceForm is what the form of the face search says.
type faceForm struct {
	given string // the key as it was given
	key   keys.Key
	name  string // of the photo's file
	photo []byte // without one in the form, the demo photo, which a server cannot fill a chooser with
}

// readFaceForm reads the form of the face search, whose key comes in a header or as the first field:
// nothing behind it is read before it is known. The other fields are in r.PostForm then.
func (p *Pages) readFaceForm(w http.ResponseWriter, r *http.Request) (f faceForm, err error) {
	f.given, f.photo = serve.GivenKey(r), serve.DemoPhoto
	if f.given != "" {
		if f.key, err = p.serve.Authorize(r.Context(), w.Header(), f.given, true); err != nil {
			return f, err
		}
	}
	body := &gate{ReadCloser: r.Body, left: maxKeyPart}
	r.Body = body
	parts, err := r.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		r.Body, r.MultipartForm = body.ReadCloser, nil
		return f, p.readPhotolessForm(w, r, &f)
	}
	if err != nil {
		return f, badForm()
	}
	r.PostForm = url.Values{}
	if f.given == "" {
		if f.given, err = keyPart(parts); err != nil {
			return f, err
		}
		r.PostForm.Set("key", f.given)
		if f.key, err = p.serve.Authorize(r.Context(), w.Header(), f.given, true); err != nil {
			return f, err
		}
	}
	bound := int64(p.config.MaxPhoto) + maxFields
	if r.ContentLength > bound {
		return f, p.photoTooLarge()
	}
	if err := p.serve.PaidBody(w, r, f.key, bound); err != nil {
		return f, err
	}
	body.left = bound
	photo, name, err := p.readParts(r, parts)
	if err == nil {
		io.Copy(io.Discard, body) // what may stand behind the last field
		err = serve.OneKey(r, r.PostForm.Get("key"))
	}
	if photo != nil {
		f.photo, f.name = photo, name
	}
	return f, err
}

// readPhotolessForm reads a form that cannot hold a photo.
func (p *Pages) readPhotolessForm(w http.ResponseWriter, r *http.Request, f *faceForm) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	if err := serve.OneKey(r, r.PostForm.Get("key")); err != nil {
		return err
	}
	if f.given != "" {
		return nil
	}
	f.given = r.PostForm.Get("key")
	var err error
	f.key, err = p.serve.Authorize(r.Context(), w.Header(), f.given, true)
	return err
}

// keyPart reads the first field, which must be the key; "" for none.
func keyPart(parts *multipart.Reader) (string, error) {
	part, err := parts.NextPart()
	switch {
	case errors.Is(err, errShut), errors.Is(err, io.EOF):
		return "", nil
	case err != nil:
		return "", badForm()
	case part.FormName() != "key":
		return "", nil
	}
	value, err := io.ReadAll(part)
	if err != nil && !errors.Is(err, errShut) {
		return "", badForm()
	}
	return string(value), nil
}

// readParts reads the fields of a form into r.PostForm, and the photo, nil for none,
// with the name of its file.
func (p *Pages) readParts(r *http.Request, parts *multipart.Reader) (photo []byte, name string, err error) {
	room := int64(maxFields)
	for range maxParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return photo, name, nil
		}
		if err != nil {
			return nil, "", p.formProblem(err)
		}
		if part.FormName() == "photo" && photo == nil {
			var read bytes.Buffer
			read.Grow(int(max(0, min(r.ContentLength, int64(p.config.MaxPhoto)))))
			n, err := read.ReadFrom(io.LimitReader(part, int64(p.config.MaxPhoto)))
			if err != nil {
				return nil, "", p.formProblem(err)
			}
			if n >= int64(p.config.MaxPhoto) {
				return nil, "", p.photoTooLarge()
			}
			if n > 0 || part.FileName() != "" {
				photo, name = read.Bytes(), part.FileName()
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, room))
		if err != nil {
			return nil, "", p.formProblem(err)
		}
		if room -= int64(len(value)); room <= 0 {
			return nil, "", p.photoTooLarge()
		}
		r.PostForm.Add(part.FormName(), string(value))
	}
	return nil, "", badForm()
}

// formProblem says what an error of reading a form means.
func (p *Pages) formProblem(err error) error {
	var over *http.MaxBytesError
	if errors.Is(err, errShut) || errors.As(err, &over) {
		return p.photoTooLarge()
	}
	return badForm()
}
