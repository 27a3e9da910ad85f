// Package face is the port to a face embedder: photo bytes in, the embedding of the face to
// search or enrol out, or a Problem that says why there is none.
//
// An Embedder may be called from many goroutines. The same bytes and purpose always give the
// same result. Nothing of a photo is kept or logged.
package face

import (
	"context"
	"errors"
	"image"
	"io"
	"math/bits"

	"lineup/schemas"
)

// Purpose says what a photo is for: it decides which formats are taken and what is refused.
type Purpose int

// The purposes of an embedding.
const (
	Probe Purpose = iota // a searcher's photo: formats of the wire contract, poor photos and several faces refused
	Enrol                // a registry's photo: every format we can read, poor photos enrolled with warnings
)

// Embedder finds the face in a photo and computes its embedding.
type Embedder interface {
	// Model describes the embeddings. It never changes during the life of an Embedder.
	Model() schemas.Model
	// Embed finds the faces of photo and embeds the largest. The error is a *Problem when the
	// photo is at fault (try another photo, not again), ErrBusy when too many probes wait
	// already (try again soon), ctx's error when the caller left, and anything else when the
	// embedder is at fault. An Enrol never gets ErrBusy: it waits, behind the probes. Probes of
	// different owners (WithOwner) take turns: many of one owner delay those of another by one at most.
	Embed(ctx context.Context, photo []byte, purpose Purpose) (Result, error)
	io.Closer
}

// ErrBusy says that the embedder has as many probes waiting as it takes.
var ErrBusy = errors.New("the face embedder is busy")

// WithOwner says whose probes are embedded under ctx.
func WithOwner(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

// Owner is whose probe is embedded, "" for nobody in particular.
func Owner(ctx context.Context) string {
	owner, _ := ctx.Value(ownerKey{}).(string)
	return owner
}

type ownerKey struct{}

// Result is what was found in a photo.
type Result struct {
	Embedding []float32 // Model().Dimensions numbers
	Box       schemas.Box
	Others    []schemas.Box // the other faces found, largest first
	Quality   schemas.Quality
	Format    string // "jpeg", "png", "webp", "gif", "bmp"
	Width     int    // pixels of the upright photo
	Height    int
	// Hash is a perceptual hash of the whole photo: nearly identical photos differ in few of
	// its bits (HashDistance). Also set in a Problem's Result when the photo could be read,
	// so that placeholders, which show no face, can be recognised. 0 is not a hash.
	Hash uint64
}

// Located is a face that was found, with what another embedder needs of it.
type Located struct {
	Result
	Pixels *image.RGBA // the pixels it was found in: scaled, turned or with a border, as that took
	// Points are its landmarks in Pixels, in dlib's order: the corners of the right eye as seen in
	// the picture (outer, inner), of the left eye, and the base of the nose.
	Points []Point
}

// Point is a place in a picture; the middle of its first pixel is 0, 0.
type Point struct{ X, Y float64 }

// HashDistance is the number of bits (0..64) in which two perceptual hashes differ. At most
// NearHash says: the same picture, perhaps stored or scaled anew.
func HashDistance(a, b uint64) int { return bits.OnesCount64(a ^ b) }

// NearHash is the HashDistance up to which two photos count as the same picture.
const NearHash = 4

// Code is a stable name of what is wrong with a photo.
type Code string

// The codes. CodePartlyOutside and CodeDrawn are only ever warnings, and so are CodeBlurred, CodeTooDark,
// CodeTooBright and CodeTurnedAway where a face was found; CodeSeveralFaces is one where the other
// faces are less than about half as large as the one used, or the photo is a registry's.
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
	CodePartlyOutside     Code = "partly_outside"
	CodeDrawn             Code = "drawn" // a drawing, an icon or a rendering without shades
)

// Problem is a photo that cannot be used, and what its sender can do about it.
type Problem struct {
	Code   Code
	Text   string // a sentence for people, with what to do
	Result Result // what was measured before giving up; may be zero
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.Text }
