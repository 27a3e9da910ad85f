// Package minio keeps blobs in one bucket of MinIO or any other S3, under the port's keys
// behind an optional prefix. Bytes are checked at both ends: the server refuses a put whose
// SHA-256 is not the one in its name, and what is read is hashed again. Requests that can be
// repeated are, a bounded number of times.
package minio

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"

	"lineup/ingest/blob"
	"lineup/schemas"
)

// Store is a blob.Store over one bucket. Make one with New.
type Store struct {
	opts      Options
	client    *s3.Client
	transport *http.Transport
	sse       encrypt.ServerSide // nil when the bucket decides

	versioned atomic.Pointer[bool] // whether the bucket keeps old versions; nil until it said
}

var _ blob.Store = (*Store)(nil)

// New makes a store. It does not talk to the server yet, so a daemon starts while the server is
// away; Probe and Check do. Errors: ErrOptions.
func New(opts Options) (*Store, error) {
	if opts.Retries == 0 {
		opts.Retries = 4
	}
	if opts.Timeout == 0 {
		opts.Timeout = time.Minute
	}
	if err := opts.validate(); err != nil {
		return nil, err
	}
	host, secure, err := opts.endpoint()
	if err != nil {
		return nil, err
	}
	lookup, err := opts.lookup()
	if err != nil {
		return nil, err
	}
	sse, err := opts.encryption()
	if err != nil {
		return nil, err
	}
	transport, err := opts.transport(secure)
	if err != nil {
		return nil, err
	}
	client, err := s3.New(host, &s3.Options{
		Creds: opts.credentials(), Secure: secure, Transport: transport, Region: opts.Region,
		BucketLookup: lookup, MaxRetries: opts.Retries,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	client.SetAppInfo("lineup", "1")
	return &Store{opts: opts, client: client, transport: transport, sse: sse}, nil
}

// Put stores data; see blob.Store.
func (s *Store) Put(ctx context.Context, owner schemas.UUID, kind blob.Kind, data []byte) (blob.Ref, error) {
	ref, err := blob.RefOf(owner, kind, data)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return blob.Ref{}, fmt.Errorf("put blob: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	key := s.key(ref)
	if kind != blob.Page { // a page is always sent, which makes its age start again
		info, err := s.client.StatObject(ctx, s.opts.Bucket, key, s3.StatObjectOptions{})
		if err == nil && info.Size == int64(len(data)) {
			return ref, nil
		}
		if err != nil && !missing(err) {
			return blob.Ref{}, s.failed(ctx, "put blob", err)
		}
	}
	if err := s.send(ctx, key, data); err != nil {
		return blob.Ref{}, s.failed(ctx, "put blob", err)
	}
	return ref, nil
}

func (s *Store) send(ctx context.Context, key string, data []byte) error {
	digest, err := hex.DecodeString(string(schemas.DigestOf(data)))
	if err != nil {
		return err
	}
	info, err := s.client.PutObject(ctx, s.opts.Bucket, key, bytes.NewReader(data), int64(len(data)), s3.PutObjectOptions{
		ContentType:          "application/octet-stream",
		ServerSideEncryption: s.sse,
		DisableMultipart:     true,
		SendContentMd5:       true,
		// The server compares it with what arrives, and refuses to store anything else.
		UserMetadata: map[string]string{"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(digest)},
	})
	if err == nil && info.Size != int64(len(data)) {
		err = fmt.Errorf("the server stored %d bytes of %d", info.Size, len(data))
	}
	return err
}

// Get reads a blob and checks its digest; see blob.Store.
func (s *Store) Get(ctx context.Context, ref blob.Ref) ([]byte, error) {
	if err := begin(ctx, ref); err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	data, err := s.receive(ctx, s.key(ref))
	if err != nil {
		return nil, s.failed(ctx, "get blob", err)
	}
	if len(data) > blob.MaxSize || schemas.DigestOf(data) != ref.Digest {
		return nil, fmt.Errorf("get blob %s: %w", ref.Key(), blob.ErrCorrupt)
	}
	return data, nil
}

// receive reads an object whole. The client repeats requests, but not a body that broke off:
// that is done here, as often as opts say.
func (s *Store) receive(ctx context.Context, key string) ([]byte, error) {
	core := s3.Core{Client: s.client}
	var last error
	for range s.opts.Retries {
		body, _, _, err := core.GetObject(ctx, s.opts.Bucket, key, s3.GetObjectOptions{})
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(body, blob.MaxSize+1))
		body.Close()
		if err == nil || ctx.Err() != nil {
			return data, err
		}
		last = err
	}
	return nil, last
}

// Has reports whether a blob is there; see blob.Store.
func (s *Store) Has(ctx context.Context, ref blob.Ref) (bool, error) {
	if err := begin(ctx, ref); err != nil {
		return false, fmt.Errorf("look for blob: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	_, err := s.client.StatObject(ctx, s.opts.Bucket, s.key(ref), s3.StatObjectOptions{})
	if err != nil && missing(err) {
		// An answer to HEAD has no body, so a bucket that is gone looks just like this.
		return false, s.haveBucket(ctx)
	}
	if err != nil {
		return false, s.failed(ctx, "look for blob", err)
	}
	return true, nil
}

// Delete removes blobs, with all their versions where the bucket keeps any; see blob.Store.
func (s *Store) Delete(ctx context.Context, refs ...blob.Ref) error {
	for _, ref := range refs {
		if err := ref.Validate(); err != nil {
			return fmt.Errorf("delete blobs: %w", err)
		}
	}
	if len(refs) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout+time.Duration(len(refs))*s.opts.Timeout/1000)
	defer cancel()
	versioned, err := s.keepsVersions(ctx)
	if err != nil {
		return s.failed(ctx, "delete blobs", err)
	}
	if len(refs) == 1 && !versioned {
		err := s.client.RemoveObject(ctx, s.opts.Bucket, s.key(refs[0]), s3.RemoveObjectOptions{})
		if err != nil && !missing(err) {
			return s.failed(ctx, "delete blob", err)
		}
		return nil
	}
	var listing error
	results, err := s.client.RemoveObjectsWithIter(ctx, s.opts.Bucket, func(yield func(s3.ObjectInfo) bool) {
		for _, ref := range refs {
			if !versioned {
				if !yield(s3.ObjectInfo{Key: s.key(ref)}) {
					return
				}
				continue
			}
			all := s3.ListObjectsOptions{Prefix: s.key(ref), Recursive: true, WithVersions: true}
			for version := range s.client.ListObjectsIter(ctx, s.opts.Bucket, all) {
				if listing = version.Err; listing != nil || !yield(version) {
					return
				}
			}
		}
	}, s3.RemoveObjectsOptions{})
	if err != nil {
		return s.failed(ctx, "delete blobs", err)
	}
	for result := range results {
		if result.Err != nil && !missing(result.Err) && err == nil {
			err = result.Err
		}
	}
	if err == nil {
		err = listing
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return s.failed(ctx, "delete blobs", err)
	}
	return nil
}

// Walk yields the blobs of owner or of all; see blob.Store.
func (s *Store) Walk(ctx context.Context, owner schemas.UUID) iter.Seq2[blob.Info, error] {
	prefixes := []string{s.opts.Prefix}
	if owner != "" {
		if err := blob.ValidOwner(owner); err != nil {
			return func(yield func(blob.Info, error) bool) { yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err)) }
		}
		prefixes = s.prefixes(string(owner) + "/")
	}
	return s.walk(ctx, prefixes)
}

// WalkShard is Walk over one part; see blob.Store.
func (s *Store) WalkShard(ctx context.Context, shard int) iter.Seq2[blob.Info, error] {
	return s.walk(ctx, s.prefixes(blob.ShardPrefix(shard)))
}

// prefixes are what the keys of every kind begin with, for owners that begin with owner.
func (s *Store) prefixes(owner string) (all []string) {
	for _, kind := range blob.Kinds() {
		all = append(all, s.opts.Prefix+string(kind)+"/"+owner)
	}
	return all
}

func (s *Store) walk(ctx context.Context, prefixes []string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for _, prefix := range prefixes {
			if err := ctx.Err(); err != nil {
				yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
				return
			}
			for object := range s.client.ListObjectsIter(ctx, s.opts.Bucket, s3.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
				if object.Err != nil {
					yield(blob.Info{}, s.failed(ctx, "walk blobs", object.Err))
					return
				}
				ref, err := blob.ParseKey(strings.TrimPrefix(object.Key, s.opts.Prefix))
				if err != nil {
					continue // not ours
				}
				if !yield(blob.Info{Ref: ref, Size: object.Size, Modified: object.LastModified}, nil) {
					return
				}
			}
		}
		// The client ends a listing without a word when its context does.
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, fmt.Errorf("walk blobs: %w", err))
		}
	}
}

