package photo

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lineup/indexer/face"
)

// ftyp is the beginning of a file of ISO/IEC 14496-12 with these brands, the major one first.
func ftyp(brands ...string) []byte {
	out := append([]byte{0, 0, 0, byte(12 + 4*len(brands))}, "ftyp"+brands[0]+"\x00\x00\x00\x00"...)
	return append(out, strings.Join(brands[1:], "")+strings.Repeat("\x00", 40)...)
}

// Pictures that are not read are named, whatever their first bytes look like, and their senders
// are told what to do.
func TestFormatNames(t *testing.T) {
	jpegOf := func(sof, bits byte) []byte {
		return append([]byte{0xff, 0xd8, 0xff, sof, 0, 11, bits, 0, 16, 0, 16, 1, 1, 0x11, 0}, bytes.Repeat([]byte{0}, 50)...)
	}
	const prolog = "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- made > by -->\n"
	tga := append([]byte{0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 80, 0, 24, 0}, make([]byte, 300)...)
	for _, c := range []struct {
		name string
		data []byte
		want string // in the text; "" is not an image
	}{
		{"HEIC", ftyp("heic", "mif1"), "heic"},
		{"a phone's HEIF", ftyp("mif1", "miaf", "MiHB"), "heic"},
		{"a burst of HEIF", ftyp("msf1", "mif1", "heic"), "heic"},
		{"AVIF", ftyp("avif", "mif1"), "avif"},
		{"AVIF under a general brand", ftyp("mif1", "miaf", "avif"), "avif"},
		{"video", ftyp("isom", "mp42"), "video"},
		{"SVG", []byte("<svg xmlns="), "svg"},
		{"SVG with a prolog", []byte(prolog + "<!DOCTYPE svg PUBLIC>\n<svg>"), "svg"},
		{"XML", []byte(prolog + "<registry>"), ""},
		{"lossless JPEG", jpegOf(0xc3, 8), "lossless JPEG"},
		{"JPEG of 12 bits", jpegOf(0xc1, 12), "JPEG of 12 bits"},
		{"JPEG-LS", jpegOf(0xf7, 8), "JPEG-LS"},
		{"PPM", []byte("P6\n2 2\n255\n............"), "netpbm"},
		{"PGM", []byte("P5 2 2 255 ...."), "netpbm"},
		{"TGA", tga, "tga"},
		{"TGA with its signature", append(slices.Clone(tga[1:]), "TRUEVISION-XFILE.\x00"...), "tga"},
		{"TIFF", []byte("MM\x00*\x00\x00\x00\x08"), "tiff"},
		{"JPEG 2000 without a box", []byte("\xff\x4f\xff\x51\x00\x2f"), "jpeg2000"},
		{"a text that begins like it", []byte("P6 is where they parked"), ""},
		{"a text", []byte("Person 6"), ""},
	} {
		_, err := Decode(context.Background(), c.data, DefaultLimits(), Whole)
		want := face.CodeUnsupportedFormat
		if c.want == "" {
			want = face.CodeNotAnImage
		}
		if code(err) != want || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "JPEG or PNG") {
			t.Errorf("%s: %v, want %s %q", c.name, err, want, c.want)
		}
	}
}

// What some programs put before a picture is passed over; before anything else it is not.
func TestWhatStandsBeforeAPicture(t *testing.T) {
	whole := sampled(t, "p001a.jpg")
	want := decoded(t, whole)
	for _, before := range []string{"\r\n", "\n", "\xef\xbb\xbf", "\xef\xbb\xbf\r\n", " \t\r\n\r\n"} {
		p, err := Decode(context.Background(), append([]byte(before), whole...), DefaultLimits(), Whole)
		if err != nil {
			t.Errorf("%q: %v", before, err)
			continue
		}
		if !p.AsIs || !bytes.Equal(p.Data, whole) || apart(t, p.Image, want.Image) != 0 {
			t.Errorf("%q: as is %v, %d bytes", before, p.AsIs, len(p.Data))
		}
	}
	if _, err := Decode(context.Background(), append([]byte(strings.Repeat("\n", 17)), whole...), DefaultLimits(),
		Whole); code(err) != face.CodeNotAnImage {
		t.Errorf("a page of blank lines: %v", err)
	}
}

// The quality a JPEG was stored with is read off its tables.
func TestJPEGQuality(t *testing.T) {
	img := decoded(t, sampled(t, "p001a.jpg")).Image
	for _, quality := range []int{3, 8, 25, 50, 75, 90} {
		data, err := JPEG(img, quality)
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded(t, data).Quality; got < quality-1 || got > quality+1 {
			t.Errorf("stored with %d, read as %d", quality, got)
		}
	}
}

// Every allocation of the decoder and the encoder may fail: nothing is freed twice or left.
// The test compiles them with a malloc of its own.
func TestMemoryRunsOut(t *testing.T) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	program := filepath.Join(t.TempDir(), "memory")
	if out, err := exec.Command(cc, "-g", "-I.", "jpeg.c", "testdata/memory.c", "-ljpeg", "-o", program).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v: %s", err, out)
	}
	if out, err := exec.Command(program, "testdata/ycck.jpg", "testdata/progressive.jpg",
		"testdata/cmyk-plain.jpg").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
