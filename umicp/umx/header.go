// Package umx is UMX1, the binary frame of UMICP: what carries vectors and matrices between peers as they are
// in memory.
//
// A frame is a 64-byte header, then metadata, tensor descriptors and buffers, each
// at a multiple of 64. Decoding trusts nothing: every check is made before the
// field it guards is used, every length is bounded before memory is taken for it,
// and a tensor is a view of the bytes that were read wherever its address allows.
// Encoding is canonical: one message has one sequence of bytes.
//
// The package is pure: it does no I/O of its own but through what it is given, keeps
// no state between frames except in what its caller holds, and knows neither
// commands nor sessions. Clients and the server share it.
package umx

import (
	"encoding/binary"
	"hash/crc32"
)

// The header. All integers are little-endian. Its first 20 bytes are the frame header of the C++ implementation,
// whose decoders therefore accept these frames and see a payload of length bytes.
//
//	 0        1        2                 4
//	┌────────┬────────┬─────────────────┬──────────────────────────────────┐
//	│version │op      │flags        u16 │stream_id                     u64 │
//	├────────┴────────┴─────────────────┼──────────────────────────────────┤ 12
//	│sequence                       u32 │length                        u32 │
//	├───────────────────────────────────┼────────┬────────┬────────┬───────┤ 20
//	│magic "UMX1"                       │ext_ver │kind    │meta_enc│meta_cd│
//	├─────────────────┬─────────────────┼────────┴────────┴────────┴───────┤ 28
//	│tensor_count u16 │ext_flags    u16 │request_id                    u64 │
//	├─────────────────┴─────────────────┼──────────────────────────────────┤ 40
//	│meta_len                       u32 │deadline_ms                   u32 │
//	├───────────────────────────────────┴──────────────────────────────────┤ 48
//	│message_len                                                       u64 │
//	├───────────────────────────────────┬──────────────────────────────────┤ 56
//	│body_crc32c                    u32 │header_crc32c                 u32 │
//	└───────────────────────────────────┴──────────────────────────────────┘ 64
//
// The layout and all numbers in this file are permanent.
const (
	HeaderBytes = 64
	align       = 64 // every part of a body begins at a multiple of it
	legacyBytes = 20 // the header of the C++ implementation
	version     = 1
	extVersion  = 1
	magic       = "UMX1"
)

// Op is what a message is for, as in an envelope.
type Op uint8

// The ops.
const (
	OpControl Op = iota
	OpData
	OpAck
	OpError
	OpRequest
	OpResponse

	ops // one more than the last
)

// Flags are bits of the frame header.
type Flags uint16

// The flags. Every other bit is zero.
const (
	FragmentStart    Flags = 0x0008
	FragmentContinue Flags = 0x0010
	FragmentEnd      Flags = 0x0020
	StreamStart      Flags = 0x0040
	StreamEnd        Flags = 0x0080
	WantAck          Flags = 0x4000
	extended         Flags = 0x8000 // always set: what tells the frame from a legacy one

	fragments  = FragmentStart | FragmentContinue | FragmentEnd
	knownFlags = fragments | StreamStart | StreamEnd | WantAck | extended
)

// Kind is what a frame is.
type Kind uint8

// The kinds.
const (
	KindMessage Kind = iota
	KindHello
	KindWelcome
	KindPing
	KindPong
	KindCredit
	KindCancel
	KindGoAway
	KindError
	KindFragment

	kinds // one more than the last
)

// Bare reports whether frames of this kind are a header and nothing else. Their sequence is not counted.
func (k Kind) Bare() bool { return k >= KindPing && k <= KindGoAway }

// Encoding is how metadata is written.
type Encoding uint8

// The encodings.
const (
	JSON        Encoding = 0
	MessagePack Encoding = 2
)

// ExtFlags are bits of the extended header.
type ExtFlags uint16

// The extended flags. Every other bit is zero.
const (
	BodyCRC   ExtFlags = 1 // body_crc32c is that of the body
	Ignorable ExtFlags = 2 // who does not know the kind drops the frame instead of the connection
	Compact   ExtFlags = 4 // the metadata is a MessagePack array and not an envelope

	knownExtFlags = BodyCRC | Ignorable | Compact
)