// Check writes, reads and deletes an object beside the blobs, or, for a store that only reads,
// asks for the bucket; see blob.Store.
func (s *Store) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("check object storage: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	if s.opts.ReadOnly {
		return s.haveBucket(ctx)
	}
	key, probe := s.opts.Prefix+"check/"+rand.Text(), []byte("lineup checks that it can write here")
	if err := s.send(ctx, key, probe); err != nil {
		return s.failed(ctx, "check object storage by writing", err)
	}
	got, err := s.receive(ctx, key)
	if err != nil {
		return s.failed(ctx, "check object storage by reading", err)
	}
	if !bytes.Equal(got, probe) {
		return fmt.Errorf("check object storage: %w", blob.ErrCorrupt)
	}
	if err := s.client.RemoveObject(ctx, s.opts.Bucket, key, s3.RemoveObjectOptions{}); err != nil {
		return s.failed(ctx, "check object storage by deleting", err)
	}
	return nil
}

// Close drops idle connections.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

func (s *Store) key(ref blob.Ref) string { return s.opts.Prefix + ref.Key() }

func (s *Store) haveBucket(ctx context.Context) error {
	there, err := s.client.BucketExists(ctx, s.opts.Bucket)
	if err != nil {
		return s.failed(ctx, "ask for bucket", err)
	}
	if !there {
		return s.failed(ctx, "ask for bucket", s3.ErrorResponse{Code: s3.NoSuchBucket, Message: "no such bucket"})
	}
	return nil
}

