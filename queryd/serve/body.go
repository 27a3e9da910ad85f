package serve

import (
	"context"
	"io"
	"net/http"
	"strings"

	"lineup/queryd/keys"
)

// maxUnpaid bounds the bytes of a body that are read before a key is known: room for a form or a JSON
// object that carries the key itself.
const maxUnpaid = 16 << 10

// Bytes that are read and forgotten of a body that was refused, so that its client reads the answer
// instead of a broken connection: with a key that works, and without.
const (
	maxReadOn       = 64 << 20
	maxReadOnUnpaid = 8 << 20
)

// body is the body of a request: it knows whether it was read to its end, and holds a place among the
// bodies that are read at once.
type body struct {
	io.ReadCloser
	ended bool   // at its end, or broken
	leave func() // gives the place back; nil: has none
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended = true
		b.release()
	}
	return n, err
}

func (b *body) release() {
	if b.leave != nil {
		b.leave()
		b.leave = nil
	}
}

// readOn sends what was answered and then reads on what the client still sends: most clients read an
// answer only when they have sent all, and would see a broken connection instead of it. It ends with the
// time of a request at the latest.
func (b *body) readOn(w http.ResponseWriter, r *http.Request, x *Exchange) {
	if b.ended || strings.EqualFold(r.Header.Get("Expect"), "100-continue") { // who asks first reads the answer first
		return
	}
	most := int64(maxReadOnUnpaid)
	if x.Paid {
		most = maxReadOn
	}
	if http.NewResponseController(w).Flush() == nil {
		if refused, ok := r.Context().Value(refusedKey{}).(func()); ok {
			refused()
		}
		io.Copy(io.Discard, io.LimitReader(b, most))
	}
}

type refusedKey struct{}

// WithRefused is a context of a connection's requests; refused is called when one has had its answer and the client still sends.
func WithRefused(ctx context.Context, refused func()) context.Context {
	return context.WithValue(ctx, refusedKey{}, refused)
}

// UnpaidBody bounds the body of a request whose key may stand in the body itself.
func UnpaidBody(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxUnpaid)
}

// PaidBody lets the body of a request be read, up to so many bytes, for a key that was found to work. The
// process reads only so many bodies at once; beyond that it is busy.
func (s *Server) PaidBody(w http.ResponseWriter, r *http.Request, key keys.Key, bound int64) error {
	b := ExchangeOf(r.Context()).body
	if b == nil || b.ended || b.leave != nil { // none is sent, or it has its place
		return nil
	}
	leave, ok := s.places.take(key.ID)
	if !ok {
		s.metrics.refused.WithLabelValues("bodies").Inc()
		return &Failure{Status: http.StatusServiceUnavailable, Reason: "busy", Retry: 2,
			Message: "Too many requests are being read at the moment. Try again in a few seconds."}
	}
	b.leave = leave
	r.Body = http.MaxBytesReader(w, r.Body, bound)
	return nil
}
