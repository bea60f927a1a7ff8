package umx

import (
	"github.com/hivellm/synap-go/core/fault"
)

// Limits are what two peers agreed on.
type Limits struct {
	MaxFrame   int    // bytes of one frame
	MaxMessage uint64 // bytes of one message's body, also decompressed
}

// OrDefault fills in the defaults.
func (l Limits) OrDefault() Limits {
	if l.MaxFrame <= 0 {
		l.MaxFrame = DefaultMaxFrame
	}
	if l.MaxMessage == 0 {
		l.MaxMessage = DefaultMaxMessage
	}
	return l
}

// Frame is a frame, decoded. It holds views of the bytes that it was decoded from; whoever keeps any of them
// beyond those bytes copies them.
type Frame struct {
	Header
	Meta    []byte   // the metadata, decompressed
	Tensors []Tensor // shadows Header.Tensors, which counts them
	Body    []byte   // of this frame, as it came; the tensors of a fragment are not complete
	Unpaid  int      // of the body's bytes, those that flow control was not given back: of a message in fragments the last one's
	owned   bool     // the body has memory of its own
}

// Decode reads the frame that b begins with, which must be there whole. n is its length. A frame to be ignored
// (Kind unknown, Ignorable) is left without body.
func (f *Frame) Decode(b []byte, l Limits) (n int, err error) {
	l = l.OrDefault()
	if err := f.ParseHeader(b, l.MaxFrame); err != nil {
		return 0, err
	}
	n = HeaderBytes + f.BodyLen
	if len(b) < n {
		return 0, invalid("a frame of %d bytes ends after %d", n, len(b))
	}
	return n, f.DecodeBody(b[HeaderBytes:n:n], l)
}

// DecodeBody reads the body of the frame whose header was parsed.
func (f *Frame) DecodeBody(body []byte, l Limits) error {
	f.Body, f.Meta, f.Tensors, f.Unpaid, f.owned = body, nil, f.Tensors[:0], len(body), false
	if f.Kind >= kinds || f.Kind.Bare() {
		return nil
	}
	if f.Ext&BodyCRC != 0 {
		if crc := CRC(body); crc != f.BodyCRC {
			return errorf(ChecksumMismatch, "the body's checksum is %08x, not %08x", crc, f.BodyCRC)
		}
	}
	if f.Kind == KindFragment {
		return nil
	}
	l = l.OrDefault()
	if f.MessageLen > l.MaxMessage {
		return errorf(BufferOverflow, "a message of %d bytes is larger than the %d that were agreed on", f.MessageLen, l.MaxMessage)
	}
	if err := f.metadata(body); err != nil {
		return err
	}
	if f.Header.Tensors == 0 {
		if head := padded(uint64(f.MetaLen)); head != f.MessageLen {
			return invalid("%d bytes follow the metadata, and no tensor has them", f.MessageLen-head)
		}
		return nil
	}
	if err := f.descriptors(body, l.MaxMessage); err != nil || f.Flags&FragmentStart != 0 {
		return err
	}
	return f.Complete(body)
}

// metadata finds, unpacks and bounds the metadata.
func (f *Frame) metadata(body []byte) error {
	meta := body[:f.MetaLen]
	if !zero(body[f.MetaLen:padded(uint64(f.MetaLen))]) {
		return invalid("the metadata is not padded with zeros")
	}
	switch {
	case f.MetaCodec == None:
	case !f.MetaCodec.known():
		return unsupported("codec %d is not understood", uint8(f.MetaCodec))
	default:
		var err error
		if meta, err = f.MetaCodec.atMost(meta, MaxMeta); err != nil {
			return err
		}
	}
	if f.MetaEncoding == JSON && TooDeep(meta) {
		return errorf(InvalidEnvelope, "the metadata nests more than %d deep", MaxDepth)
	}
	f.Meta = meta
	return nil
}

// descriptors reads them all and checks that the buffers tile what is behind them.
func (f *Frame) descriptors(body []byte, left uint64) error {
	at := padded(uint64(f.MetaLen))
	next := at + uint64(f.Header.Tensors)*descriptorBytes
	for range f.Header.Tensors {
		var t Tensor
		size, err := t.parse(body[at:], left)
		if err != nil {
			return err
		}
		left -= size
		at += descriptorBytes
		switch {
		case t.offset%align != 0:
			return invalid("a buffer begins at %d, which is no multiple of %d", t.offset, align)
		case t.offset != next:
			return invalid("a buffer begins at %d and not at %d, where the one before ends", t.offset, next)
		case t.stored > f.MessageLen-next:
			return invalid("a buffer of %d bytes goes beyond the message's end", t.stored)
		}
		next += padded(t.stored)
		f.Tensors = append(f.Tensors, t)
	}
	if next != f.MessageLen {
		return invalid("the buffers end at %d and the message at %d", next, f.MessageLen)
	}
	return nil
}

// Complete gives the tensors their data out of the message's whole body.
func (f *Frame) Complete(body []byte) error {
	for i := range f.Tensors {
		t := &f.Tensors[i]
		end := t.offset + t.stored
		if !zero(body[end:padded(end)]) {
			return invalid("a buffer is not padded with zeros")
		}
		t.Data = body[t.offset:end:end]
		if kind := t.codec &^ shuffled; kind != None {
			size, err := t.Size()
			if err != nil {
				return err
			}
			if t.Data, err = kind.exactly(t.Data, size); err != nil {
				return err
			}
			if t.codec&shuffled != 0 {
				t.Data = unshuffle(t.Data, t.DType.itemBytes())
			}
		}
		if t.Flags&TensorCRC != 0 && CRC(t.Data) != t.crc {
			return errorf(ChecksumMismatch, "tensor %d has the checksum %08x, not %08x", i, CRC(t.Data), t.crc)
		}
	}
	return nil
}

// zero reports whether all bytes, fewer than 64, are zero.
func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// TooDeep reports whether JSON nests too deep to recurse into. It need not be valid.
func TooDeep(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// AsFault turns a codec's error into one in the terms of commands.
func AsFault(err error) *fault.Error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // only an Error of this package itself is translated
		return fault.New(e.Code.Fault(), "%s", e.Reason)
	}
	return fault.From(err)
}

// Own returns a copy of the frame that stays valid. What had memory of its own already is not copied.
func (f *Frame) Own() *Frame {
	own := *f
	own.owned = true
	if !f.Owned() {
		own.Body = append([]byte(nil), f.Body...)
	}
	if f.MetaCodec == None {
		own.Meta = own.Body[:f.MetaLen]
	}
	own.Tensors = append([]Tensor(nil), f.Tensors...)
	for i := range own.Tensors {
		if t := &own.Tensors[i]; t.codec == None {
			t.Data = own.Body[t.offset : t.offset+t.stored : t.offset+t.stored]
		}
	}
	return &own
}

// Held is how many bytes the frame holds: its body, and what of it was unpacked.
func (f *Frame) Held() int64 {
	n := int64(f.BodyLen) + f.unpacked()
	for i := range f.Tensors {
		if t := &f.Tensors[i]; t.codec != None {
			n += int64(len(t.Data))
		}
	}
	return n
}

// unpacked is how many bytes the metadata takes besides the body.
func (f *Frame) unpacked() int64 {
	if f.MetaCodec == None {
		return 0
	}
	return int64(len(f.Meta))
}

// Owned reports whether the frame's body has memory of its own, which stays valid and belongs to its receiver.
func (f *Frame) Owned() bool { return f.owned || f.BodyLen+HeaderBytes > fullBuffer }
