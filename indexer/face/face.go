// Package face is the port to a face embedder: photo bytes in, the embedding of the face to
// search or enrol out, or a Problem that says why there is none.
//
// An Embedder may be called from many goroutines. The same bytes and purpose always give the
// same result. Nothing of a photo is kept or logged.
package face

import (
	"context"
	"errors"
	"io"

	"lineup/schemas"
)

// ErrBusy is returned by Embed when too many photos wait already: try again in a moment.
var ErrBusy = errors.New("embedder is busy")

// Purpose says what a photo is for: it decides which formats are taken and what is refused.
type Purpose int

// The purposes of an embedding.
const (
	Probe Purpose = iota // a searcher's photo: formats of the wire contract, poor photos refused
	Enrol                // a registry's photo: every format we can read, poor photos enrolled with warnings
)

// Embedder finds the face in a photo and computes its embedding.
type Embedder interface {
	// Model describes the embeddings. It never changes during the life of an Embedder.
	Model() schemas.Model
	// Embed finds the faces of photo and embeds the largest. The error is a *Problem when the
	// photo is at fault (try another photo, not again), ctx's error when the caller left, ErrBusy when
	// too many wait, and
	// anything else when the embedder is at fault.
	Embed(ctx context.Context, photo []byte, purpose Purpose) (Result, error)
	io.Closer
}

// Result is what was found in a photo.
type Result struct {
	Embedding []float32 // Model().Dimensions numbers
	Box       schemas.Box
	Others    []schemas.Box // the other faces found, largest first
	Quality   schemas.Quality
	Format    string // "jpeg", "png", "webp", "gif", "bmp"
	Width     int    // pixels of the upright photo
	Height    int
	Hash      uint64 // perceptual hash of the photo: alike photos differ in few bits; 0 when it could not be decoded
}

// Code is a stable name of what is wrong with a photo.
type Code string

// The codes. CodeSeveralFaces is only ever a warning.
const (
	CodeNoFace            Code = "no_face"
	CodeSeveralFaces      Code = "several_faces"
	CodeFaceTooSmall      Code = "face_too_small"
	CodeBlurred           Code = "blurred"
	CodeTooDark           Code = "too_dark"
	CodeTooBright         Code = "too_bright"
	CodeTurnedAway        Code = "turned_away"
	CodeNotAnImage        Code = "not_an_image"
	CodeUnsupportedFormat Code = "unsupported_format"
	CodeTooLarge          Code = "too_large"
	CodeTruncated         Code = "truncated"
)

// Problem is a photo that cannot be used, and what its sender can do about it.
type Problem struct {
	Code   Code
	Text   string // a sentence for people, with what to do
	Result Result // what was measured before giving up; may be zero
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.Text }
