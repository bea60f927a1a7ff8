package umx

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
)

// Legacy is a frame of the C++ implementation: 20 bytes of header, then a payload of which nothing is said.
type Legacy struct {
	Op       Op
	Flags    uint16
	Stream   uint64
	Sequence uint32
	Payload  []byte // inflated
}

// The one flag of a legacy frame that its implementation acts on. It is called GZIP there and means zlib.
const legacyZlib = 0x0001

// DecodeLegacy reads a message that is one legacy frame, of which the payload may inflate to most bytes.
func DecodeLegacy(b []byte, most int) (*Legacy, error) {
	if len(b) < legacyBytes {
		return nil, invalid("a frame is at least %d bytes long; there are %d", legacyBytes, len(b))
	}
	f := &Legacy{Op: Op(b[1]), Flags: le.Uint16(b[2:]), Stream: le.Uint64(b[4:]), Sequence: le.Uint32(b[12:]), Payload: b[legacyBytes:]}
	length := le.Uint32(b[16:])
	switch {
	case b[0] != version:
		return nil, unsupported("version %d of the frame is not understood", b[0])
	case Flags(f.Flags)&extended != 0:
		return nil, invalid("the frame has the flag of UMX1 and not its magic")
	case len(b) >= legacyBytes+len(magic) && string(b[legacyBytes:legacyBytes+len(magic)]) == magic:
		return nil, invalid("the frame has the magic of UMX1 and not its flag")
	case f.Op >= ops:
		return nil, invalid("op %d is not one of UMICP's", f.Op)
	case uint64(length) != uint64(len(f.Payload)):
		return nil, invalid("the frame says %d bytes and has %d", length, len(f.Payload))
	case len(f.Payload) > most:
		return nil, errorf(BufferOverflow, "a payload of %d bytes is larger than %d", len(f.Payload), most)
	case f.Flags&legacyZlib == 0:
		return f, nil
	}
	r, err := zlib.NewReader(bytes.NewReader(f.Payload))
	if err != nil {
		return nil, errorf(DecompressionFailed, "the payload is not zlib: %v", err)
	}
	f.Payload, err = io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(f.Payload) > most {
		err = errors.New("it inflates to more")
	}
	if err != nil {
		return nil, errorf(DecompressionFailed, "the payload does not inflate to %d bytes at most: %v", most, err)
	}
	return f, nil
}

// Append appends the frame, without compression.
func (f *Legacy) Append(b []byte) []byte {
	b = append(b, version, byte(f.Op))
	b = le.AppendUint16(b, f.Flags)
	b = le.AppendUint64(b, f.Stream)
	b = le.AppendUint32(b, f.Sequence)
	b = le.AppendUint32(b, uint32(len(f.Payload))) //nolint:gosec // whoever sends it has bounded it
	return append(b, f.Payload...)
}
