package minio

import (
	"context"
	"iter"
	"strings"

	s3 "github.com/minio/minio-go/v7"
)

// PutNote stores data under a name that is no blob's; what is there already stays. Its users write the same bytes
// under a name, or bytes that say the same.
func (s *Store) PutNote(ctx context.Context, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	_, err := s.client.StatObject(ctx, s.opts.Bucket, s.opts.Prefix+name, s3.StatObjectOptions{})
	if missing(err) {
		err = s.send(ctx, s.opts.Prefix+name, data)
	}
	if err != nil {
		return s.failed(ctx, "put "+name, err)
	}
	return nil
}

// Notes yields the objects whose names begin with prefix.
func (s *Store) Notes(ctx context.Context, prefix string) iter.Seq2[struct {
	Name string
	Data []byte
}, error] {
	type note = struct {
		Name string
		Data []byte
	}
	return func(yield func(note, error) bool) {
		for object := range s.client.ListObjectsIter(ctx, s.opts.Bucket, s3.ListObjectsOptions{Prefix: s.opts.Prefix + prefix, Recursive: true}) {
			if object.Err != nil {
				yield(note{}, s.failed(ctx, "list "+prefix, object.Err))
				return
			}
			data, err := s.receive(ctx, object.Key)
			if err != nil {
				yield(note{}, s.failed(ctx, "read "+object.Key, err))
				return
			}
			if !yield(note{strings.TrimPrefix(object.Key, s.opts.Prefix), data}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(note{}, s.failed(ctx, "list "+prefix, err))
		}
	}
}

// NotesIn says where the objects lie whose names begin with prefix.
func (s *Store) NotesIn(prefix string) string {
	return s.opts.Endpoint + ", bucket " + s.opts.Bucket + ", " + s.opts.Prefix + prefix
}
