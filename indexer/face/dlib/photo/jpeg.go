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
	"sync/atomic"
	"unsafe"

	"lineup/indexer/face"
)

// JPEGs go through libjpeg, which the embedder links anyway, and not through image/jpeg: that
// one gives nothing at all of a photo cut off at its end or with one broken block, which every
// browser shows, and cannot reduce while decoding.

func decodeJPEG(ctx context.Context, data []byte, limits Limits) (*Photo, error) {
	var info C.lineup_jpeg
	in := (*C.uchar)(unsafe.Pointer(&data[0]))
	C.lineup_jpeg_header(in, C.size_t(len(data)), &info)
	if info.status != C.JPEG_GOOD {
		return nil, unreadable("jpeg", fmt.Errorf("%s", C.GoString(&info.message[0])))
	}
	w, h := int(info.width), int(info.height)
	denom := 1
	for denom < 8 && max(w, h)/(denom*2) >= KeepSide {
		denom *= 2
	}
	out := image.Rect(0, 0, ceilDiv(w, denom), ceilDiv(h, denom))
	memory := int64(out.Dx()) * int64(out.Dy()) * 4
	if info.progressive != 0 {
		memory += int64(w) * int64(h) * 2 * int64(info.components)
	}
	if err := limits.check(w, h, memory, len(data)); err != nil {
		return nil, err
	}
	img := image.NewRGBA(out)
	var stop atomic.Int32
	defer context.AfterFunc(ctx, func() { stop.Store(1) })()
	info = decodeRows(data, denom, &stop, img)
	switch {
	case info.status == C.JPEG_STOPPED:
		return nil, errLate
	case info.status == C.JPEG_SCANS:
		return nil, &face.Problem{Code: face.CodeTooLarge, Text: "The photo is stored in more passes than any camera writes. Save it anew as a plain JPEG and try again."}
	case info.status == C.JPEG_BAD && int(info.rows) < out.Dy()/4:
		return nil, unreadable("jpeg", fmt.Errorf("%s", C.GoString(&info.message[0])))
	}
	if rows := max(int(info.rows), 0); info.status != C.JPEG_GOOD {
		fill(img.SubImage(image.Rect(0, rows, out.Dx(), out.Dy())).(*image.RGBA), 0x80) // as libjpeg shows missing data
	}
	turn := orientation(exifOf(data))
	p := &Photo{
		Image:   upright(img, turn),
		Format:  "jpeg",
		Width:   w,
		Height:  h,
		Damaged: info.warnings > 0 || info.status != C.JPEG_GOOD,
		Lost:    1 - float64(max(int(info.rows), 0))/float64(out.Dy()),
		AsIs:    denom == 1 && turn == 1 && info.components == 3 && info.warnings == 0 && info.status == C.JPEG_GOOD,
	}
	if turn >= 5 {
		p.Width, p.Height = h, w
	}
	return p, nil
}

// decodeRows fills img; it ends soon after stop is set.
func decodeRows(data []byte, denom int, stop *atomic.Int32, img *image.RGBA) (info C.lineup_jpeg) {
	C.lineup_jpeg_decode((*C.uchar)(unsafe.Pointer(&data[0])), C.size_t(len(data)), C.int(denom), (*C.int)(unsafe.Pointer(stop)),
		(*C.uchar)(unsafe.Pointer(&img.Pix[0])), C.int(img.Rect.Dx()), C.int(img.Rect.Dy()), &info)
	return info
}

// JPEG gives img as a baseline JPEG of the highest quality without chroma subsampling. The same
// pixels always give the same bytes.
func JPEG(img *image.RGBA) ([]byte, error) {
	img = packed(img)
	var n C.ulong
	b := img.Bounds()
	out := C.lineup_jpeg_encode((*C.uchar)(unsafe.Pointer(&img.Pix[0])), C.int(b.Dx()), C.int(b.Dy()), 100, &n)
	if out == nil {
		return nil, fmt.Errorf("encode %dx%d pixels as JPEG: libjpeg failed", b.Dx(), b.Dy())
	}
	defer C.free(unsafe.Pointer(out))
	return C.GoBytes(unsafe.Pointer(out), C.int(n)), nil
}

// exifOf finds the TIFF block of a JPEG's Exif segment; nil when there is none.
func exifOf(data []byte) []byte {
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker, size := data[at+1], int(data[at+2])<<8|int(data[at+3])
		if marker == 0xda || marker == 0xd9 || size < 2 || at+2+size > len(data) {
			return nil
		}
		if body := data[at+4 : at+2+size]; marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")) {
			return body[6:]
		}
		at += 2 + size
	}
	return nil
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
