package removals

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// maxLine bounds one entry of a file.
const maxLine = 64 << 10

// File is a log in a file of JSON lines.
type File struct{ path string }

// NewFile is the log in the file of that path, which the first entry makes.
func NewFile(path string) File { return File{path} }

// Where is the file's path.
func (f File) Where() string { return f.path }

// Append adds a line and syncs it.
func (f File) Append(ctx context.Context, e Entry) error {
	for there, err := range f.Entries(ctx) {
		if err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
		if err == nil && there.name() == e.name() {
			return nil
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode an entry of the log of removals: %w", err)
	}
	if err := f.add(data); err != nil {
		return fmt.Errorf("write the log of removals: %w (it is %s: make room, or name another file with removal_log)", err, f.path)
	}
	return nil
}

func (f File) add(data []byte) error {
	out, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	line := append(data, '\n')
	if torn, err := unfinished(out); err != nil {
		return errors.Join(err, out.Close())
	} else if torn { // whoever wrote it last was killed
		line = append([]byte{'\n'}, line...)
	}
	_, err = out.Write(line) // at once: another process may add too
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// unfinished reports whether the last line has no end.
func unfinished(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return last[0] != '\n', err
}

// Entries reads the file from its beginning; one that is not there is empty.
func (f File) Entries(ctx context.Context) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		in, err := os.Open(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(Entry{}, fmt.Errorf("read the log of removals: %w", err))
			return
		}
		defer in.Close()
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		for lines.Scan() && ctx.Err() == nil {
			if len(lines.Bytes()) == 0 {
				continue
			}
			if !yield(decode(lines.Bytes(), f.path)) {
				return
			}
		}
		if err := errors.Join(lines.Err(), ctx.Err()); err != nil {
			yield(Entry{}, fmt.Errorf("read the log of removals: %w", err))
		}
	}
}

func decode(data []byte, from string) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil || e.Kind == "" {
		return Entry{}, fmt.Errorf("%s: %w", from, errors.Join(ErrDamaged, err))
	}
	return e, nil
}
