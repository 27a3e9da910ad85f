package read

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/notation"
	"lineup/scraper/definition/redact"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/xuri/excelize/v2"
)

// table is rows under named columns.
type table struct {
	name    string
	columns []string
	keys    []string       // columns, folded
	at      map[string]int // column by folded name
	ignored map[string]bool
	touched map[string]redact.Mark
	never   []bool            // by column: it is never stored
	folded  map[string]string // names that the definition uses
	rows    []*row
	misfits []misfit
	index   map[string]map[string][]*row // by joined column names, then by joined values
}

type row struct {
	table *table
	cells []string
	nodes []*goquery.Selection // of an HTML row
}

func newTable(name string, columns []string, ignore definition.Texts) *table {
	t := &table{name: name, columns: columns, at: map[string]int{}, ignored: map[string]bool{}, touched: map[string]redact.Mark{}}
	for i, column := range columns {
		t.keys = append(t.keys, notation.Fold(column))
		if _, ok := t.at[notation.Fold(column)]; !ok {
			t.at[notation.Fold(column)] = i
		}
	}
	for _, column := range columns {
		t.never = append(t.never, definition.Denied(column))
	}
	for _, column := range ignore {
		t.ignored[notation.Fold(column)] = true
	}
	return t
}

// key folds a name that the definition uses, once.
func (t *table) key(name string) string {
	k, ok := t.folded[name]
	if !ok {
		if t.folded == nil {
			t.folded = map[string]string{}
		}
		k = notation.Fold(name)
		t.folded[name] = k
	}
	return k
}

func (t *table) cell(r *row, name string) string {
	i, ok := t.at[t.key(name)]
	if !ok || i >= len(r.cells) {
		return ""
	}
	return r.cells[i]
}

// where gives the rows whose columns hold the values, through an index made on first use.
func (t *table) where(columns, values []string) []*row {
	name := strings.Join(columns, "\x00")
	if t.index == nil {
		t.index = map[string]map[string][]*row{}
	}
	rows, ok := t.index[name]
	if !ok {
		rows = map[string][]*row{}
		for _, r := range t.rows {
			key := make([]string, len(columns))
			for i, column := range columns {
				key[i] = notation.Clean(t.cell(r, column))
			}
			joined := strings.Join(key, "\x00")
			rows[joined] = append(rows[joined], r)
		}
		t.index[name] = rows
	}
	return rows[strings.Join(values, "\x00")]
}

// readTable reads one file. Errors name the file's form, never its content.
func readTable(name string, spec definition.Table, data []byte) (*table, error) {
	var rows [][]string
	var err error
	switch spec.As {
	case "xlsx":
		rows, err = xlsxRows(data)
	default:
		var text string
		if text, err = decodeText(data, spec.Charset, ""); err != nil {
			break
		}
		switch spec.As {
		case "csv":
			if err = boundText(text, ","); err == nil {
				rows, err = commaRows(text)
			}
		case "tsv":
			if err = boundText(text, "\t"); err == nil {
				rows, err = tabbedRows(text)
			}
		case "fixed":
			rows, err = fixedRows(text)
		case "xls":
			rows, err = htmlRows(text)
		default:
			err = fmt.Errorf("%q is no form of a table", spec.As)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read table %s as %s: %w", name, spec.As, err)
	}
	return makeTable(name, spec, rows)
}

// makeTable finds the header row, or takes the columns that the definition names, and keeps the
// rows below it.
func makeTable(name string, spec definition.Table, rows [][]string) (*table, error) {
	from := slices.IndexFunc(rows, func(cells []string) bool {
		return spec.Header == "" || len(cells) > 0 && notation.Fold(cells[0]) == notation.Fold(spec.Header)
	})
	if from < 0 && len(spec.Columns) == 0 {
		return nil, fmt.Errorf("table %s: no header row beginning with %q", name, spec.Header)
	}
	columns := []string(spec.Columns)
	if len(columns) == 0 || from >= 0 && namesColumns(rows[from], columns) {
		columns, rows = rows[from], rows[from+1:]
	}
	t := newTable(name, columns, spec.Ignore)
	for i, cells := range rows {
		switch {
		case blankRow(cells):
			continue
		case len(cells) > len(columns) && !fits(cells, columns), len(spec.Columns) > 0 && len(cells) < len(columns):
			t.misfits = append(t.misfits, misfit{number: i + 1, row: &row{table: t, cells: cells}})
			continue
		}
		t.rows = append(t.rows, &row{table: t, cells: cells})
	}
	if n := len(t.misfits); n > 0 && n >= len(t.rows) {
		m := t.misfits[0]
		return nil, fmt.Errorf("table %s: %d rows do not fit, the first is row %d: %d cells under %d columns", name, n, m.number,
			len(m.row.cells), len(columns))
	}
	if n := len(t.rows); n > 0 && totalsRow(t.rows[n-1].cells) {
		t.rows = t.rows[:n-1]
	}
	return t, nil
}

// misfit is a row with another number of cells than its table has columns.
type misfit struct {
	number int // of the row below the header, from 1
	row    *row
}

// misfitted tells of the rows that do not fit: by their keys where the column of the key is before
// the fault, else by their number. Rows of other tables are reported, whoever they speak of.
func (d *doc) misfitted(out *scraper.Parsed) {
	main := ""
	if d.step.Items != nil {
		main = d.step.Items.Table
	}
	for name, t := range d.tables {
		for _, m := range t.misfits {
			d.leave(fmt.Sprintf("row %d has %d cells under %d columns", m.number, len(m.row.cells), len(t.columns)), cmp.Or(name, d.rule))
			if name != main {
				continue
			}
			if k := d.step.Key; k != nil && len(k.Weak) == 0 && len(k.Column) == 1 {
				if key := notation.Clean(t.cell(m.row, k.Column[0])); key != "" {
					out.Unnamed = append(out.Unnamed, key)
					continue
				}
			}
			out.Misfits++
		}
	}
}

// namesColumns reports whether cells are a header row after all: two of them are names that the
// definition has for columns, and that no row of data holds.
func namesColumns(cells []string, columns definition.Texts) bool {
	known := 0
	for _, cell := range cells {
		if slices.ContainsFunc(columns, func(c string) bool { return notation.Fold(c) == notation.Fold(cell) }) {
			known++
		}
	}
	return known >= min(2, len(columns))
}

var (
	countWord  = regexp.MustCompile(`(?i)^(?:grand|sub|totals?|sum|count|number|records?|rows?|offenders|registrants)\b`)
	countWords = regexp.MustCompile(`(?i)\b(?:grand|sub|totals?|sum|count|number|of|records?|rows?|offenders|registrants|listed)\b`)
)

// totalsRow reports whether a row at a table's foot counts the rows above: words for it, numbers,
// and nothing else.
func totalsRow(cells []string) bool {
	text := notation.Clean(strings.Join(cells, " "))
	return countWord.MatchString(text) && strings.Trim(countWords.ReplaceAllString(text, ""), " -:=()0123456789,.") == ""
}

func blankRow(cells []string) bool {
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
		if len(spans) > maxColumns || len(spans)*len(all) > maxCells {
			return nil, tooMuch("cells", maxCells)
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

// xlsxRows reads the first sheet as its reader sees it, but for days in the "short date" of the
// reader's own country, whose year would have two digits: they come as an American writes them out.
func xlsxRows(data []byte) ([][]string, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	if err := boundArchive(archive, len(data)); err != nil {
		return nil, err
	}
	file, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: int64(unpackable(len(data))), ShortDatePattern: "mm/dd/yyyy"})
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
		if cells += len(row) + 1; cells > maxCells {
			return nil, tooMuch("cells", maxCells)
		}
		if len(row) > maxColumns {
			return nil, tooMuch("columns", maxColumns)
		}
		rows = append(rows, row)
	}
	for len(rows) > 0 && len(rows[len(rows)-1]) == 0 {
		rows = rows[:len(rows)-1]
	}
	return rows, sheet.Error()
}

