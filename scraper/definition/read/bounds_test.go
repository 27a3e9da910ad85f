package read

import (
	"archive/zip"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lineup/scraper/definition"
	"lineup/scraper/definition/forms"
)

// TestHostileFilesAreRefused has small files that unpack to gigabytes, in each form.
func TestHostileFilesAreRefused(t *testing.T) {
	for form, text := range map[string]string{
		"csv":   strings.Repeat(",", forms.MaxCells+1),
		"tsv":   "id\tname\n" + strings.Repeat("\t", forms.MaxColumns+2),
		"fixed": "id name\n-- ----\n" + strings.Repeat("\n", forms.MaxRows+1),
		"xls":   strings.Repeat("<td>", forms.MaxTableElements+1),
	} {
		if _, err := readTable("t", definition.Table{As: form}, []byte(text)); !errors.Is(err, forms.ErrTooMuch) {
			t.Errorf("%s: %v", form, err)
		}
	}
	sheet := excelize.NewFile()
	for _, cell := range []string{"A1", "XFD1"} {
		if err := sheet.SetCellStr("Sheet1", cell, "x"); err != nil {
			t.Fatal(err)
		}
	}
	var book bytes.Buffer
	if err := sheet.Write(&book); err != nil {
		t.Fatal(err)
	}
	if _, err := readTable("t", definition.Table{As: "xlsx"}, book.Bytes()); !errors.Is(err, forms.ErrTooMuch) {
		t.Errorf("a workbook of %d bytes: %v", book.Len(), err)
	}
	var bomb bytes.Buffer
	w := zip.NewWriter(&bomb)
	file, err := w.Create("persons.csv")
	if err == nil {
		_, err = file.Write(bytes.Repeat([]byte{','}, 64<<20))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	d := &doc{step: &definition.Step{Tables: map[string]definition.Table{"p": {File: "persons.csv", As: "csv"}}}, tables: map[string]*table{}}
	if err := d.unzip(bomb.Bytes()); !errors.Is(err, forms.ErrTooMuch) {
		t.Errorf("an archive of %d bytes: %v", bomb.Len(), err)
	}
	if forms.BoundMarkup([]byte(`<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>`), forms.MaxElements) == nil {
		t.Error("XML that declares entities is read")
	}
	if forms.BoundJSON(bytes.Repeat([]byte("[0,"), forms.MaxValues)) == nil {
		t.Error("a JSON of too many values is read")
	}
}
