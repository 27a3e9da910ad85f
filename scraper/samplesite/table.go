package samplesite

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// table is one table of a registry: its columns and how a person's rows are made.
type table struct {
	name    string
	columns []string
	rows    func(Person) [][]string
	id      int  // column that holds an id, for CaseIDs; -1 for none
	bare    bool // written without a header row
}

// each yields the header and every row, spoiled as the request's fault says.
func (t table) each(s *Site, fault Kind) iter.Seq[[]string] {
	order := make([]int, len(t.columns))
	for i := range order {
		order[i] = i
	}
	if fault == Reordered {
		slices.Reverse(order)
	}
	arrange := func(row []string) []string {
		out := make([]string, len(row))
		for i, from := range order {
			out[i] = row[from]
		}
		return out
	}
	return func(yield func([]string) bool) {
		header := slices.Clone(t.columns)
		if fault == Renamed {
			for i := range header {
				header[i] = "X " + header[i]
			}
		}
		if !yield(arrange(header)) {
			return
		}
		n := 0
		for p := range s.People() {
			if n++; fault == Shrunk && n > s.Size()/2 {
				return
			}
			for _, row := range t.rows(p) {
				if fault == CaseIDs && t.id >= 0 {
					row[t.id] = strings.ToLower(row[t.id])
				}
				times := 1
				if fault == Duplicated {
					times = 2
				}
				for range times {
					if !yield(arrange(row)) {
						return
					}
				}
			}
		}
	}
}

// serveCSV answers with the table; encode turns UTF-8 into the site's charset, nil is UTF-8.
func (s *Site) serveCSV(t table, head string, encode func([]byte) []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		b.WriteString(head)
		out := csv.NewWriter(&b)
		for row := range t.each(s, tableFault(r.Context())) {
			out.Write(row) // writing to memory does not fail
		}
		out.Flush()
		data := b.Bytes()
		if encode != nil {
			data = encode(data)
		}
		serveBytes(w, r, "text/csv", s.lastChange(), data)
	}
}

// lastChange is when anything of the registry last changed.
func (s *Site) lastChange() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changedAt(s.version)
}

// serveZIP answers with tables in an archive, each written by write.
func (s *Site) serveZIP(write func(io.Writer, *Site, table, Kind) error, ext string, tables ...table) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		archive := zip.NewWriter(&b)
		for _, t := range tables {
			f, err := archive.CreateHeader(&zip.FileHeader{Name: t.name + ext, Method: zip.Deflate})
			if err == nil {
				err = write(f, s, t, tableFault(r.Context()))
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		if err := archive.Close(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		serveBytes(w, r, "application/zip", s.lastChange(), b.Bytes())
	}
}

func writeTSV(w io.Writer, s *Site, t table, fault Kind) error {
	header := true
	for row := range t.each(s, fault) {
		if first := header; first && t.bare {
			header = false
			continue
		}
		if _, err := io.WriteString(w, strings.Join(row, "\t")+"\r\n"); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	return nil
}

// writeFixed writes columns as wide as their widest cell, with a ruler of dashes under the header.
func writeFixed(w io.Writer, s *Site, t table, fault Kind) error {
	rows := slices.Collect(t.each(s, fault))
	widths := make([]int, len(t.columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	ruler := make([]string, len(widths))
	for i, width := range widths {
		ruler[i] = strings.Repeat("-", width)
	}
	rows = slices.Insert(rows, 1, ruler)
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s ", widths[i], cell)
		}
		if _, err := io.WriteString(w, strings.TrimSuffix(line.String(), " ")+"\r\n"); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	return nil
}

// writeXLSX writes a workbook with two title rows above the header.
func writeXLSX(w io.Writer, s *Site, t table, fault Kind) error {
	book := excelize.NewFile()
	defer book.Close()
	sheet, err := book.NewStreamWriter("Sheet1")
	if err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	rows := [][]string{{"Sample State Highway Patrol"}, {"Sex Offender List (sample, nobody is real)"}}
	n := 0
	put := func(row []string) error {
		n++
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = cell
		}
		return sheet.SetRow("A"+strconv.Itoa(n), cells)
	}
	for _, row := range rows {
		if err := put(row); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	for row := range t.each(s, fault) {
		if err := put(row); err != nil {
			return fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	if err := sheet.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	if _, err := book.WriteTo(w); err != nil {
		return fmt.Errorf("write %s: %w", t.name, err)
	}
	return nil
}
