package journal

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
)

// How much of the recent past is kept for watches to resume from; whichever bound is met first.
const (
	DefaultBacklogRecords = 32_768
	DefaultBacklogBytes   = 32 << 20
)

// Memory is a journal that lives and dies with the process: a counter, and a bounded backlog of recent
// records. Ops are kept as they are and never encoded, so a cache pays nothing for a log.
type Memory struct {
	epoch  uint64
	notify atomic.Pointer[func()] // called after every record while somebody follows

	pen sync.Mutex // guards the rest; held from Begin to Commit or Abandon

	last       uint64   // the newest record's number; numbers start at 1 and have no gaps
	ring       []Record // the newest records, the record n at ring[n % len(ring)]; a power of two long
	count      int      // how many of them there are
	bytes      int      // what they hold on to
	maxRecords int
	maxBytes   int
}

// MemoryOptions bound the backlog; zero means the default.
type MemoryOptions struct {
	Epoch   uint64 // distinguishes this history from earlier ones; the start time will do
	Records int    // how many records to keep
	Bytes   int    // how many bytes of ops to keep
}

// NewMemory returns an empty journal.
func NewMemory(o MemoryOptions) *Memory {
	if o.Records <= 0 {
		o.Records = DefaultBacklogRecords
	}
	if o.Bytes <= 0 {
		o.Bytes = DefaultBacklogBytes
	}
	return &Memory{epoch: o.Epoch, maxRecords: o.Records, maxBytes: o.Bytes, ring: make([]Record, 64)}
}

// Append implements Journal.
func (m *Memory) Append(rec *Record) (uint64, error) {
	m.pen.Lock()
	m.push(rec)
	seq := m.last
	m.pen.Unlock()
	m.tell()
	return seq, nil
}

// Begin implements Journal.
func (m *Memory) Begin() uint64 {
	m.pen.Lock()
	return m.last + 1
}

// Commit implements Journal.
func (m *Memory) Commit(rec *Record) error {
	m.push(rec)
	m.pen.Unlock()
	m.tell()
	return nil
}

// Abandon implements Journal.
func (m *Memory) Abandon() { m.pen.Unlock() }

// Wait implements Journal: a record in memory is as safe as it will ever be.
func (m *Memory) Wait(context.Context, uint64, Durability) (Durability, error) { return InMemory, nil }

// Levels implements Journal.
func (m *Memory) Levels() (standard, highest Durability) { return InMemory, InMemory }

func (m *Memory) push(rec *Record) {
	m.last++
	rec.Seq = m.last
	if m.count == len(m.ring) && m.count < m.maxRecords {
		m.grow()
	}
	// The oldest go when there is no room, by number or by bytes; the newest always stays.
	for m.count > 0 && (m.count == len(m.ring) || m.count >= m.maxRecords || m.bytes+rec.size > m.maxBytes) {
		slot := &m.ring[m.index(m.last-uint64(m.count))]
		m.bytes -= slot.size
		*slot = Record{}
		m.count--
	}
	m.ring[m.index(m.last)] = *rec
	m.count++
	m.bytes += rec.size
}

// index is where the record of that number is, or would be.
func (m *Memory) index(seq uint64) uint64 { return seq % uint64(len(m.ring)) }

// grow doubles the ring, so that an idle server holds a small one.
func (m *Memory) grow() {
	old := m.ring
	m.ring = make([]Record, 2*len(old))
	for n := 1; n <= m.count; n++ {
		seq := m.last - uint64(n)
		m.ring[m.index(seq)] = old[seq%uint64(len(old))]
	}
}

func (m *Memory) tell() {
	if f := m.notify.Load(); f != nil {
		(*f)()
	}
}

// Notify implements Source.
func (m *Memory) Notify(f func()) {
	if f == nil {
		m.notify.Store(nil)
		return
	}
	m.notify.Store(&f)
}

// Position implements Source.
func (m *Memory) Position() Position {
	m.pen.Lock()
	defer m.pen.Unlock()
	return Position{Epoch: m.epoch, Seq: m.last}
}

// ReadAfter implements Source.
func (m *Memory) ReadAfter(seq uint64, dst []Record) (int, error) {
	m.pen.Lock()
	defer m.pen.Unlock()
	oldest := m.last - uint64(m.count) //nolint:gosec // the position before the oldest record kept
	if seq < oldest || seq > m.last {
		return 0, OutOfRange(seq, oldest, m.last)
	}
	n := 0
	for n < len(dst) && seq < m.last {
		seq++
		dst[n] = m.ring[m.index(seq)]
		n++
	}
	return n, nil
}

// OutOfRange is the error for a position that the backlog does not hold.
func OutOfRange(seq, oldest, newest uint64) error {
	return fault.New(fault.OutOfRange,
		"version %d is outside the backlog, which goes from %d to %d: read the current state and watch from there",
		seq, oldest, newest).With("oldest", oldest).With("newest", newest)
}
