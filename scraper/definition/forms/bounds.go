// Package forms takes apart the forms that registries publish files in, CSV, TSV, fixed columns, XLSX and HTML tables, into
// rows, and holds bounds of what one answer may unpack to.
package forms

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what one answer may unpack to and hold, so that a small hostile file cannot fill the memory. They are several
// times what the largest registry publishes, and are looked at before the memory is taken.
const (
	maxUnpacked = 512 << 20  // bytes, of all files of an archive together
	maxFiles    = 4096       // of an archive
	maxRatio    = 100        // bytes unpacked for one packed: text of a table has some 20
	freeRatio   = 16 << 20   // bytes that any archive may unpack to
	MaxCells    = 30_000_000 // of all tables of an answer
	MaxRows     = 1_500_000  // of a table
	MaxColumns  = 1000
	MaxValues   = 10_000_000 // of a JSON answer
	MaxElements = 500_000    // of an HTML or XML answer, which is held as a tree
	// MaxTableElements are those of an HTML table that is published as a file, of which the rows alone are kept.
	MaxTableElements = 2_000_000
)

var ErrTooMuch = errors.New("more than is believed")

// TooMuch says which bound what passes.
func TooMuch(what string, most int) error {
	return fmt.Errorf("%w: over %d %s", ErrTooMuch, most, what)
}

// boundText holds text that separators take apart into rows and cells.
func boundText(text, separator string) error {
	rows := strings.Count(text, "\n")
	if rows > MaxRows {
		return TooMuch("rows", MaxRows)
	}
	if rows+strings.Count(text, separator) > MaxCells {
		return TooMuch("cells", MaxCells)
	}
	for line := range strings.Lines(text) {
		if strings.Count(line, separator) > MaxColumns && !strings.Contains(line, `"`) {
			return TooMuch("columns", MaxColumns)
		}
	}
	return nil
}

// BoundMarkup holds an HTML or XML text to so many elements, and refuses XML that declares entities: a few lines of
// them stand for gigabytes.
func BoundMarkup(text []byte, most int) error {
	if bytes.Count(text, []byte("<")) > most {
		return TooMuch("elements", most)
	}
	if bytes.Contains(text, []byte("<!ENTITY")) {
		return errors.New("XML that declares entities")
	}
	return nil
}

// BoundJSON holds a JSON text by what can begin a value.
func BoundJSON(text []byte) error {
	n := 0
	for _, mark := range []string{",", "[", "{"} {
		n += bytes.Count(text, []byte(mark))
	}
	if n > MaxValues {
		return TooMuch("values", MaxValues)
	}
	return nil
}

// BoundArchive holds what the archive says it unpacks to. What it really unpacks to is held while it is read.
func BoundArchive(archive *zip.Reader, packed int) error {
	if len(archive.File) > maxFiles {
		return TooMuch("files in the archive", maxFiles)
	}
	left := int64(Unpackable(packed))
	for _, file := range archive.File {
		if left -= int64(min(file.UncompressedSize64, maxUnpacked+1)); left < 0 {
			return TooMuch("bytes unpacked", Unpackable(packed))
		}
	}
	return nil
}

// Unpackable is how many bytes so many packed ones may unpack to.
func Unpackable(packed int) int { return min(max(packed*maxRatio, freeRatio), maxUnpacked) }

// ReadBounded reads r to its end, at most *left bytes, and takes them off.
func ReadBounded(r io.Reader, left *int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, *left+1))
	if *left -= int64(len(content)); err == nil && *left < 0 {
		err = TooMuch("bytes unpacked", maxUnpacked)
	}
	return content, err
}
