package photo

// #cgo LDFLAGS: -ljpeg
// #include <stdlib.h>
// #include "jpeg.h"
import "C"

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"math"
	"sync/atomic"
	"unsafe"

	"lineup/indexer/face"
)

// JPEGs go through libjpeg, which the embedder links anyway, and not through image/jpeg: that
// one gives nothing at all of a photo cut off at its end or with one broken block, which every
// browser shows, and cannot reduce while decoding.

// readJPEGHeader reads the sizes and how the pixels are stored.
func readJPEGHeader(data []byte, limits Limits) (*jpegFile, error) {
	if kind := unreadableJPEG(data); kind != "" {
		return nil, unsupported(kind)
	}
	var info C.lineup_jpeg
	C.lineup_jpeg_header((*C.uchar)(unsafe.Pointer(&data[0])), C.size_t(len(data)), &info)
	if info.status != C.JPEG_GOOD {
		return nil, unreadable("jpeg", fmt.Errorf("%s", C.GoString(&info.message[0])))
	}
	return &jpegFile{data: data, limits: limits, turn: orientation(exifOf(data)), width: int(info.width), height: int(info.height),
		components: int(info.components), progressive: info.progressive != 0}, nil
}

// photo reads the pixels at the scale that is asked for or a larger one.
func (f *jpegFile) photo(ctx context.Context, scale Scale) (*Photo, error) {
	p := &Photo{Format: "jpeg", Width: f.width, Height: f.height, Data: f.data, Quality: jpegQuality(f.data), file: f}
	eighths := f.eighths(scale(f.width, f.height))
	img, info, err := f.decode(ctx, eighths)
	if err != nil {
		return nil, err
	}
	p.Image = img
	p.Damaged = info.warnings > 0 || info.status != C.JPEG_GOOD
	p.Lost = 1 - float64(max(int(info.rows), 0))/float64(ceilDiv(f.height*eighths, 8))
	p.AsIs = eighths == 8 && f.turn == 1 && f.components == 3 && !p.Damaged
	if f.turn >= 5 {
		p.Width, p.Height = f.height, f.width
	}
	return p, nil
}

// jpegFile is a JPEG whose pixels can be had at several scales.
type jpegFile struct {
	data          []byte
	limits        Limits
	turn          int // Exif orientation
	width, height int // as stored
	components    int
	progressive   bool
}

// eighths is the smallest reduction libjpeg can decode with that leaves at least scale.
func (f *jpegFile) eighths(scale float64) int { return max(1, min(8, int(math.Ceil(scale*8-1e-9)))) }

func (f *jpegFile) check(eighths int) error {
	memory := int64(ceilDiv(f.width*eighths, 8)) * int64(ceilDiv(f.height*eighths, 8)) * 4
	if f.progressive {
		memory += int64(f.width) * int64(f.height) * 2 * int64(f.components)
	}
	return f.limits.check(f.width, f.height, memory, len(f.data))
}

// decode gives the upright pixels, reduced to eighths of their width and height.
func (f *jpegFile) decode(ctx context.Context, eighths int) (*image.RGBA, C.lineup_jpeg, error) {
	var info C.lineup_jpeg
	if err := f.check(eighths); err != nil {
		return nil, info, err
	}
	out := image.Rect(0, 0, ceilDiv(f.width*eighths, 8), ceilDiv(f.height*eighths, 8))
	img := image.NewRGBA(out)
	var stop atomic.Int32
	defer context.AfterFunc(ctx, func() { stop.Store(1) })()
	info = decodeRows(f.data, eighths, &stop, img)
	switch {
	case info.status == C.JPEG_STOPPED:
		return nil, info, errLate
	case info.status == C.JPEG_SCANS:
		return nil, info, &face.Problem{Code: face.CodeTooLarge,
			Text: "The photo is stored in more passes than any camera writes. Save it anew as a plain JPEG and try again."}
	case info.status == C.JPEG_BAD && int(info.rows) < out.Dy()/4:
		return nil, info, unreadable("jpeg", fmt.Errorf("%s", C.GoString(&info.message[0])))
	}
	if rows := max(int(info.rows), 0); info.status != C.JPEG_GOOD {
		fill(img.SubImage(image.Rect(0, rows, out.Dx(), out.Dy())).(*image.RGBA), 0x80) // as libjpeg shows missing data
	}
	return upright(img, f.turn), info, nil
}