// Limits that hold whatever was negotiated.
const (
	MaxMeta    = 1 << 20 // bytes of metadata, stored and decoded
	MaxTensors = 1024    // of one message
	MaxRank    = 4
	MaxDepth   = 32 // how deep metadata in JSON or MessagePack may nest

	DefaultMaxFrame   = 64 << 20  // bytes of one frame
	DefaultMaxMessage = 256 << 20 // bytes of one message's body, also decompressed
)

// Header is a frame's header, checked.
type Header struct {
	Op           Op
	Kind         Kind
	Flags        Flags // without the one that is always set
	Ext          ExtFlags
	MetaEncoding Encoding
	MetaCodec    Codec
	Tensors      uint16
	Sequence     uint32 // of a CANCEL or GOAWAY, the reason
	MetaLen      uint32 // stored bytes
	DeadlineMS   uint32 // what is left of the caller's time; 0 is none
	BodyCRC      uint32
	Stream       uint64
	Request      uint64
	MessageLen   uint64 // body bytes over all fragments; of a CREDIT, the increment
	BodyLen      int    // body bytes of this frame; a multiple of 64
}

// Last reports whether the message ends with this frame.
func (h *Header) Last() bool { return h.Flags&fragments == 0 || h.Flags&FragmentEnd != 0 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// CRC is the checksum of UMX1: CRC-32C.
func CRC(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

var le = binary.LittleEndian

// Sniff says what a message begins with: '{' for a JSON envelope, 'X' for UMX1, 'L' for a legacy frame, 0 for
// something else.
func Sniff(b []byte) byte {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '{' || b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n':
		return '{'
	case b[0] != version:
		return 0
	case len(b) >= 4 && Flags(le.Uint16(b[2:]))&extended != 0:
		return 'X'
	case len(b) >= legacyBytes:
		return 'L'
	}
	return 0
}

// FrameLength is how many bytes the frame has whose header is at the beginning of b, as that says.
func FrameLength(b []byte) uint64 { return uint64(le.Uint32(b[16:])) + legacyBytes }

// ParseHeader reads the first 64 bytes of a frame of at most maxFrame bytes.
func (h *Header) ParseHeader(b []byte, maxFrame int) error {
	if len(b) < HeaderBytes {
		return invalid("a frame is at least %d bytes long; there are %d", HeaderBytes, len(b))
	}
	b = b[:HeaderBytes:HeaderBytes]
	flags := Flags(le.Uint16(b[2:]))
	switch {
	case string(b[20:24]) != magic:
		return invalid("the frame has no magic")
	case b[0] != version || b[24] != extVersion:
		return unsupported("version %d.%d of the frame is not understood", b[0], b[24])
	case flags&extended == 0:
		return invalid("the frame has the magic of UMX1 and not its flag")
	}
	if crc := CRC(b[:60]); crc != le.Uint32(b[60:]) {
		return errorf(ChecksumMismatch, "the header's checksum is %08x, not %08x", crc, le.Uint32(b[60:]))
	}
	length := FrameLength(b)
	switch {
	case length > uint64(max(maxFrame, HeaderBytes)): //nolint:gosec // not negative
		return errorf(BufferOverflow, "a frame of %d bytes is larger than the %d that were agreed on", length, maxFrame)
	case length < HeaderBytes || length%align != 0:
		return invalid("a frame of %d bytes is not a multiple of %d", length, align)
	}
	*h = Header{
		Op: Op(b[1]), Flags: flags &^ extended, Stream: le.Uint64(b[4:]), Sequence: le.Uint32(b[12:]),
		Kind: Kind(b[25]), MetaEncoding: Encoding(b[26]), MetaCodec: Codec(b[27]),
		Tensors: le.Uint16(b[28:]), Ext: ExtFlags(le.Uint16(b[30:])), Request: le.Uint64(b[32:]),
		MetaLen: le.Uint32(b[40:]), DeadlineMS: le.Uint32(b[44:]), MessageLen: le.Uint64(b[48:]),
		BodyCRC: le.Uint32(b[56:]), BodyLen: int(length) - HeaderBytes, //nolint:gosec // bounded by maxFrame
	}
	return h.check(flags)
}

// check refuses fields that make no sense, alone or together.
func (h *Header) check(flags Flags) error {
	switch {
	case h.Kind >= kinds:
		if h.Ext&Ignorable != 0 {
			return nil
		}
		return unsupported("frames of kind %d are not understood", h.Kind)
	case flags&^knownFlags != 0 || h.Ext&^knownExtFlags != 0:
		return invalid("the frame has flags that are reserved: %#04x, %#04x", uint16(flags&^knownFlags), uint16(h.Ext&^knownExtFlags))
	case h.Op >= ops:
		return invalid("op %d is not one of UMICP's", h.Op)
	case h.Kind.Bare() && (h.BodyLen != 0 || h.MetaLen != 0 || h.Tensors != 0 || h.Flags&fragments != 0):
		return invalid("a frame of kind %d is a header and nothing else", h.Kind)
	case h.Kind.Bare():
		return nil
	case h.MetaLen > MaxMeta:
		return invalid("%d bytes of metadata are more than %d", h.MetaLen, MaxMeta)
	case h.Tensors > MaxTensors:
		return invalid("%d tensors are more than %d", h.Tensors, MaxTensors)
	case h.MetaEncoding != JSON && h.MetaEncoding != MessagePack:
		return unsupported("metadata encoding %d is not understood", h.MetaEncoding)
	}
	return h.checkFragment()
}

func (h *Header) checkFragment() error {
	part := h.Flags & fragments
	switch {
	case h.Kind == KindFragment:
		if (part != FragmentContinue && part != FragmentEnd) || h.MetaLen != 0 || h.Tensors != 0 || h.BodyLen == 0 {
			return invalid("a FRAGMENT goes on with a message's body: it has one of the flags 0x10 and 0x20, and no metadata of its own")
		}
		return nil
	case part != 0 && part != FragmentStart:
		return invalid("a frame of kind %d cannot go on with a message", h.Kind)
	case part == 0 && h.MessageLen != uint64(h.BodyLen): //nolint:gosec // not negative
		return invalid("message_len is %d and the body is %d bytes long", h.MessageLen, h.BodyLen)
	case part == FragmentStart && (h.MessageLen <= uint64(h.BodyLen) || h.MessageLen%align != 0): //nolint:gosec // as above
		return invalid("a message of %d bytes does not begin with a fragment of %d", h.MessageLen, h.BodyLen)
	}
	if head := padded(uint64(h.MetaLen)) + uint64(h.Tensors)*descriptorBytes; head > uint64(h.BodyLen) { //nolint:gosec // as above
		return invalid("metadata and descriptors take %d bytes, and the body has %d", head, h.BodyLen)
	}
	return nil
}

// put writes the header into the first 64 bytes of b.
func (h *Header) put(b []byte) {
	b = b[:HeaderBytes:HeaderBytes]
	b[0], b[1] = version, byte(h.Op)
	le.PutUint16(b[2:], uint16(h.Flags|extended))
	le.PutUint64(b[4:], h.Stream)
	le.PutUint32(b[12:], h.Sequence)
	le.PutUint32(b[16:], uint32(h.BodyLen+HeaderBytes-legacyBytes)) //nolint:gosec // callers bound it
	copy(b[20:], magic)
	b[24], b[25], b[26], b[27] = extVersion, byte(h.Kind), byte(h.MetaEncoding), byte(h.MetaCodec)
	le.PutUint16(b[28:], h.Tensors)
	le.PutUint16(b[30:], uint16(h.Ext))
	le.PutUint64(b[32:], h.Request)
	le.PutUint32(b[40:], h.MetaLen)
	le.PutUint32(b[44:], h.DeadlineMS)
	le.PutUint64(b[48:], h.MessageLen)
	le.PutUint32(b[56:], h.BodyCRC)
	le.PutUint32(b[60:], CRC(b[:60]))
}

// padded is the next multiple of 64.
func padded(n uint64) uint64 { return (n + align - 1) &^ (align - 1) }

// update goes on with a checksum.
func update(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }
