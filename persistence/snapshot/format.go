package snapshot

import (
	"encoding/binary"
	"hash/crc32"
)

// A file is a header, the blocks of all sections one after the other, and a footer. Integers are little-endian.
// See format.md. The header:
//
//	┌────────────┬──────────┬──────────────┬─────────────┬────────────┬──────────┬─────────────────┬─────────┐
//	│ "SYNAPSNP" │ crc, u32 │ version, u32 │ length, u32 │ epoch, u64 │ seq, u64 │ created, u64 ms │ program │
//	└────────────┴──────────┴──────────────┴─────────────┴────────────┴──────────┴─────────────────┴─────────┘
//
// length is that of the whole header, crc covers what follows it.
const (
	beginMagic    = "SYNAPSNP"
	formatVersion = 1
	headerBytes   = 44 // without the program's version
	maxProgram    = 255
	maxHeader     = 4096 // of any version, so that a later one is told from damage
)

// A block:
//
//	┌──────────┬──────────┬──────────────┬────────────┬──────────┬─────────────┬────────────────┐
//	│ crc, u32 │ kind, u8 │ section, u32 │ block, u32 │ raw, u32 │ stored, u32 │ stored bytes … │
//	└──────────┴──────────┴──────────────┴────────────┴──────────┴─────────────┴────────────────┘
//
// crc covers the header's crc and what follows it. section and block count from 0 through the file. The bytes are
// the chunks as they are or compressed; each is its length, an unsigned varint, and its bytes.
const (
	blockHeader = 21
	kindPlain   = 0
	kindZstd    = 1

	blockBytes = 256 << 10            // what a block gathers, unless one chunk is larger
	maxVarint  = 4                    // of a chunk's length
	maxRaw     = MaxChunk + maxVarint // what a block may hold before compression
)

// MaxChunk is how long a chunk may be, in bytes.
const MaxChunk = 64 << 20

// The footer: as often as there are sections the first box, then the second.
//
//	┌────────────────┬───────────────┬───────────┬─────────────┬─────────────┬────────────┬─────────────┐
//	│ namespace, u32 │ structure, u8 │ part, u16 │ blocks, u32 │ chunks, u64 │ bytes, u64 │ stored, u64 │
//	└────────────────┴───────────────┴───────────┴─────────────┴─────────────┴────────────┴─────────────┘
//	┌──────────┬───────────────┬─────────────┬──────────┬────────────┐
//	│ end, u64 │ sections, u32 │ blocks, u32 │ crc, u32 │ "SYNAPEND" │
//	└──────────┴───────────────┴─────────────┴──────────┴────────────┘
//
// crc covers the header's crc and the footer up to here. stored is the length of the section's blocks with their
// headers. Header, sections and footer are all that there is.
const (
	endMagic    = "SYNAPEND"
	entryBytes  = 35
	tailBytes   = 28
	maxSections = 1 << 24
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum covers the header's crc, so that what belongs to another file is never taken for a part of this one.
func checksum(seed uint32, parts ...[]byte) uint32 {
	crc := crc32.Checksum(binary.LittleEndian.AppendUint32(nil, seed), castagnoli)
	for _, part := range parts {
		crc = crc32.Update(crc, castagnoli, part)
	}
	return crc
}

func appendHeader(b []byte, h Header) []byte {
	program := h.Version[:min(len(h.Version), maxProgram)]
	start := len(b)
	b = append(b, beginMagic...)
	b = binary.LittleEndian.AppendUint32(b, 0) // the crc, when the rest is there
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, uint32(headerBytes+len(program))) //nolint:gosec // at most 299
	b = binary.LittleEndian.AppendUint64(b, h.Epoch)
	b = binary.LittleEndian.AppendUint64(b, h.Seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Created)) //nolint:gosec // taken back as it was given
	b = append(b, program...)
	binary.LittleEndian.PutUint32(b[start+8:], crc32.Checksum(b[start+12:], castagnoli))
	return b
}

// headerCRC is what ties the parts of a file together.
func headerCRC(header []byte) uint32 { return binary.LittleEndian.Uint32(header[8:]) }

// block is a block's header, without the crc.
type block struct {
	kind           uint8
	section, index uint32
	raw, stored    uint32
}

// appendBlock appends the header, with the crc over it and over what is stored.
func appendBlock(b []byte, seed uint32, k block, stored []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, k.kind)
	b = binary.LittleEndian.AppendUint32(b, k.section)
	b = binary.LittleEndian.AppendUint32(b, k.index)
	b = binary.LittleEndian.AppendUint32(b, k.raw)
	b = binary.LittleEndian.AppendUint32(b, k.stored)
	binary.LittleEndian.PutUint32(b[start:], checksum(seed, b[start+4:], stored))
	return b
}

func parseBlock(b []byte) (k block, crc uint32) {
	return block{
		kind:    b[4],
		section: binary.LittleEndian.Uint32(b[5:]),
		index:   binary.LittleEndian.Uint32(b[9:]),
		raw:     binary.LittleEndian.Uint32(b[13:]),
		stored:  binary.LittleEndian.Uint32(b[17:]),
	}, binary.LittleEndian.Uint32(b)
}

// section is a Section and where it is.
type section struct {
	Section
	extent
}

// extent is where the blocks of a section are.
type extent struct {
	first  uint32 // the number of its first block
	blocks uint32
	offset int64 // of its first block
	stored int64 // bytes of all its blocks
}

func appendFooter(b []byte, seed uint32, sections []section, end uint64) []byte {
	start, blocks := len(b), uint32(0)
	for _, s := range sections {
		b = binary.LittleEndian.AppendUint32(b, s.Namespace)
		b = append(b, s.Structure)
		b = binary.LittleEndian.AppendUint16(b, s.Part)
		b = binary.LittleEndian.AppendUint32(b, s.blocks)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Chunks)) //nolint:gosec // a count
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Bytes))  //nolint:gosec // a sum
		b = binary.LittleEndian.AppendUint64(b, uint64(s.stored)) //nolint:gosec // a length
		blocks += s.blocks
	}
	b = binary.LittleEndian.AppendUint64(b, end)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(sections))) //nolint:gosec // at most maxSections
	b = binary.LittleEndian.AppendUint32(b, blocks)
	b = binary.LittleEndian.AppendUint32(b, checksum(seed, b[start:]))
	return append(b, endMagic...)
}

func parseEntry(b []byte) section {
	return section{
		Section: Section{
			Namespace: binary.LittleEndian.Uint32(b),
			Structure: b[4],
			Part:      binary.LittleEndian.Uint16(b[5:]),
			Chunks:    int64(binary.LittleEndian.Uint64(b[11:])), //nolint:gosec // refused when negative
			Bytes:     int64(binary.LittleEndian.Uint64(b[19:])), //nolint:gosec // likewise
		},
		extent: extent{
			blocks: binary.LittleEndian.Uint32(b[7:]),
			stored: int64(binary.LittleEndian.Uint64(b[27:])), //nolint:gosec // likewise
		},
	}
}
