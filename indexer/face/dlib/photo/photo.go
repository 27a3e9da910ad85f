// Package photo reads photos of any make within limits, and gives upright opaque pixels of a
// bounded size. What it cannot read it answers with a *face.Problem.
//
// Three decoders see what strangers send. libjpeg (jpeg.c) gets every JPEG, once its header has shown a
// size within limits. Go's own decoders get PNG, GIF, BMP and WebP, within the same limits. libjpeg again,
// through go-face, gets only JPEGs: one that decoded here without a warning, or one encoded here from
// decoded pixels. libpng, which dlib is linked with, gets nothing.
package photo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"math"
	"time"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"lineup/indexer/face"
)

// keepPixels is how many pixels of a photo that is no JPEG are kept: more are reduced to that.
const keepPixels = 6_000_000

// Scale says at which scale (1 or less) the pixels of a photo of this many are wanted.
type Scale func(width, height int) float64

// Whole wants every pixel.
func Whole(int, int) float64 { return 1 }

// Limits bound what one photo may cost; they are checked before memory is spent.
type Limits struct {
	Bytes  int64         // of the file
	Pixels int64         // of the picture as stored
	Memory int64         // bytes that decoding needs, estimated from the file's header
	Time   time.Duration // of decoding
}

// DefaultLimits suit a phone's largest photos and a small server.
func DefaultLimits() Limits {
	return Limits{Bytes: 25 << 20, Pixels: 120e6, Memory: 384 << 20, Time: 10 * time.Second}
}

// Photo is a decoded photo.
type Photo struct {
	Image   *image.RGBA // upright, opaque, its origin at 0,0, perhaps reduced
	Format  string      // "jpeg", "png", "webp", "gif", "bmp"
	Width   int         // pixels of the upright photo before any reduction
	Height  int
	Damaged bool    // something was broken or missing, the rest is shown
	Lost    float64 // share of the rows, at the end as stored, that are missing
	Data    []byte  // the file, without what some programs put before it
	AsIs    bool    // Data is a JPEG that any decoder turns into exactly Image
	Quality int     // of a JPEG, 1..100, by its table of quantisation; 0 not known

	file *jpegFile // nil of the other formats
}

// Scale is the share of the photo's width and height that Image has.
func (p *Photo) Scale() float64 { return float64(p.Image.Rect.Dx()) / float64(p.Width) }

// At gives the pixels of the photo at about a scale: up to a seventh more on each side where that
// spares a copy, and enlarged from the whole photo where the scale is more than 1. A large JPEG is
// decoded anew where Image has less; Image is then what was decoded. Errors are those of Decode.
func (p *Photo) At(ctx context.Context, scale float64) (*image.RGBA, error) {
	if p.file != nil && p.Scale() < min(scale, 1)*0.99 {
		within, cancel := context.WithTimeout(ctx, p.file.limits.Time)
		defer cancel()
		img, _, err := p.file.decode(within, p.file.eighths(min(scale, 1)))
		if err = late(ctx, err, p.file.limits); err != nil {
			return nil, err
		}
		p.Image, p.AsIs = img, false
	}
	if has := p.Scale(); has < 1 && has >= scale*0.99 && has <= scale*1.15 {
		return p.Image, nil
	}
	at := func(v int) int { return max(1, int(math.Round(float64(v)*scale))) }
	return resize(p.Image, image.Pt(at(p.Width), at(p.Height))), nil
}

// Decode reads data: the pixels at the scale that is wanted, or more of them. Every error is a
// *face.Problem, but ctx's when the caller left.
func Decode(ctx context.Context, data []byte, limits Limits, scale Scale) (*Photo, error) {
	within, cancel := context.WithTimeout(ctx, limits.Time)
	defer cancel()
	p, err := decode(within, trimmed(data), limits, scale)
	if err = late(ctx, err, limits); err != nil {
		return nil, err
	}
	return p, nil
}

// late turns the error of a decoder that was ended into what ended it.
func late(ctx context.Context, err error, limits Limits) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errLate):
		return &face.Problem{Code: face.CodeTooLarge,
			Text: fmt.Sprintf("The photo takes more than %v to decode. Save it anew as a plain JPEG and try again.", limits.Time)}
	}
	return err
}