func htmlRows(text string) ([][]string, error) {
	if err := boundMarkup([]byte(text)); err != nil {
		return nil, err
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	page.Find("tr").Each(func(_ int, tr *goquery.Selection) {
		rows = append(rows, texts(tr.ChildrenFiltered("td, th")))
	})
	if len(rows) == 0 {
		return nil, errors.New("no table rows")
	}
	return rows, nil
}

// unzip reads the tables of an archive; a file that no table names is reported.
func (d *doc) unzip(data []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	if err := boundArchive(archive, len(data)); err != nil {
		return err
	}
	left, cells := int64(unpackable(len(data))), 0
	for _, file := range archive.File {
		if file.FileInfo().IsDir() || litter(file.Name) || matchesAny(d.step.Ignore, path.Base(file.Name)) {
			continue
		}
		name := tableFor(d.step.Tables, file.Name)
		if name == "" {
			d.leave("file", path.Ext(file.Name))
			continue
		}
		if d.tables[name] != nil {
			return fmt.Errorf("two files for table %s in the archive", name)
		}
		r, err := file.Open()
		if err != nil {
			return fmt.Errorf("open %s in the archive: %w", name, err)
		}
		content, err := readBounded(r, &left)
		if closing := r.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return fmt.Errorf("read %s in the archive: %w", name, err)
		}
		spec := d.step.Tables[name]
		if d.tables[name], err = readTable(name, spec, content); err != nil {
			return err
		}
		if cells += len(d.tables[name].rows) * len(d.tables[name].columns); cells > maxCells {
			return tooMuch("cells", maxCells)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.step.Tables)) {
		if d.tables[name] == nil && !d.step.Tables[name].Optional {
			return fmt.Errorf("no file %q in the archive", d.step.Tables[name].File)
		}
	}
	return nil
}

func tableFor(tables map[string]definition.Table, file string) string {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if matchesAny(definition.Texts{tables[name].File}, path.Base(file)) {
			return name
		}
	}
	return ""
}

func matchesAny(patterns definition.Texts, name string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(strings.ToLower(p), strings.ToLower(name)); err == nil && ok {
			return true
		}
	}
	return false
}

// auditTable reports the columns that nothing read.
func (d *doc) auditTable(t *table) {
	if len(t.touched) == 0 || d.kept && len(t.rows) == 0 {
		return
	}
	for i, column := range t.columns {
		if c := notation.Fold(column); c != "" && !t.touched[c].Read && !t.ignored[c] && !t.never[i] {
			d.leave("column", column)
		}
	}
}
