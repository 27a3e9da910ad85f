package read

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"

	"lineup/scraper"
	"lineup/scraper/definition"
	"lineup/scraper/definition/forms"
	"lineup/scraper/definition/notation"
)

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
	if spec.As == "xlsx" {
		rows, err = forms.XLSX(data)
	} else {
		var text string
		if text, err = decodeText(data, spec.Charset, ""); err == nil {
			rows, err = forms.Rows(spec.As, text)
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
	rows = forms.WithoutFoot(rows)
	few := fewCells(spec, columns, rows)
	for i, cells := range rows {
		switch {
		case forms.Blank(cells), slices.Equal(cells, columns) && len(spec.Columns) == 0: // files put together repeat the header
			continue
		case len(cells) > len(columns) && !forms.Fits(cells, columns), len(cells) < few:
			t.misfits = append(t.misfits, misfit{number: i + 1, row: &row{table: t, cells: cells}})
			continue
		}
		t.rows = append(t.rows, &row{table: t, cells: cells})
	}
	if n := len(t.misfits); n > 0 && n >= len(t.rows) {
		m := t.misfits[0]
		return nil, fmt.Errorf("table %s: %d %w, the first is row %d: %d cells under %d columns", name, n, errMisfit, m.number,
			len(m.row.cells), len(columns))
	}
	return t, nil
}

// fewCells is how many cells a row must have, so that none stands under another's column. Workbooks leave out the empty cells
// at the end of rows, and so does text that they write, in blocks of rows; where a few rows alone are short, a cell is lost.
func fewCells(spec definition.Table, columns []string, rows [][]string) int {
	whole := len(columns)
	if len(spec.Columns) > 0 {
		return whole
	}
	for whole > 0 && notation.Clean(columns[whole-1]) == "" {
		whole--
	}
	short := 0
	for _, cells := range rows {
		if len(cells) < whole && !forms.Blank(cells) {
			short++
		}
	}
	if spec.As != "csv" && spec.As != "tsv" || short >= 8 && short*20 >= len(rows) {
		return 0
	}
	return whole
}

// errMisfit means that most rows of a table have another number of cells than it has columns.
var errMisfit = errors.New("rows do not fit")

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
			if len(out.Perhaps) >= maxTried { // a run over so many is partial anyway
				out.Misfits++
			} else if keys := d.perhaps(m.row); len(keys) > 0 {
				out.Perhaps = append(out.Perhaps, keys)
			} else {
				out.Misfits++
			}
		}
	}
}

// maxTried bounds the rows that are tried for whom they may speak of, and the places of a cell that are tried in each.
const maxTried = 100

