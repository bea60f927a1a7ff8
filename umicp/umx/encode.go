package umx

import (
	"net"
	"slices"
)

// Message is what is to be sent in one frame, or in several.
type Message struct {
	Op           Op
	Kind         Kind
	Flags        Flags
	Ext          ExtFlags // BodyCRC is set by the encoder where there is a body
	MetaEncoding Encoding
	MetaCodec    Codec // tried where it pays
	Sequence     uint32
	DeadlineMS   uint32
	Stream       uint64
	Request      uint64
	Credit       uint64 // of a CREDIT
	Meta         []byte
	Tensors      []Tensor
	Names        []string // not on the wire: what the tensors' Name indexes, for whoever writes the metadata
	// Codec is tried on every tensor and kept where it saves a tenth. None is the default: dense vectors do not
	// compress. Shuffle puts bytes of the same significance together first.
	Codec   Codec
	Shuffle bool
}

var zeros [align]byte

// Bare appends a frame that is a header and nothing else.
func (m *Message) Bare(b []byte) []byte {
	h := Header{Op: m.Op, Kind: m.Kind, Flags: m.Flags, Ext: m.Ext, Stream: m.Stream, Sequence: m.Sequence, Request: m.Request, MessageLen: m.Credit}
	at := len(b)
	b = append(b, zeros[:]...)
	h.put(b[at:])
	return b
}