// MakeBucket makes the bucket where it is missing, if this key may, and reports whether it did.
func (s *Store) MakeBucket(ctx context.Context) (made bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	there, err := s.client.BucketExists(ctx, s.opts.Bucket)
	if err != nil {
		return false, s.failed(ctx, "ask for bucket", err)
	}
	if there {
		return false, nil
	}
	err = s.client.MakeBucket(ctx, s.opts.Bucket, s3.MakeBucketOptions{Region: s.opts.Region})
	if code := s3.ToErrorResponse(err).Code; code == "BucketAlreadyOwnedByYou" {
		return false, nil // somebody else's prepare was faster
	}
	if err != nil {
		return false, s.failed(ctx, fmt.Sprintf("make bucket %q, which is missing (a key that may make it does, or the store's own tools)",
			s.opts.Bucket), err)
	}
	return true, nil
}

func begin(ctx context.Context, ref blob.Ref) error {
	if err := ref.Validate(); err != nil {
		return err
	}
	return ctx.Err()
}

func missing(err error) bool { return s3.ToErrorResponse(err).Code == s3.NoSuchKey }

// failed says what err means in the port's words, with a hint where an operator can do something.
func (s *Store) failed(ctx context.Context, what string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	answer := s3.ToErrorResponse(err)
	switch answer.Code {
	case s3.NoSuchKey:
		return fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	case s3.NoSuchBucket:
		return fmt.Errorf("%s: there is no bucket %q on %s: make it, or correct the bucket's name: %w", what, s.opts.Bucket, s.opts.Endpoint, err)
	case s3.AccessDenied, "AllAccessDisabled":
		return fmt.Errorf("%s: refused by %s: give this key what deploy/s3 lists for its role: %w", what, s.opts.Endpoint, err)
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidTokenId", "XAdminNoSuchUser":
		return fmt.Errorf("%s: %s does not know these credentials: check access key and secret key: %w", what, s.opts.Endpoint, err)
	case "RequestTimeTooSkewed":
		return fmt.Errorf("%s: the clocks here and on %s differ too much: set them: %w", what, s.opts.Endpoint, err)
	case "XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage":
		return fmt.Errorf("%s: %w (%w)", what, blob.ErrFull, err)
	}
	if answer.StatusCode == http.StatusInsufficientStorage {
		return fmt.Errorf("%s: %w (%w)", what, blob.ErrFull, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
