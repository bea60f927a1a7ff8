package http

import (
	"github.com/hivellm/synap-go/core/pack"
)

// appendMsgPack appends v in MessagePack: what its JSON says, value by value and in the same order, so that the
// two encodings of an answer cannot disagree. The JSON of bytes, {"$base64":"…"}, becomes bin.
//
// A MessagePack library that reads Go's struct tags was tried: it knows neither omitzero nor MarshalJSON, and
// writes what marshals itself as text as bin.
func appendMsgPack(b []byte, v any) ([]byte, error) {
	buf := buffers.Get().(*[]byte)
	text, err := appendJSON((*buf)[:0], v)
	if err == nil {
		b, _, err = pack.FromJSON(b, text)
	}
	if cap(text) <= maxPooledBytes {
		*buf = text
		buffers.Put(buf)
	}
	return b, err
}