// perhaps are the hashed keys that a row would have if its one surplus cell were part of the one before, at any place, or if one
// cell were lost at any place. Nothing is reported of it.
func (d *doc) perhaps(r *row) (keys []string) {
	if k := d.step.Key; k == nil || len(k.Weak) == 0 || len(r.table.columns) > maxTried {
		return nil
	}
	var forms [][]string
	switch n := len(r.table.columns); len(r.cells) {
	case n + 1:
		for i := range n {
			whole := slices.Concat(r.cells[:i], []string{r.cells[i] + "," + r.cells[i+1]}, r.cells[i+2:])
			forms = append(forms, whole)
		}
	case n - 1:
		for i := range n {
			forms = append(forms, slices.Insert(slices.Clone(r.cells), i, ""))
		}
	}
	left, missing := maps.Clone(d.left), maps.Clone(d.missing)
	for _, cells := range forms {
		key, _, err := d.key(node{rows: []*row{{table: r.table, cells: cells}}})
		if err == nil && key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	d.left, d.missing = left, missing
	return keys
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

// unzip reads the tables of an archive; a file that no table names is reported.
func (d *doc) unzip(data []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("open the archive: %w", err)
	}
	if err := forms.BoundArchive(archive, len(data)); err != nil {
		return err
	}
	left, cells := int64(forms.Unpackable(len(data))), 0
	files, formats := d.sorted(archive)
	for name, all := range files {
		if len(all) > 1 {
			return fmt.Errorf("two files for table %s in the archive", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		spec := d.step.Tables[name]
		if format := formats[name]; format != nil {
			content, err := unpack(format, name, &left)
			if err != nil {
				return err
			}
			if spec.Columns, err = forms.BulkColumns(content); err != nil {
				return fmt.Errorf("format of table %s: %w", name, err)
			}
		} else if spec.Format != "" && len(spec.Columns) == 0 && spec.Optional {
			d.leave("file without names of its columns", spec.File)
			continue
		} else if spec.Format != "" && len(spec.Columns) == 0 {
			return fmt.Errorf("no file %q in the archive, which names the columns of table %s", spec.Format, name)
		}
		content, err := unpack(files[name][0], name, &left)
		if err != nil {
			return err
		}
		t, err := readTable(name, spec, content)
		if spec.Optional && errors.Is(err, errMisfit) {
			d.leave("file of another form", spec.File)
			continue
		}
		if d.tables[name] = t; err != nil {
			return err
		}
		if cells += len(d.tables[name].rows) * len(d.tables[name].columns); cells > forms.MaxCells {
			return forms.TooMuch("cells", forms.MaxCells)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.step.Tables)) {
		if d.tables[name] == nil && !d.step.Tables[name].Optional {
			return fmt.Errorf("no file %q in the archive", d.step.Tables[name].File)
		}
	}
	return nil
}

// sorted finds the files of an archive by the table each holds, and by the table whose columns each names. A file of no
// table is reported.
func (d *doc) sorted(archive *zip.Reader) (files map[string][]*zip.File, formats map[string]*zip.File) {
	files, formats = map[string][]*zip.File{}, map[string]*zip.File{}
	for _, file := range archive.File {
		if file.FileInfo().IsDir() || forms.Litter(file.Name) {
			continue
		}
		base, format := path.Base(file.Name), false
		if name := formatOf(d.step.Tables, base); name != "" {
			formats[name], format = file, true
		}
		if format || matchesAny(d.step.Ignore, base) {
			continue
		}
		if name := tableFor(d.step.Tables, file.Name); name != "" {
			files[name] = append(files[name], file)
		} else {
			d.leave("file", path.Ext(file.Name))
		}
	}
	return files, formats
}

// formatOf is the table whose columns a file names.
func formatOf(tables map[string]definition.Table, file string) string {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if spec := tables[name]; spec.Format != "" && matchesAny(definition.Texts{spec.Format}, path.Base(file)) {
			return name
		}
	}
	return ""
}

func unpack(file *zip.File, name string, left *int64) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("open %s in the archive: %w", name, err)
	}
	content, err := forms.ReadBounded(r, left)
	if closing := r.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, fmt.Errorf("read %s in the archive: %w", name, err)
	}
	return content, nil
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
	if len(t.touched) == 0 || len(t.rows) == 0 { // there was nothing to look at
		return
	}
	for i, column := range t.columns {
		if c := notation.Fold(column); c != "" && !t.touched[c].Read && !t.ignored[c] && !t.never[i] {
			d.leave("column", column)
		}
	}
}

// decodeText makes UTF-8 of body. Without a declared charset the answer's own word is taken,
// else UTF-8; bytes that the charset does not have are an error, so a wrong one is noticed.
func decodeText(body []byte, name, contentType string) (string, error) {
	var enc encoding.Encoding
	switch {
	case name != "":
		if enc, _ = charset.Lookup(name); enc == nil {
			return "", fmt.Errorf("charset %q is not known", name)
		}
	case strings.Contains(contentType, "charset="):
		enc, name, _ = charset.DetermineEncoding(body, contentType)
	case !utf8.Valid(body):
		enc, name, _ = charset.DetermineEncoding(body[:min(len(body), 1024)], contentType)
	}
	if enc == nil || name == "utf-8" || name == "utf8" {
		if !utf8.Valid(body) {
			return "", errors.New("bytes that are not UTF-8: the charset has changed")
		}
		return strings.ReplaceAll(string(body), "\x00", ""), nil
	}
	text, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return "", fmt.Errorf("decode as %s: %w", name, err)
	}
	return strings.ReplaceAll(string(text), "\x00", ""), nil
}
