package snapshot

import (
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/persistence/vfs"
)

// press compresses blocks and writes them, in a goroutine of its own that lives from startPress to stop. It holds at most
// inFlight blocks, beside the one that its owner fills.
type press struct {
	seed    uint32 // the header's crc
	file    vfs.File
	encoder *zstd.Encoder

	work   chan work     // closed by stop
	spare  chan []byte   // empty buffers for the owner to fill
	done   chan struct{} // closed when the goroutine has ended
	failed atomic.Pointer[error]

	// Of the goroutine, until done:
	offset   int64 // where the next block goes
	blocks   uint32
	unsynced int64
	places   []extent // of each section
	room     []byte   // for the next block
}

const inFlight = 2

// syncBytes is how much is written before it is forced to the disk: a log in the same file system would have to wait
// for all of it if it were forced at the end. Only tests change it.
var syncBytes int64 = 8 << 20

// work is a block to be.
type work struct {
	section int
	raw     []byte
}

func startPress(file vfs.File, seed uint32, offset int64) (*press, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(2*blockBytes))
	if err != nil {
		return nil, err
	}
	p := &press{
		seed: seed, file: file, encoder: encoder, offset: offset,
		work: make(chan work, inFlight), spare: make(chan []byte, inFlight), done: make(chan struct{}),
	}
	for range inFlight {
		p.spare <- nil
	}
	go p.run()
	return p, nil
}

// put hands over a block and returns an empty buffer for the next one. It waits while there are too many.
func (p *press) put(section int, raw []byte) (empty []byte, err error) {
	if failed := p.failed.Load(); failed != nil {
		return raw[:0], *failed
	}
	p.work <- work{section, raw}
	return <-p.spare, nil
}

// stop ends the goroutine. It returns when all is written, with where each section is and the offset behind the last
// one. With an error, what was not written yet is not.
func (p *press) stop(err error) (places []extent, end int64, _ error) {
	if err != nil {
		p.failed.CompareAndSwap(nil, &err)
	}
	close(p.work)
	<-p.done
	if failed := p.failed.Load(); failed != nil {
		return nil, 0, *failed
	}
	return p.places, p.offset, nil
}

func (p *press) run() {
	defer close(p.done)
	for w := range p.work {
		if p.failed.Load() == nil {
			if err := p.write(w); err != nil {
				p.failed.CompareAndSwap(nil, &err)
			}
		}
		p.spare <- keep(w.raw)
	}
}

// write makes a block and writes it.
func (p *press) write(w work) error {
	if len(p.places) == w.section {
		p.places = append(p.places, extent{offset: p.offset, first: p.blocks})
	}
	packed := p.pack(w)
	if _, err := p.file.WriteAt(packed, p.offset); err != nil {
		return err
	}
	at, n := &p.places[w.section], int64(len(packed))
	at.blocks++
	at.stored += n
	p.blocks++
	p.offset += n
	if p.unsynced += n; p.unsynced < syncBytes {
		return nil
	}
	p.unsynced = 0
	return p.file.Sync()
}

// pack returns the block with its header. It is valid until the next call.
func (p *press) pack(w work) []byte {
	packed := p.encoder.EncodeAll(w.raw, append(p.room[:0], make([]byte, blockHeader)...))
	k := block{
		kind: kindZstd, section: uint32(w.section), index: p.blocks, //nolint:gosec // at most maxSections
		raw: uint32(len(w.raw)), stored: uint32(len(packed) - blockHeader), //nolint:gosec // at most maxRaw
	}
	if k.stored > k.raw/16*15 { // it does not pay
		k.kind, k.stored = kindPlain, k.raw
		packed = append(packed[:blockHeader], w.raw...)
	}
	appendBlock(packed[:0], p.seed, k, packed[blockHeader:])
	p.room = keep(packed)
	return packed
}

// keep empties a buffer to be used again, but drops one that a large chunk blew up.
func keep(b []byte) []byte {
	if cap(b) > 4*blockBytes {
		return nil
	}
	return b[:0]
}
