package ingest

import (
	"fmt"

	"github.com/klauspost/compress/zstd"

	"lineup/ingest/blob"
)

// newPacker makes what compresses pages, for all of them: it costs more than a small page does.
func newPacker() (*zstd.Encoder, error) { return zstd.NewWriter(nil) }

// pack compresses a page for storage. The same page gives the same bytes.
func (in *Ingester) pack(page []byte) ([]byte, error) {
	w, err := in.packer()
	if err != nil {
		return nil, fmt.Errorf("compress a page: %w", err)
	}
	return w.EncodeAll(page, nil), nil
}

// Unpack is the inverse of pack: it returns a page that was stored as a blob.Page.
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
