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
	spare  chan []byte   // buffers for the owner to fill, empty; always room for all
	done   chan struct{} // closed when the goroutine has ended
	failed atomic.Pointer[error]

	// Of the goroutine, until done:
	offset   int64 // where the next block goes
	blocks   uint32
	unsynced int64
	places   []extent // of each section
	packed   []byte
}

const (
	inFlight = 2

	// How much is written before it is forced to the disk. A log in the same file system would have to wait for all of it
	// when it is forced at the end.
	syncBytes = 8 << 20
)

// work is a block to be.
type work struct {
	section int
	raw     []byte
}

// extent is where the blocks of a section are.
type extent struct {
	offset, stored int64
	first, blocks  uint32
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

// stop waits until all is written, tells each section where it is, and returns the offset behind the last one. With an error
// it only waits.
func (p *press) stop(sections []section, err error) (int64, error) {
	if err != nil {
		p.failed.CompareAndSwap(nil, &err)
	}
	close(p.work)
	<-p.done
	if failed := p.failed.Load(); failed != nil {
		return 0, *failed
	}
	for i, at := range p.places {
		s := &sections[i]
		s.offset, s.stored, s.first, s.blocks = at.offset, at.stored, at.first, at.blocks
	}
	return p.offset, nil
}

func (p *press) run() {
	defer close(p.done)
	for w := range p.work {
		if p.failed.Load() == nil {
			if err := p.write(w); err != nil {
				p.failed.CompareAndSwap(nil, &err)
			}
		}
		if cap(w.raw) > 4*blockBytes {
			w.raw = nil // one large chunk is no reason to keep its room
		}
		p.spare <- w.raw[:0]
	}
}

// write makes a block and writes it.
func (p *press) write(w work) error {
	for len(p.places) <= w.section {
		p.places = append(p.places, extent{offset: p.offset, first: p.blocks})
	}
	var room [blockHeader]byte
	p.packed = p.encoder.EncodeAll(w.raw, append(p.packed[:0], room[:]...))
	k := block{
		kind: kindZstd, section: uint32(w.section), index: p.blocks, //nolint:gosec // at most maxSections
		raw: uint32(len(w.raw)), stored: uint32(len(p.packed) - blockHeader), //nolint:gosec // at most maxRaw
	}
	if k.stored > k.raw/16*15 {
		k.kind, k.stored = kindPlain, k.raw
		p.packed = append(p.packed[:blockHeader], w.raw...)
	}
	appendBlock(p.packed[:0], p.seed, k, p.packed[blockHeader:])
	if _, err := p.file.WriteAt(p.packed, p.offset); err != nil {
		return err
	}
	at := &p.places[w.section]
	at.blocks++
	at.stored += int64(len(p.packed))
	p.blocks++
	p.offset += int64(len(p.packed))
	written := int64(len(p.packed))
	if cap(p.packed) > 4*blockBytes {
		p.packed = nil
	}
	return p.forceSome(written)
}

func (p *press) forceSome(written int64) error {
	if p.unsynced += written; p.unsynced < syncBytes {
		return nil
	}
	p.unsynced = 0
	return p.file.Sync()
}
