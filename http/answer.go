package http

import (
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/hivellm/synap-go/core/fault"
)

// maxPooledBytes is the largest buffer that is kept for the next answer.
const maxPooledBytes = 1 << 20

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// answer encodes v and sends it.
func (x *exchange) answer(status int, c *codec, v any) error {
	buf := buffers.Get().(*[]byte)
	b, err := c.append((*buf)[:0], v)
	if err == nil {
		x.w.Header()["Content-Type"] = c.contentType
		x.send(status, b)
	}
	if cap(b) <= maxPooledBytes {
		*buf = b
		buffers.Put(buf)
	}
	return err
}

// send writes the body, compressed if it is worth it and the caller understands that. The content type is set.
func (x *exchange) send(status int, body []byte) {
	h := x.w.Header()
	if len(body) > compressAbove {
		h.Add("Vary", "Accept-Encoding")
		if packed, encoding, ok := compress(body, x.r); ok {
			h.Set("Content-Encoding", encoding)
			defer packed.free()
			body = packed.Bytes()
		}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.setRates()
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(body) // it fails when the caller is gone, and there is nobody to tell
	}
}

// sendText is send for a string of a kind that is not worth compressing, or too short for it; it is not copied.
func (x *exchange) sendText(body string) {
	// Of a short body that is written net/http finds the length itself, and cheaper.
	if x.r.Method == http.MethodHead || len(body) > compressAbove {
		x.w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.setRates()
	x.w.WriteHeader(http.StatusOK)
	if x.r.Method != http.MethodHead {
		_, _ = io.WriteString(x.w, body) // as in send
	}
}

// fail answers with an error.
func (x *exchange) fail(err error) {
	e := fault.From(err)
	_ = x.failAs(Status(e), e) // it always encodes, or falls back to what does
}

// failAs answers with an error under a status of its own. It always returns nil: the error has been answered.
func (x *exchange) failAs(status int, err error) error {
	e := fault.From(err)
	setErrorHeaders(x.w.Header(), e)
	body := errorAnswer{newFailure(e)}
	if x.answer(status, answerCodec(x.r), body) != nil {
		body.Error.Details = nil // only a detail can be beyond an encoder
		_ = x.answer(status, jsonCodec, body)
	}
	return nil
}
