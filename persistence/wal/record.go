package wal

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// A record is a header of 24 bytes and a payload. Integers are little-endian. See ../format.md.
//
//	┌────────────┬─────────────┬────────────┬──────────┬──────────┬─────────┐
//	│ crc, u32   │ length, u32 │ chain, u32 │ age, u32 │ seq, u64 │ payload │
//	└────────────┴─────────────┴────────────┴──────────┴──────────┴─────────┘
//
// crc is CRC-32C over the segment's epoch (u64) and all that follows the crc. chain is the crc of the record before, so
// that no record can be taken out, put in or changed places. age says what was known to be on disk when this
// record was made: every record up to seq-1-age. Recovery tells by it a write that never was promised to be
// there from one that was, and is damaged.
const recordHeader = 24

// MaxPayload bounds one record's payload, in bytes.
const MaxPayload = 256 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Mark is a record's place in the log: what the next one follows. The mark of an empty log has Seq 0.
type Mark struct {
	Epoch uint64 // of the log at that record
	Seq   uint64
	CRC   uint32
}

// Begin makes room for a record at the end of b; its payload is appended next.
func Begin(b []byte) []byte {
	var header [recordHeader]byte
	return append(b, header[:]...)
}

// Seal finishes the record that Begin began, which is all of rec, as the one after m, and returns its mark. Every
// record up to synced is known to be on disk.
func (m Mark) Seal(rec []byte, synced uint64) Mark {
	binary.LittleEndian.PutUint32(rec[4:], uint32(len(rec)-recordHeader)) //nolint:gosec // at most MaxPayload
	binary.LittleEndian.PutUint32(rec[8:], m.CRC)
	binary.LittleEndian.PutUint32(rec[12:], uint32(min(m.Seq-min(synced, m.Seq), math.MaxUint32))) //nolint:gosec // it fits
	binary.LittleEndian.PutUint64(rec[16:], m.Seq+1)
	crc := checksum(m.Epoch, rec)
	binary.LittleEndian.PutUint32(rec, crc)
	return Mark{Epoch: m.Epoch, Seq: m.Seq + 1, CRC: crc}
}

// checksum is what belongs into the crc of the record.
func checksum(epoch uint64, rec []byte) uint32 {
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], epoch)
	return crc32.Update(crc32.Checksum(seed[:], castagnoli), castagnoli, rec[4:])
}

// header is a record's header, read.
type header struct {
	crc, length, chain, age uint32
	seq                     uint64
}

func parseHeader(b []byte) header {
	return header{
		crc:    binary.LittleEndian.Uint32(b),
		length: binary.LittleEndian.Uint32(b[4:]),
		chain:  binary.LittleEndian.Uint32(b[8:]),
		age:    binary.LittleEndian.Uint32(b[12:]),
		seq:    binary.LittleEndian.Uint64(b[16:]),
	}
}

// blank reports whether nothing was written here: no record has the number 0.
func (h header) blank() bool { return h == header{} }

// synced is the last record that was known to be on disk when this one was made.
func (h header) synced() uint64 { return h.seq - 1 - min(uint64(h.age), h.seq-1) }
