package http

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/core/fault"
)

// What a compressed body may become. Below ratioFrom no ratio can do harm, and short texts of one letter reach any.
const (
	maxInflateRatio = 100
	ratioFrom       = 64 << 10
)

// readBody returns the whole body, inflated.
func (d *Door) readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	body, err := d.openBody(r)
	if err != nil {
		return nil, err
	}
	defer body.free()
	// The buffer grows with what has come, not with what was promised.
	b := make([]byte, 0, min(max(r.ContentLength, 512), 64<<10)+1)
	for {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// openBody returns a reader of the body that inflates it and ends with an error in the caller's terms when it
// becomes larger than is allowed. Whoever opens it frees it.
func (d *Door) openBody(r *http.Request) (*bounded, error) {
	limit := d.rules.Load().maxBody
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	b := &bounded{source: counter{Reader: r.Body}, limit: limit}
	b.reader = &b.source
	var err error
	switch encoding := strings.ToLower(first(r.Header, "Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		z := gzipReaders.Get().(*gzip.Reader)
		b.reader, b.inflates = z, true
		b.release = func() { gzipReaders.Put(z) }
		err = z.Reset(&b.source)
	case "zstd":
		z := zstdReaders.Get().(*zstd.Decoder)
		b.reader, b.inflates = z, true
		b.release = func() {
			_ = z.Reset(nil) // forgets the source; a decoder without one cannot fail
			zstdReaders.Put(z)
		}
		err = z.Reset(&b.source)
	default:
		return nil, fault.New(fault.Unsupported, "content encoding %q is not understood: send gzip, zstd or none", clip(encoding))
	}
	if err != nil {
		b.free()
		return nil, b.explain(err)
	}
	return b, nil
}

func tooLarge(limit int64) *fault.Error {
	return fault.New(fault.TooLarge, "the body is longer than %d bytes", limit).With("limit", limit)
}

const maxZstdWindow = 8 << 20 // a frame that asks for more memory is refused

var (
	gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}
	zstdReaders = sync.Pool{New: func() any {
		// With a concurrency of one it starts no goroutines. Fails for contradicting options only.
		z, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		return z
	}}
)

// bounded is a body that cannot grow beyond its limit, nor beyond what its compressed form makes plausible.
type bounded struct {
	source   counter
	reader   io.Reader
	release  func() // gives a pooled reader back; nil when there is none, or it was given back
	inflates bool
	limit    int64
	out      int64
}

// Read implements io.Reader. Its errors are fault.Errors.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	b.out += int64(n)
	switch {
	case b.out > b.limit:
		return 0, tooLarge(b.limit)
	case b.inflates && b.out > ratioFrom && b.out > maxInflateRatio*b.source.n:
		return 0, fault.New(fault.TooLarge, "the body inflates to more than %d times its size", maxInflateRatio).
			With("limit", maxInflateRatio)
	case err != nil && !errors.Is(err, io.EOF):
		return 0, b.explain(err)
	}
	return n, err
}

func (b *bounded) explain(err error) error {
	switch {
	case b.source.err != nil && errors.Is(b.source.err, os.ErrDeadlineExceeded):
		return fault.Wrap(fault.Timeout, err, "the body did not arrive in time")
	case b.source.err != nil && !errors.Is(b.source.err, io.EOF):
		return fault.Wrap(fault.Invalid, err, "the body ends before its length")
	case b.inflates:
		return fault.Wrap(fault.Invalid, err, "the body is not in the encoding that Content-Encoding names")
	}
	return fault.Wrap(fault.Invalid, err, "the body cannot be read")
}

func (b *bounded) free() {
	if b.release != nil {
		b.release()
		b.release = nil
	}
}

// counter counts what was read, and keeps the error that ended it.
type counter struct {
	io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
