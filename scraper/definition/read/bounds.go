package read

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
	maxCells    = 30_000_000 // of all tables of an answer
	maxRows     = 5_000_000  // of a table
	maxColumns  = 1000
	maxValues   = 10_000_000 // of a JSON answer
	maxElements = 3_000_000  // of an HTML or XML answer
)

var errTooMuch = errors.New("more than is believed")

// tooMuch says which bound what passes.
func tooMuch(what string, most int) error {
	return fmt.Errorf("%w: over %d %s", errTooMuch, most, what)
}

// boundText holds text that separators take apart into rows and cells.
func boundText(text, separator string) error {
	rows := strings.Count(text, "\n")
	if rows > maxRows {
		return tooMuch("rows", maxRows)
	}
	if rows+strings.Count(text, separator) > maxCells {
		return tooMuch("cells", maxCells)
	}
	for line := range strings.Lines(text) {
		if strings.Count(line, separator) > maxColumns && !strings.Contains(line, `"`) {
			return tooMuch("columns", maxColumns)
		}
	}
	return nil
}

// boundMarkup holds an HTML or XML text, and refuses XML that declares entities: a few lines of them stand for gigabytes.
func boundMarkup(text []byte) error {
	if bytes.Count(text, []byte("<")) > maxElements {
		return tooMuch("elements", maxElements)
	}
	if bytes.Contains(text, []byte("<!ENTITY")) {
		return errors.New("XML that declares entities")
	}
	return nil
}

// boundJSON holds a JSON text by what can begin a value.
func boundJSON(text []byte) error {
	n := 0
	for _, mark := range []string{",", "[", "{"} {
		n += bytes.Count(text, []byte(mark))
	}
	if n > maxValues {
		return tooMuch("values", maxValues)
	}
	return nil
}

// boundArchive holds what the archive says it unpacks to. What it really unpacks to is held while it is read.
func boundArchive(archive *zip.Reader, packed int) error {
	if len(archive.File) > maxFiles {
		return tooMuch("files in the archive", maxFiles)
	}
	left := int64(unpackable(packed))
	for _, file := range archive.File {
		if left -= int64(min(file.UncompressedSize64, maxUnpacked+1)); left < 0 {
			return tooMuch("bytes unpacked", unpackable(packed))
		}
	}
	return nil
}

// unpackable is how many bytes so many packed ones may unpack to.
func unpackable(packed int) int { return min(max(packed*maxRatio, freeRatio), maxUnpacked) }

// readBounded reads r to its end, at most *left bytes, and takes them off.
func readBounded(r io.Reader, left *int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, *left+1))
	if *left -= int64(len(content)); err == nil && *left < 0 {
		err = tooMuch("bytes unpacked", maxUnpacked)
	}
	return content, err
}
