package photo

import (
	"bytes"
	"encoding/binary"
)

// magics are how files of each format begin: with these bytes, at this place. Those that a reader
// follows with line breaks come first.
var magics = [...]struct {
	name, magic string
	at          int
}{
	{"jpeg", "\xff\xd8\xff", 0}, {"png", "\x89PNG\r\n\x1a\n", 0}, {"gif", "GIF87a", 0}, {"gif", "GIF89a", 0},
	{"webp", "WEBPVP8", 8}, {"bmp", "BM", 0},
	{"tiff", "II*\x00", 0}, {"tiff", "MM\x00*", 0}, {"jpeg2000", "jP  \r\n\x87\n", 4}, {"jpeg2000", "\xff\x4f\xff\x51", 0},
	{"jpegxl", "\xff\x0a", 0}, {"jpegxl", "JXL \r\n\x87\n", 4}, {"icon", "\x00\x00\x01\x00", 0}, {"pdf", "%PDF-", 0},
	{"photoshop", "8BPS", 0}, {"postscript", "%!PS", 0}, {"qoi", "qoif", 0}, {"jpeg-xr", "II\xbc", 0},
}

// Sniff names the format of data by its first bytes: one of those Decode reads, a format that
// it does not ("heic", "tiff" ...), or "" for what is no picture.
func Sniff(data []byte) string {
	data = trimmed(data)
	for _, f := range magics {
		if len(data) >= f.at+len(f.magic) && string(data[f.at:f.at+len(f.magic)]) == f.magic {
			return f.name
		}
	}
	switch {
	case len(data) >= 12 && string(data[4:8]) == "ftyp":
		return brand(data)
	case isSVG(data):
		return "svg"
	case len(data) >= 4 && data[0] == 'P' && data[1] >= '1' && data[1] <= '7' && bytes.IndexByte([]byte(" \t\r\n"), data[2]) >= 0 &&
		(data[3] == '#' || data[3] == 'W' || data[3] >= '0' && data[3] <= '9'):
		return "netpbm"
	case bytes.HasSuffix(data, []byte("TRUEVISION-XFILE.\x00")) || isTGA(data):
		return "tga"
	}
	return ""
}

// brand names what a file of ISO/IEC 14496-12 holds, by its brands: the major one says as little
// as "mif1" in many photos of phones.
func brand(data []byte) string {
	size := min(int(binary.BigEndian.Uint32(data)), len(data), 256)
	still := ""
	for at := 8; at+4 <= size; at += 4 {
		if at == 12 { // the minor version
			continue
		}
		switch string(data[at : at+4]) {
		case "avif", "avis":
			return "avif"
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "msf1", "miaf":
			still = "heic"
		case "crx ":
			return "raw"
		}
	}
	if still == "" {
		return "video"
	}
	return still
}

// trimmed is data without the line breaks, spaces and byte order mark that programs put before a
// picture, if a picture that can be read follows them.
func trimmed(data []byte) []byte {
	const most = 16
	rest := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), most)], []byte("\xef\xbb\xbf")), "\r\n\t ")
	rest = data[min(len(data), most)-len(rest):]
	for _, f := range magics[:5] {
		if len(rest) >= f.at+len(f.magic) && string(rest[f.at:f.at+len(f.magic)]) == f.magic {
			return rest
		}
	}
	return data
}

// isSVG reports whether the first element of an XML file is svg, after its prolog.
func isSVG(data []byte) bool {
	text := data[:min(len(data), 4096)]
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	for {
		text = bytes.TrimLeft(text, "\r\n\t ")
		end := ">"
		switch {
		case bytes.HasPrefix(text, []byte("<svg")):
			return true
		case bytes.HasPrefix(text, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(text, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(text, []byte("<!DOCTYPE svg")):
			return true
		default:
			return false
		}
		_, rest, ok := bytes.Cut(text, []byte(end))
		if !ok {
			return false
		}
		text = rest
	}
}

// isTGA reports whether data has a plausible header of a TGA file, which has no signature.
func isTGA(data []byte) bool {
	if len(data) < 18+3 {
		return false
	}
	kind, bits := data[2], data[16]
	w, h := int(binary.LittleEndian.Uint16(data[12:])), int(binary.LittleEndian.Uint16(data[14:]))
	return data[1] == 0 && (kind == 2 || kind == 3 || kind == 10 || kind == 11) && (bits == 8 || bits == 16 || bits == 24 || bits == 32) &&
		w > 0 && h > 0 && w < 16384 && h < 16384 && bytes.Equal(data[3:8], make([]byte, 5)) && data[17]&0xc0 == 0
}