func decode(ctx context.Context, data []byte, limits Limits, scale Scale) (*Photo, error) {
	if ctx.Err() != nil {
		return nil, errLate
	}
	h, err := readHeader(data, limits, scale)
	if err != nil {
		return nil, err
	}
	if h.jpeg != nil {
		return h.jpeg.photo(ctx, scale)
	}
	return decodeOther(ctx, data, h)
}

// Check tells of a photo what Decode refuses by its size and header, and decodes no pixel. Every error is a *face.Problem.
func Check(data []byte, limits Limits, scale Scale) error {
	_, err := readHeader(trimmed(data), limits, scale)
	return err
}

// header is what is known of a photo before its pixels are decoded.
type header struct {
	format        string
	jpeg          *jpegFile // nil of the other formats
	width, height int       // as stored
	body          func(io.Reader) (image.Image, error)
	exif          []byte
}

// readHeader reads what a photo promises and holds it to the limits.
func readHeader(data []byte, limits Limits, scale Scale) (h header, err error) {
	if int64(len(data)) > limits.Bytes {
		return h, &face.Problem{Code: face.CodeTooLarge,
			Text: fmt.Sprintf("The photo has %d bytes; at most %d are read. Save it smaller and try again.", len(data), limits.Bytes)}
	}
	h.format = Sniff(data)
	var head func(io.Reader) (image.Config, error)
	switch h.format {
	case "jpeg":
		if h.jpeg, err = readJPEGHeader(data, limits); err == nil {
			err = h.jpeg.check(h.jpeg.eighths(scale(h.jpeg.width, h.jpeg.height)))
		}
		return h, err
	case "png":
		head, h.body, h.exif = png.DecodeConfig, png.Decode, pngExif(data)
	case "gif":
		head, h.body = gif.DecodeConfig, gif.Decode
	case "bmp":
		head, h.body = bmp.DecodeConfig, bmp.Decode
	case "webp":
		head, h.body = webp.DecodeConfig, webp.Decode
		if h.exif, err = scanWebP(data, limits); err != nil {
			return h, err
		}
	case "":
		return h, &face.Problem{Code: face.CodeNotAnImage, Text: "This is not a photo. Send a JPEG or PNG file."}
	default:
		return h, unsupported(h.format)
	}
	conf, err := head(bytes.NewReader(data))
	if err != nil {
		return h, unreadable(h.format, err)
	}
	h.width, h.height = conf.Width, conf.Height
	return h, limits.check(conf.Width, conf.Height, int64(conf.Width)*int64(conf.Height)*pixelBytes(conf.ColorModel), len(data))
}

func unsupported(format string) error {
	return &face.Problem{Code: face.CodeUnsupportedFormat, Text: "Photos of the format " + format +
		" cannot be read. Save it as JPEG or PNG and try again."}
}

func decodeOther(ctx context.Context, data []byte, h header) (*Photo, error) {
	img, err := h.body(&contextReader{ctx, bytes.NewReader(data)})
	if ctx.Err() != nil {
		return nil, errLate
	}
	if err != nil {
		// Go's decoder says of a cut-off PNG many things, depending on where the cut is.
		if h.format == "png" && !bytes.Contains(data, []byte("IEND")) {
			err = io.ErrUnexpectedEOF
		}
		return nil, unreadable(h.format, err)
	}
	// A GIF's frame may cover a part of its canvas only; the canvas is what a browser shows.
	canvas := image.Rect(0, 0, h.width, h.height)
	turn := orientation(h.exif)
	p := &Photo{Image: upright(onWhite(img, canvas), turn), Format: h.format, Width: h.width, Height: h.height, Data: data}
	if turn >= 5 {
		p.Width, p.Height = h.height, h.width
	}
	return p, nil
}

func pixelBytes(m color.Model) int64 {
	switch m {
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	case color.GrayModel:
		return 1
	}
	return 4
}

// pixelsPerByte is more than any photo with a face in it has. Decoders make room for all the
// pixels a header promises, so a few bytes must not promise many.
const pixelsPerByte = 512

