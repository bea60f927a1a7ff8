package load

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Frames speaks UMICP in the short form. Every request is one of the metadata, in turn.
type Frames struct {
	Requests [][]byte // [operation, arguments] in MessagePack
	id       uint64
}

// Request is the metadata of a request for the command of that number.
func Request(op uint16, args any) ([]byte, error) {
	return pack.Append(pack.AppendUint(pack.AppendArray(nil, 2), uint64(op)), args)
}

// Greeting implements Protocol.
func (f *Frames) Greeting() []byte {
	hello := umx.Message{Kind: umx.KindHello, Meta: umx.NewHello("load", umx.Limits{}).Meta()}
	b, err := hello.Append(nil)
	if err != nil {
		panic(err) // it is small
	}
	return b
}

// Append implements Protocol.
func (f *Frames) Append(b []byte) []byte {
	meta := f.Requests[f.id%uint64(len(f.Requests))]
	f.id++
	at := len(b)
	b = append(umx.Reserve(b), meta...)
	m := umx.Message{Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Sequence: uint32(f.id), Request: f.id} //nolint:gosec // it wraps as it should
	return m.Seal(b, at, len(meta))
}

// Take implements Protocol.
func (f *Frames) Take(b []byte) (int, error) {
	var h umx.Header
	if len(b) < umx.HeaderBytes {
		return 0, nil
	}
	if err := h.ParseHeader(b, 1<<20); err != nil {
		return 0, err
	}
	whole := umx.HeaderBytes + h.BodyLen
	switch {
	case len(b) < whole:
		return 0, nil
	case h.Kind == umx.KindError || h.Kind == umx.KindGoAway:
		return 0, fmt.Errorf("the server answers %q", b[umx.HeaderBytes:whole])
	}
	return whole, nil
}

// RESP speaks Redis' protocol. Every request is one of those given, in turn.
type RESP struct {
	Requests [][]byte
	n        int
}

// Command is a request in RESP.
func Command(words ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b
}

// Greeting implements Protocol.
func (r *RESP) Greeting() []byte { return nil }

// Append implements Protocol.
func (r *RESP) Append(b []byte) []byte {
	r.n++
	return append(b, r.Requests[r.n%len(r.Requests)]...)
}

// Take implements Protocol. It knows what is answered to SET and GET.
func (r *RESP) Take(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n"))
	if end < 0 {
		return 0, nil
	}
	switch b[0] {
	case '+', ':':
		return end + 2, nil
	case '$':
		size, err := strconv.Atoi(string(b[1:end]))
		if err != nil || size < 0 {
			return end + 2, err
		}
		if len(b) < end+2+size+2 {
			return 0, nil
		}
		return end + 2 + size + 2, nil
	}
	return 0, fmt.Errorf("the server answers %q", b[:end])
}
