package snapshot

import (
	"encoding/binary"
	"slices"

	"github.com/hivellm/synap-go/core/fault"
)

// Read calls f with each chunk of a section, in order. A chunk is valid until f returns. Everything of a block was
// verified before f sees any of it. An error of f ends it and is returned.
func (r *Reader) Read(section int, f func(chunk []byte) error) error {
	if section < 0 || section >= len(r.sections) {
		return fault.New(fault.OutOfRange, "%s has %d sections, and none %d", r.name, len(r.sections), section)
	}
	c := cursor{Reader: r, index: section, at: r.sections[section]}
	offset, end := c.at.offset, c.at.offset+c.at.stored
	for c.read < c.at.blocks {
		raw, next, err := c.block(offset, end)
		if err != nil {
			return err
		}
		if err := each(raw, f); err != nil {
			return err
		}
		offset = next
	}
	if offset != end || c.chunks != c.at.Chunks || c.bytes != c.at.Bytes {
		return r.corrupt(offset, "section %d ends with %d chunks and %d bytes, and should at offset %d with %d and %d",
			section, c.chunks, c.bytes, end, c.at.Chunks, c.at.Bytes)
	}
	return nil
}

// cursor reads the blocks of a section.
type cursor struct {
	*Reader
	at            section
	index         int    // of the section
	read          uint32 // blocks so far
	chunks, bytes int64  // in them

	packed, raw []byte // room for one block
}

// block reads, verifies and unpacks the block at an offset. next is the offset behind it.
func (c *cursor) block(offset, end int64) (raw []byte, next int64, err error) {
	var header [blockHeader]byte
	if end-offset < blockHeader {
		return nil, 0, c.corrupt(offset, "there is no room for another block of section %d", c.index)
	}
	if err := c.readAt(header[:], offset); err != nil {
		return nil, 0, err
	}
	k, crc := parseBlock(header[:])
	next = offset + blockHeader + int64(k.stored)
	if k.raw > maxRaw || k.stored > k.raw || next > end {
		return nil, 0, c.corrupt(offset, "a block says that it has %d bytes, and before compression %d", k.stored, k.raw)
	}
	c.packed = slices.Grow(c.packed[:0], int(k.stored))[:k.stored]
	if err := c.readAt(c.packed, offset+blockHeader); err != nil {
		return nil, 0, err
	}
	if checksum(c.seed, header[4:], c.packed) != crc {
		return nil, 0, c.corrupt(offset, "the checksum of a block is wrong")
	}
	if int(k.section) != c.index || k.index != c.at.first+c.read {
		return nil, 0, c.corrupt(offset, "block %d of section %d is in the place of another", k.index, k.section)
	}
	if raw, err = c.unpack(k); err != nil {
		return nil, 0, c.corrupt(offset, "a block cannot be unpacked: %v", err)
	}
	chunks, bytes, ok := count(raw)
	if !ok {
		return nil, 0, c.corrupt(offset, "a block is no sequence of chunks")
	}
	c.read, c.chunks, c.bytes = c.read+1, c.chunks+chunks, c.bytes+bytes
	return raw, next, nil
}

// unpack returns what is in the packed bytes, which is as much as the block says.
func (c *cursor) unpack(k block) ([]byte, error) {
	switch k.kind {
	case kindPlain:
		if k.stored != k.raw {
			return nil, fault.New(fault.Corrupt, "there are %d bytes for %d", k.stored, k.raw)
		}
		return c.packed, nil
	case kindZstd:
		c.raw = slices.Grow(c.raw[:0], int(k.raw))
		raw, err := c.decoder.DecodeAll(c.packed, c.raw[:0:k.raw])
		if err == nil && len(raw) != int(k.raw) {
			err = fault.New(fault.Corrupt, "there are %d bytes for %d", len(raw), k.raw)
		}
		return raw, err
	}
	return nil, fault.New(fault.Corrupt, "there is no kind %d", k.kind)
}

// count says how many chunks are in a block and how long they are; ok is false when they do not end where it ends.
func count(raw []byte) (chunks, bytes int64, ok bool) {
	for len(raw) > 0 {
		length, n := binary.Uvarint(raw)
		if n <= 0 || length > uint64(len(raw)-n) {
			return 0, 0, false
		}
		raw = raw[n+int(length):] //nolint:gosec // within raw
		chunks++
		bytes += int64(length) //nolint:gosec // likewise
	}
	return chunks, bytes, true
}

// each calls f with every chunk of a block that was counted.
func each(raw []byte, f func(chunk []byte) error) error {
	for len(raw) > 0 {
		length, n := binary.Uvarint(raw)
		end := n + int(length) //nolint:gosec // within raw
		if err := f(raw[n:end:end]); err != nil {
			return err
		}
		raw = raw[end:]
	}
	return nil
}