// Append appends the message as one frame.
func (m *Message) Append(b []byte) ([]byte, error) {
	if len(m.Tensors) == 0 && m.MetaCodec == None {
		return m.appendPlain(b)
	}
	parts, err := m.Buffers(0)
	if err != nil {
		return b, err
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b, nil
}

// appendPlain is Append of a message that is metadata alone, which most are. It allocates nothing.
func (m *Message) appendPlain(b []byte) ([]byte, error) {
	if len(m.Meta) > MaxMeta {
		return b, errorf(BufferOverflow, "%d bytes of metadata are more than %d", len(m.Meta), MaxMeta)
	}
	at := len(b)
	b = append(b, zeros[:]...)
	b = append(b, m.Meta...)
	return m.Seal(b, at, len(m.Meta)), nil
}

// Seal finishes a frame of which b, from at on, holds room for the header and then metaLen bytes of metadata: it
// pads, checksums and fills in the header. Whoever encodes metadata straight into the buffer saves a copy.
func (m *Message) Seal(b []byte, at, metaLen int) []byte {
	h := Header{
		Op: m.Op, Kind: m.Kind, Flags: m.Flags, Ext: m.Ext, MetaEncoding: m.MetaEncoding, Sequence: m.Sequence,
		DeadlineMS: m.DeadlineMS, Stream: m.Stream, Request: m.Request,
	}
	return h.Seal(b, at, metaLen)
}

// Seal is Seal of a message that is metadata alone, of which the header says all but the lengths and the checksum.
func (h *Header) Seal(b []byte, at, metaLen int) []byte {
	if odd := metaLen % align; odd != 0 {
		b = append(b, zeros[odd:]...)
	}
	body := b[at+HeaderBytes:]
	h.MetaLen, h.MessageLen, h.BodyLen = uint32(metaLen), uint64(len(body)), len(body) //nolint:gosec // bounded by the caller
	if len(body) > 0 {
		h.Ext |= BodyCRC
		h.BodyCRC = CRC(body)
	}
	h.put(b[at:])
	return b
}

// Reserve appends the room for a header, to be filled in by Seal.
func Reserve(b []byte) []byte { return append(b, zeros[:]...) }

// Buffers returns the message as one frame, or as several when it is larger than maxFrame (0 is the default), in
// parts to be written one after the other. Tensors' data is not copied.
func (m *Message) Buffers(maxFrame int) (net.Buffers, error) {
	frames, err := m.Frames(maxFrame)
	return slices.Concat(frames...), err
}

// Frames is Buffers with the parts of each frame by themselves, so that others' frames can go between. They are numbered
// from Sequence on.
func (m *Message) Frames(maxFrame int) ([]net.Buffers, error) {
	meta, codec := m.storedMeta()
	head, data, err := m.layOut(meta)
	if err != nil {
		return nil, err
	}
	total := uint64(len(head))
	for _, d := range data {
		total += uint64(len(d))
	}
	h := Header{
		Op: m.Op, Kind: m.Kind, Flags: m.Flags, Ext: m.Ext, MetaEncoding: m.MetaEncoding, Sequence: m.Sequence,
		DeadlineMS: m.DeadlineMS, Stream: m.Stream, Request: m.Request, MessageLen: total, Tensors: uint16(len(m.Tensors)), //nolint:gosec // checked
		MetaLen: uint32(len(meta)), MetaCodec: codec, //nolint:gosec // checked
	}
	if maxFrame <= 0 {
		maxFrame = DefaultMaxFrame
	}
	if total+HeaderBytes <= uint64(maxFrame) { //nolint:gosec // not negative
		return []net.Buffers{frameOf(h, append(net.Buffers{head}, data...))}, nil
	}
	if m.Kind != KindMessage {
		return nil, errorf(BufferOverflow, "a frame of %d bytes is larger than the %d that were agreed on", total, maxFrame)
	}
	return fragmentsOf(h, append(net.Buffers{head}, data...), maxFrame)
}

// storedMeta is the metadata as it goes on the wire.
func (m *Message) storedMeta() ([]byte, Codec) {
	if m.MetaCodec != None {
		if packed := m.MetaCodec.pack(m.Meta); packed != nil {
			return packed, m.MetaCodec
		}
	}
	return m.Meta, None
}

// layOut returns the body: first metadata and descriptors, then the buffers with their padding.
func (m *Message) layOut(meta []byte) (head []byte, data net.Buffers, err error) {
	switch {
	case len(m.Meta) > MaxMeta:
		return nil, nil, errorf(BufferOverflow, "%d bytes of metadata are more than %d", len(m.Meta), MaxMeta)
	case len(m.Tensors) > MaxTensors:
		return nil, nil, errorf(BufferOverflow, "%d tensors are more than %d", len(m.Tensors), MaxTensors)
	}
	at := padded(uint64(len(meta)))
	next := at + uint64(len(m.Tensors))*descriptorBytes
	head = make([]byte, next)
	copy(head, meta)
	for i := range m.Tensors {
		t := m.Tensors[i]
		if err := t.check(); err != nil {
			return nil, nil, err
		}
		stored := m.store(&t)
		t.offset, t.stored = next, uint64(len(stored))
		t.put(head[at:])
		at += descriptorBytes
		next += padded(t.stored)
		if len(stored) > 0 {
			data = append(data, stored)
		}
		if odd := len(stored) % align; odd != 0 {
			data = append(data, zeros[odd:])
		}
	}
	return head, data, nil
}

// store returns what goes on the wire of a tensor's data.
func (m *Message) store(t *Tensor) []byte {
	t.codec, t.crc = None, 0
	stored := t.Data
	if m.Codec != None {
		plain, codec := t.Data, m.Codec
		if item := t.DType.itemBytes(); m.Shuffle && item > 1 && len(plain) >= minCompressed {
			plain, codec = shuffle(plain, item), codec|shuffled
		}
		if packed := m.Codec.pack(plain); packed != nil {
			stored, t.codec = packed, codec
			t.Flags |= TensorCRC // the body's checksum is of the packed bytes
		}
	}
	if t.Flags&TensorCRC != 0 {
		t.crc = CRC(t.Data)
	}
	return stored
}

// frameOf puts a header before the parts of a body.
func frameOf(h Header, parts net.Buffers) net.Buffers {
	h.BodyLen, h.BodyCRC = 0, 0
	for _, p := range parts {
		h.BodyLen += len(p)
		h.BodyCRC = update(h.BodyCRC, p)
	}
	if h.BodyLen > 0 {
		h.Ext |= BodyCRC
	}
	if len(parts) > 0 && len(parts[0]) > 0 && len(parts[0]) < 16<<10 {
		// One write of a header with what follows it is cheaper than two.
		first := make([]byte, HeaderBytes, HeaderBytes+len(parts[0]))
		h.put(first)
		parts[0] = append(first, parts[0]...)
		return parts
	}
	first := make([]byte, HeaderBytes)
	h.put(first)
	return append(net.Buffers{first}, parts...)
}

// fragmentsOf cuts a message into frames of at most maxFrame bytes.
func fragmentsOf(h Header, parts net.Buffers, maxFrame int) ([]net.Buffers, error) {
	room := (maxFrame - HeaderBytes) &^ (align - 1)
	if len(parts[0]) > room || room <= 0 {
		return nil, errorf(BufferOverflow, "metadata and descriptors of %d bytes do not fit into a frame of %d", len(parts[0]), maxFrame)
	}
	var all []net.Buffers
	flags := h.Flags
	for first := true; len(parts) > 0; first = false {
		body, rest := cut(parts, room)
		part := h
		part.Flags = FragmentStart | flags&^StreamEnd
		switch {
		case !first && len(rest) == 0:
			part.Flags = FragmentEnd | flags&StreamEnd
		case !first:
			part.Flags = FragmentContinue
		}
		if !first {
			part.Kind, part.MetaLen, part.Tensors, part.MetaCodec = KindFragment, 0, 0, None
		}
		all = append(all, frameOf(part, body))
		h.Sequence++
		parts = rest
	}
	return all, nil
}

// cut takes at most n bytes off the parts.
func cut(parts net.Buffers, n int) (taken, rest net.Buffers) {
	for i, p := range parts {
		if len(p) > n {
			if n > 0 {
				taken = append(taken, p[:n:n])
			}
			return taken, append(net.Buffers{p[n:]}, parts[i+1:]...)
		}
		taken = append(taken, p)
		n -= len(p)
	}
	return taken, nil
}
