package forms

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// tabbedRows takes a database dump apart: cells stand between tabs and rows on lines of their own.
// Such a dump does not quote, so a quotation mark is a character like any other.
func tabbedRows(text string) ([][]string, error) {
	var rows [][]string
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	return rows, wholeTail(rows)
}

// commaRows reads RFC 4180, and what exports make of it: a record that breaks its rules is read
// alone, its stray quotation marks taken as characters, so that one cell never swallows the rows below.
func commaRows(text string) ([][]string, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	var rows [][]string
	at, r := 0, strictReader(text) // r reads text[at:]
	for start := 0; start < len(text); {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		end := at + int(r.InputOffset())
		if err != nil || len(rows) > 0 && (!Fits(cells, rows[0]) || swallowed(text[start:end], rows[0])) {
			loose, length, looseErr := looseRow(text[start:])
			if err != nil && looseErr != nil {
				return nil, fmt.Errorf("line %d: %w", 1+strings.Count(text[:start], "\n"), err)
			}
			if err != nil || looseErr == nil && Fits(loose, rows[0]) {
				cells, end = loose, start+length
				at, r = end, strictReader(text[end:])
			}
		}
		start = end
		if cells != nil {
			rows = append(rows, cells)
		}
	}
	return rows, wholeTail(rows)
}

func strictReader(text string) *csv.Reader {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	return r
}

// swallowed reports whether record, of several lines, is really a row a line: one quotation mark
// opened a cell, and another some rows below closed it.
func swallowed(record string, header []string) bool {
	lines := strings.Split(strings.TrimRight(record, "\r\n"), "\n")
	if len(lines) < 2 || len(header) < 2 {
		return false
	}
	for _, line := range lines {
		if cells, _, err := looseRow(line); err != nil || !Fits(cells, header) {
			return false
		}
	}
	return true
}

// Fits reports whether cells stand under header: as many, or more that are all blank.
func Fits(cells, header []string) bool {
	return len(cells) == len(header) || len(cells) > len(header) && Blank(cells[len(header):])
}

// looseRow reads the first line of text alone, quotation marks inside cells included.
func looseRow(text string) (cells []string, length int, err error) {
	line, _, found := strings.Cut(text, "\n")
	length = len(line)
	if found {
		length++
	}
	if strings.TrimSpace(line) == "" {
		return nil, length, nil
	}
	r := strictReader(line)
	r.LazyQuotes = true
	cells, err = r.Read()
	return cells, length, err
}

// wholeTail holds that the last row is whole: a file that was cut off ends in a row with fewer
// cells than its header and the row before.
func wholeTail(rows [][]string) error {
	rows = WithoutFoot(rows)
	if n := len(rows); n > 1 && len(rows[n-1]) < len(rows[0]) && len(rows[n-1]) < len(rows[n-2]) {
		return errors.New("the last row is cut off")
	}
	return nil
}

// litter are the folders and files, in lower case, that macOS, Windows, network stores and editors leave behind.
var litter = regexp.MustCompile(`(?:^|/)(?:__macosx|\.appledouble|\.trashes|\.spotlight-v100|\.fseventsd|\.temporaryitems|` +
	`\.documentrevisions-v100|\$recycle\.bin|system volume information|lost\+found|@eadir|#recycle|\.git|\.svn|\.idea|\.vscode)/|` +
	`(?:^|/)(?:\._[^/]*|\.ds_store|\.localized|icon\r?|(?:eh)?thumbs(?:_vista)?\.db(?::encryptable)?|desktop\.ini|autorun\.inf|~\$[^/]*|` +
	`\.~lock\.[^/]*|\.directory|\.nfs[0-9a-f]+|[^/]*\.(?:tmp|bak|swp|part|crdownload|lnk|url)|[^/]*~)$`)

// Litter reports whether a file is one that a system or a program leaves behind in archives and folders.
func Litter(name string) bool {
	return litter.MatchString(strings.ToLower(strings.ReplaceAll(name, "\\", "/")))
}