// decodeRows fills img; it ends soon after stop is set.
func decodeRows(data []byte, eighths int, stop *atomic.Int32, img *image.RGBA) (info C.lineup_jpeg) {
	C.lineup_jpeg_decode((*C.uchar)(unsafe.Pointer(&data[0])), C.size_t(len(data)), C.int(eighths), (*C.int)(unsafe.Pointer(stop)),
		(*C.uchar)(unsafe.Pointer(&img.Pix[0])), C.int(img.Rect.Dx()), C.int(img.Rect.Dy()), &info)
	return info
}

// JPEG gives img as a baseline JPEG without chroma subsampling, of a quality (1..100, libjpeg's
// scale). The same pixels always give the same bytes.
func JPEG(img *image.RGBA, quality int) ([]byte, error) {
	img = packed(img)
	b := img.Bounds()
	// No picture takes more than twice its pixels and some tables, and few a fifth of that.
	for size := b.Dx()*b.Dy()/2 + 4096; size <= 8*(b.Dx()+16)*(b.Dy()+16)+8192; size *= 3 {
		out := make([]byte, size)
		n := C.lineup_jpeg_encode((*C.uchar)(unsafe.Pointer(&img.Pix[0])), C.int(b.Dx()), C.int(b.Dy()), C.int(quality),
			(*C.uchar)(unsafe.Pointer(&out[0])), C.size_t(size))
		if n > 0 {
			return out[:n], nil
		}
	}
	return nil, fmt.Errorf("encode %dx%d pixels as JPEG: libjpeg failed", b.Dx(), b.Dy())
}

// segments calls visit with each marker and body before the pixels, until it returns false.
func segments(data []byte, visit func(marker byte, body []byte) bool) {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, size := data[at+1], int(data[at+2])<<8|int(data[at+3])
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		if size < 2 || at+2+size > len(data) || !visit(marker, data[at+4:at+2+size]) || marker == 0xda || marker == 0xd9 {
			return
		}
		at += 2 + size
	}
}

// exifOf finds the TIFF block of a JPEG's Exif segment; nil when there is none.
func exifOf(data []byte) (tiff []byte) {
	segments(data, func(marker byte, body []byte) bool {
		if marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			tiff = body[6:]
		}
		return tiff == nil
	})
	return tiff
}

// unreadableJPEG names the kind of a JPEG that libjpeg does not decode; "" for the others.
func unreadableJPEG(data []byte) (kind string) {
	segments(data, func(marker byte, body []byte) bool {
		switch marker {
		case 0xc3, 0xc5, 0xc6, 0xc7, 0xcb, 0xcd, 0xce, 0xcf:
			kind = "lossless JPEG"
		case 0xf7:
			kind = "JPEG-LS"
		case 0xc0, 0xc1, 0xc2, 0xc9, 0xca:
			if len(body) > 0 && body[0] != 8 {
				kind = fmt.Sprintf("JPEG of %d bits", body[0])
			}
		default:
			return true
		}
		return false
	})
	return kind
}

// jpegQuality guesses the quality a JPEG was stored with, 1..100, from its first table of
// quantisation, by how libjpeg scales the standard's example table; 0 when there is none.
func jpegQuality(data []byte) (quality int) {
	// The beginning of the example table for luminance in the file's order, ITU-T T.81 table K.1.
	standard := [...]int{16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24}
	segments(data, func(marker byte, body []byte) bool {
		if marker != 0xdb || len(body) < 65 || body[0]>>4 != 0 {
			return true
		}
		sum, example := 0, 0
		for i, v := range standard {
			if body[1+i] < 255 { // more cannot be stored
				sum += int(body[1+i])
				example += v
			}
		}
		switch {
		case example == 0:
			quality = 1
		case sum > example:
			quality = max(1, (50*example+sum/2)/sum)
		default:
			quality = max(1, 100-50*sum/example)
		}
		return false
	})
	return quality
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
