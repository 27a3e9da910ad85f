package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"lineup/schemas"
)

// lines is a file of JSON lines being written, with its digest.
type lines struct {
	file    *os.File
	out     *bufio.Writer
	sum     hash.Hash
	entries int
}

func create(name string) (*lines, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file of the backup: %w", err)
	}
	l := &lines{file: f, sum: sha256.New()}
	l.out = bufio.NewWriter(io.MultiWriter(f, l.sum))
	return l, nil
}

func (l *lines) add(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an entry: %w", err)
	}
	l.entries++
	_, err = l.out.Write(append(data, '\n'))
	return err
}

// finish makes the file durable and describes it.
func (l *lines) finish() (File, error) {
	err := l.out.Flush()
	if err == nil {
		err = l.file.Sync()
	}
	if err = errors.Join(err, l.file.Close()); err != nil {
		return File{}, fmt.Errorf("write %s: %w", filepath.Base(l.file.Name()), err)
	}
	return File{Name: filepath.Base(l.file.Name()), Entries: l.entries, SHA256: schemas.Digest(hex.EncodeToString(l.sum.Sum(nil)))}, nil
}

// abandon closes the file; after finish it does nothing.
func (l *lines) abandon() { l.file.Close() }

// writeSynced writes a small file whole, and syncs it and its directory.
func writeSynced(dir, name string, data []byte) error {
	tmp := filepath.Join(dir, "."+name)
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, name))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return errors.Join(d.Sync(), d.Close())
}