func (l Limits) check(w, h int, memory int64, bytes int) error {
	switch {
	case w <= 0 || h <= 0:
		return unreadable("image", errors.New("it has no pixels"))
	case int64(w)*int64(h) > l.Pixels, memory > l.Memory:
		return &face.Problem{Code: face.CodeTooLarge,
			Text: fmt.Sprintf("The photo has %d x %d pixels, which is more than is read. Save it smaller (1000 pixels are plenty) and try again.", w,
				h)}
	case max(w, h) > 100*min(w, h):
		return &face.Problem{Code: face.CodeNotAnImage,
			Text: fmt.Sprintf("The picture is a line of %d x %d pixels, not a photo.", w, h)}
	case int64(w)*int64(h) > pixelsPerByte*int64(bytes):
		return &face.Problem{Code: face.CodeTruncated,
			Text: fmt.Sprintf("The file has %d bytes for %d x %d pixels: its end is missing, or it shows nothing. Send the whole file.", bytes, w,
				h)}
	}
	return nil
}

func unreadable(format string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &face.Problem{Code: face.CodeTruncated, Text: "The end of the photo is missing. Send the whole file."}
	}
	return &face.Problem{Code: face.CodeNotAnImage, Text: "The photo is broken: " + format + ": " + err.Error() +
		". Open it, save it anew and try again."}
}

// onWhite draws img on a white canvas, reduced where it is larger than is kept.
func onWhite(img image.Image, canvas image.Rectangle) *image.RGBA {
	size := canvas.Size()
	if pixels := float64(size.X) * float64(size.Y); pixels > keepPixels {
		shrink := math.Sqrt(keepPixels / pixels)
		size = image.Pt(max(1, int(float64(size.X)*shrink)), max(1, int(float64(size.Y)*shrink)))
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	fill(out, 0xff)
	if size == canvas.Size() {
		draw.Draw(out, img.Bounds(), img, img.Bounds().Min, draw.Over)
		return out
	}
	scale := float64(size.X) / float64(canvas.Dx())
	b := img.Bounds()
	to := image.Rect(int(float64(b.Min.X)*scale), int(float64(b.Min.Y)*scale), int(float64(b.Max.X)*scale), int(float64(b.Max.Y)*scale))
	draw.ApproxBiLinear.Scale(out, to.Intersect(out.Rect), img, b, draw.Over, nil)
	return out
}

// scanWebP checks every frame's own size, which may be anything beside the size in the file's
// header, and finds the Exif block.
func scanWebP(data []byte, limits Limits) (exif []byte, err error) {
	for at := 12; at+8 <= len(data); {
		kind, size := string(data[at:at+4]), int(binary.LittleEndian.Uint32(data[at+4:]))
		at += 8
		body := data[at:min(at+max(size, 0), len(data))]
		var w, h int
		switch {
		case kind == "EXIF":
			exif = bytes.TrimPrefix(body, []byte("Exif\x00\x00"))
		case kind == "VP8 " && len(body) >= 10:
			w, h = int(binary.LittleEndian.Uint16(body[6:]))&0x3fff, int(binary.LittleEndian.Uint16(body[8:]))&0x3fff
		case kind == "VP8L" && len(body) >= 5:
			bits := binary.LittleEndian.Uint32(body[1:])
			w, h = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
		}
		if w > 0 && h > 0 {
			if err := limits.check(w, h, int64(w)*int64(h)*4, len(data)); err != nil {
				return nil, err
			}
		}
		if size > len(data) {
			break
		}
		at += size + size&1
	}
	return exif, nil
}

// pngExif finds the eXIf block of a PNG; nil when there is none.
func pngExif(data []byte) []byte {
	for at := 8; at+12 <= len(data); {
		size, kind := int(binary.BigEndian.Uint32(data[at:])), string(data[at+4:at+8])
		if size > len(data)-at-12 || kind == "IDAT" {
			return nil
		}
		if kind == "eXIf" {
			return data[at+8 : at+8+size]
		}
		at += 12 + size
	}
	return nil
}

// errLate is decoding that was ended from outside.
var errLate = errors.New("decoding takes too long")

// contextReader ends a decoder that reads on after its time is over or its caller left.
type contextReader struct {
	ctx context.Context // of the one Decode it serves
	r   *bytes.Reader
}

func (h *contextReader) Read(p []byte) (int, error) {
	if h.ctx.Err() != nil {
		return 0, errLate
	}
	return h.r.Read(p[:min(len(p), 16<<10)])
}
