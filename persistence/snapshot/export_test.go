package snapshot

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// SetSyncBytes has writers force what they wrote to the disk that often, until the test ends.
func SetSyncBytes(t testing.TB, bytes int64) {
	before := syncBytes
	syncBytes = bytes
	t.Cleanup(func() { syncBytes = before })
}

// Fix makes every checksum right in a file that was changed, so that a test gets behind them.
func Fix(file []byte) {
	if len(file) < headerBytes+tailBytes {
		return
	}
	begin, tail := int(binary.LittleEndian.Uint32(file[16:])), len(file)-tailBytes
	table := tail - entryBytes*int(binary.LittleEndian.Uint32(file[tail+8:]))
	if begin < headerBytes || table < begin {
		return
	}
	binary.LittleEndian.PutUint32(file[8:], crc32.Checksum(file[12:begin], castagnoli))
	seed := headerCRC(file)
	for at := begin; table-at >= blockHeader; {
		k, _ := parseBlock(file[at:])
		end := at + blockHeader + int(k.stored)
		if end > table {
			break
		}
		binary.LittleEndian.PutUint32(file[at:], checksum(seed, file[at+4:end]))
		at = end
	}
	binary.LittleEndian.PutUint32(file[tail+16:], checksum(seed, file[table:tail+16]))
}

// OneBlock returns a file with one block, of one section, that say of themselves what the caller wants.
func OneBlock(kind uint8, raw uint32, stored []byte, chunks, bytes int64) []byte {
	file := appendHeader(nil, Header{})
	begin, seed := len(file), headerCRC(file)
	k := block{kind: kind, raw: raw, stored: uint32(len(stored))}
	file = append(appendBlock(file, seed, k, stored), stored...)
	s := section{Section{Chunks: chunks, Bytes: bytes}, extent{blocks: 1, stored: int64(len(file) - begin)}}
	return appendFooter(file, seed, []section{s}, 0)
}
