package forms

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"lineup/scraper/definition/notation"
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/xuri/excelize/v2"
)

// Rows takes a text apart that has one of the forms csv, tsv, fixed and xls, which is an HTML table.
func Rows(form, text string) ([][]string, error) {
	switch form {
	case "csv":
		text = aLineARow(text)
		if first, rest, ok := strings.Cut(text, "\n"); ok && sepLine.MatchString(first) {
			text = rest // a word to Excel
		}
		if err := boundText(text, ","); err != nil {
			return nil, err
		}
		return commaRows(text)
	case "tsv":
		text = aLineARow(text)
		if err := boundText(text, "\t"); err != nil {
			return nil, err
		}
		return tabbedRows(text)
	case "fixed":
		return fixedRows(text)
	case "xls":
		return htmlRows(text)
	}
	return nil, fmt.Errorf("%q is no form of a table", form)
}

var sepLine = regexp.MustCompile(`^\x{feff}?"?sep=.?"?\s*$`)

// aLineARow ends lines as everybody does, where a file has the line ends of old Macs alone.
func aLineARow(text string) string {
	if strings.Contains(text, "\n") {
		return text
	}
	return strings.ReplaceAll(text, "\r", "\n")
}

var (
	countWord  = regexp.MustCompile(`(?i)\b(?:totals?|sum|count|number|records?|rows?|offenders|registrants)\b`)
	countWords = regexp.MustCompile(`(?i)\b(?:grand|sub|totals?|sum|count|number|of|records?|rows?|offenders|registrants|listed|` +
		`affected|returned|found|exported|selected|in)\b`)
	remark = regexp.MustCompile(`(?i)^\W*(?:end of \w+|(?:report |file |data |list )?(?:generated|printed|created|produced|exported|` +
		`run date|run|last updated|updated|as of)\b.*\d.*|page \d+.*|(?:source|note|notes|disclaimer|copyright)\s*[:©(].*)\W*$`)
)

// Foot reports whether a row, the last of a table, says something about the table and not about a person: it counts the rows
// above (words for it, numbers, and nothing else), or it is a remark that stands in a cell alone.
func Foot(cells []string) bool {
	text := notation.Clean(strings.Join(cells, " "))
	full := 0
	for _, cell := range cells {
		if notation.Clean(cell) != "" {
			full++
		}
	}
	counts := strings.Trim(countWords.ReplaceAllString(text, ""), " -:=()*0123456789,.") == ""
	switch at := countWord.FindStringIndex(text); {
	case full == 0:
		return false
	case full == 1 && remark.MatchString(text):
		return true
	case at == nil: // a number, alone in a wide row
		return counts && full == 1 && len(cells) > 3
	}
	first := strings.IndexAny(text, "0123456789") // "2 Total" in two cells is somebody of that name, under a key
	return counts && (full == 1 || first < 0 || first > countWord.FindStringIndex(text)[0])
}

// WithoutFoot is rows without what stands at their foot.
func WithoutFoot(rows [][]string) [][]string {
	for n := len(rows); n > 1 && (Blank(rows[n-1]) || Foot(rows[n-1])); n = len(rows) {
		rows = rows[:n-1]
	}
	return rows
}

func Blank(cells []string) bool {
	for _, cell := range cells {
		if notation.Clean(cell) != "" {
			return false
		}
	}
	return true
}

// fixedRows reads columns whose places are told by a ruler of dashes under the header.
func fixedRows(text string) ([][]string, error) {
	if err := boundText(text, "\n"); err != nil {
		return nil, err
	}
	all := strings.Split(strings.ReplaceAll(text, "\r", ""), "\n")
	for i := 1; i < len(all); i++ {
		ruler := all[i]
		if !strings.Contains(ruler, "--") || strings.Trim(ruler, "- ") != "" {
			continue
		}
		var spans [][2]int
		for j := 0; j < len(ruler); j++ {
			if ruler[j] == '-' && (j == 0 || ruler[j-1] == ' ') {
				end := j + strings.IndexByte(ruler[j:]+" ", ' ')
				spans = append(spans, [2]int{j, end})
			}
		}
		if len(spans) > MaxColumns || len(spans)*len(all) > MaxCells {
			return nil, TooMuch("cells", MaxCells)
		}
		rows := [][]string{cut(all[i-1], spans)}
		for _, line := range all[i+1:] {
			if strings.HasPrefix(line, "(") && strings.Contains(line, "rows affected") {
				continue
			}
			rows = append(rows, cut(line, spans))
		}
		return rows, nil
	}
	return nil, errors.New("no ruler of dashes under the header")
}

// cut takes line apart at spans, which count characters; the last column runs to the line's end.
func cut(line string, spans [][2]int) []string {
	runes := []rune(line)
	cells := make([]string, len(spans))
	for i, span := range spans {
		from, to := min(span[0], len(runes)), min(span[1], len(runes))
		if i == len(spans)-1 {
			to = len(runes)
		}
		cells[i] = strings.TrimSpace(string(runes[from:to]))
	}
	return cells
}

// XLSX reads the first sheet as its reader sees it, but for days in the "short date" of the
// reader's own country, whose year would have two digits: they come as an American writes them out.
func XLSX(data []byte) ([][]string, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	if err := BoundArchive(archive, len(data)); err != nil {
		return nil, err
	}
	file, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: int64(Unpackable(len(data))),
		ShortDatePattern: "mm/dd/yyyy"})
	if err != nil {
		return nil, err
	}
	defer file.Close() // read only; nothing to lose
	sheets := file.GetSheetList()
	if len(sheets) == 0 {
		return nil, errors.New("no sheet")
	}
	sheet, err := file.Rows(sheets[0])
	if err != nil {
		return nil, err
	}
	defer sheet.Close() // read only; nothing to lose
	var rows [][]string
	for cells := 0; sheet.Next(); {
		row, err := sheet.Columns()
		if err != nil {
			return nil, err
		}
		if cells += len(row) + 1; cells > MaxCells {
			return nil, TooMuch("cells", MaxCells)
		}
		if len(row) > MaxColumns {
			return nil, TooMuch("columns", MaxColumns)
		}
		rows = append(rows, row)
	}
	for len(rows) > 0 && len(rows[len(rows)-1]) == 0 {
		rows = rows[:len(rows)-1]
	}
	return rows, sheet.Error()
}

func htmlRows(text string) ([][]string, error) {
	if err := BoundMarkup([]byte(text), MaxTableElements); err != nil {
		return nil, err
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	page.Find("tr").Each(func(_ int, tr *goquery.Selection) {
		rows = append(rows, Texts(tr.ChildrenFiltered("td, th")))
	})
	if len(rows) == 0 {
		return nil, errors.New("no table rows")
	}
	return rows, nil
}

func Texts(s *goquery.Selection) []string {
	return s.Map(func(_ int, one *goquery.Selection) string { return notation.Clean(one.Text()) })
}

// BulkColumns are the names of a table's columns in order, out of SQL Server's XML format file of a bulk copy (bcp).
func BulkColumns(data []byte) ([]string, error) {
	var format struct {
		Columns []struct {
			Name string `xml:"NAME,attr"`
		} `xml:"ROW>COLUMN"`
	}
	if err := xml.Unmarshal(data, &format); err != nil {
		return nil, fmt.Errorf("read a bulk copy's format: %w", err)
	}
	var names []string
	for _, c := range format.Columns {
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return nil, errors.New("a bulk copy's format without columns")
	}
	return names, nil
}
