// Package zips knows the middle, state and place of each ZIP code. It answers from a table in the program and asks
// nobody. make.sh makes the table and names its sources.
package zips

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed zips.gz
var packed []byte

// ZIP is a ZIP code and where it is.
type ZIP struct {
	Code  string  // five digits
	State string  // two letters
	City  string  // "" where the table has none: in the territories
	Lat   float64 // of its middle, in degrees, to a thousandth (some hundred yards)
	Lon   float64
}

// read unpacks the table at its first use, which takes some hundredths of a second.
var read = sync.OnceValues(func() ([]ZIP, error) { return unpack(bytes.NewReader(packed)) })

// columns are the parts of the table, each with a line for every ZIP code.
const columns = 5

// unpack reads a table: all ZIP codes as steps from the one before, then their states ("" for the one
// before), places, latitudes and longitudes.
func unpack(from io.Reader) ([]ZIP, error) {
	unzipped, err := gzip.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("unpack the table of ZIP codes: %w", err)
	}
	var lines []string
	scanner := bufio.NewScanner(unzipped)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	n := len(lines) / columns
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("unpack the table of ZIP codes: %w", err)
	}
	if n == 0 || n*columns != len(lines) {
		return nil, fmt.Errorf("unpack the table of ZIP codes: %d lines do not make %d columns", len(lines), columns)
	}
	all := make([]ZIP, n)
	code, state := 0, ""
	for i := range all {
		step, badStep := strconv.Atoi(lines[i])
		lat, badLat := strconv.ParseFloat(lines[3*n+i], 64)
		lon, badLon := strconv.ParseFloat(lines[4*n+i], 64)
		if badStep != nil || badLat != nil || badLon != nil || step < 1 && i > 0 || math.Abs(lat) > 90 || math.Abs(lon) > 180 {
			return nil, fmt.Errorf("unpack the table of ZIP codes: line %d of a column is none", i+1)
		}
		code += step
		if lines[n+i] != "" {
			state = lines[n+i]
		}
		all[i] = ZIP{Code: fmt.Sprintf("%05d", code), State: state, City: lines[2*n+i], Lat: lat, Lon: lon}
	}
	return all, nil
}

// Check reports an error where the table in the program cannot be read.
func Check() error {
	_, err := read()
	return err
}

// All are all ZIP codes, by code; nil where the table cannot be read. The caller changes none.
func All() []ZIP {
	all, err := read()
	if err != nil {
		return nil
	}
	return all
}

// Find is a ZIP code, of which only the first five characters are looked at; ok is false for one
// that is not known.
func Find(code string) (zip ZIP, ok bool) {
	all, err := read()
	if err != nil {
		return ZIP{}, false
	}
	at, ok := slices.BinarySearchFunc(all, code[:min(5, len(code))], func(z ZIP, code string) int { return strings.Compare(z.Code, code) })
	if !ok {
		return ZIP{}, false
	}
	return all[at], true
}
