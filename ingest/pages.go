package ingest

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"lineup/ingest/blob"
)

// pack compresses a page for storage. The same page gives the same bytes.
func pack(page []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("compress a page: %w", err)
	}
	defer w.Close()
	return w.EncodeAll(page, nil), nil
}

// Unpack gives the page back that was stored as a blob.Page.
func Unpack(stored []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(4*blob.MaxSize))
	if err != nil {
		return nil, fmt.Errorf("decompress a page: %w", err)
	}
	defer r.Close()
	page, err := r.DecodeAll(stored, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress a page: %w", err)
	}
	return page, nil
}
