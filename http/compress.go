package http

import (
	"bytes"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressAbove is the size from which on compressing an answer is worth its while.
const compressAbove = 1024

// packed is a compressed body in a pooled buffer.
type packed struct{ bytes.Buffer }

var packedBodies = sync.Pool{New: func() any { return new(packed) }}

func (p *packed) free() {
	if p.Cap() <= maxPooledBytes {
		packedBodies.Put(p)
	}
}

var (
	gzipWriters = sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for unknown levels only
		return w
	}}
	zstdWriter = sync.OnceValue(func() *zstd.Encoder {
		// EncodeAll is safe for concurrent use and starts no goroutines. Fails for contradicting options only.
		w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
		return w
	})
)

// compress returns the body in the best encoding that the caller accepts; ok is false when there is none, or
// the result is no shorter.
func compress(body []byte, r *http.Request) (p *packed, encoding string, ok bool) {
	gz, zs := acceptedEncodings(r.Header["Accept-Encoding"])
	if !gz && !zs {
		return nil, "", false
	}
	p = packedBodies.Get().(*packed)
	p.Reset()
	if zs {
		encoding = "zstd"
		p.Grow(len(body) / 2)
		_, _ = p.Write(zstdWriter().EncodeAll(body, p.AvailableBuffer()))
	} else {
		encoding = "gzip"
		w := gzipWriters.Get().(*gzip.Writer)
		defer gzipWriters.Put(w)
		w.Reset(&p.Buffer)
		_, err := w.Write(body)
		if err != nil || w.Close() != nil { // a buffer takes everything
			p.free()
			return nil, "", false
		}
	}
	if p.Len() >= len(body) {
		p.free()
		return nil, "", false
	}
	return p, encoding, true
}

// acceptedEncodings reads Accept-Encoding; a quality of zero is a refusal.
func acceptedEncodings(headers []string) (gz, zs bool) {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			name, quality, _ := strings.Cut(part, ";")
			quality = strings.ReplaceAll(quality, " ", "")
			if q, ok := strings.CutPrefix(quality, "q=0"); ok && strings.Trim(q, ".0") == "" {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip":
				gz = true
			case "zstd":
				zs = true
			}
		}
	}
	return gz, zs
}
