package journal

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hivellm/synap-go/core/fault"
)

// Memory is a journal that lives and dies with the process: a counter, and a bounded backlog of recent
// records. Ops are kept as they are and never encoded, so a cache pays nothing for a log.
type Memory struct {
	epoch  uint64
	notify atomic.Pointer[func()] // called after every record while somebody follows

	_       [112]byte  // what every writer changes is in one cache line, and nothing that is only read is in it
	pen     sync.Mutex // guards the rest; held from Begin to Commit or Abandon
	backlog Backlog
}

// MemoryOptions bound the backlog; zero means the default.
type MemoryOptions struct {
	Epoch   uint64 // distinguishes this history from earlier ones; the start time will do
	Records int    // how many records to keep
	Bytes   int    // how many bytes of ops to keep
}

// NewMemory returns an empty journal.
func NewMemory(o MemoryOptions) *Memory {
	return &Memory{epoch: o.Epoch, backlog: *NewBacklog(0, o.Records, o.Bytes)}
}

// Append implements Journal.
func (m *Memory) Append(rec *Record) (uint64, error) {
	s := slotOf(rec)
	m.pen.Lock()
	rec.Seq = m.backlog.last + 1
	m.backlog.push(s)
	m.pen.Unlock()
	m.tell()
	return rec.Seq, nil
}

// Begin implements Journal.
func (m *Memory) Begin() uint64 {
	m.pen.Lock()
	return m.backlog.last + 1
}

// Commit implements Journal.
func (m *Memory) Commit(rec *Record) error {
	rec.Seq = m.backlog.last + 1
	m.backlog.Push(rec)
	m.pen.Unlock()
	m.tell()
	return nil
}

// Abandon implements Journal.
func (m *Memory) Abandon() { m.pen.Unlock() }

// Wait implements Journal: a record in memory is as safe as it will ever be.
func (m *Memory) Wait(context.Context, uint64, Durability) (Durability, error) { return InMemory, nil }

// Seen implements Journal.
func (m *Memory) Seen(context.Context) error { return nil }

// Levels implements Journal.
func (m *Memory) Levels() (standard, highest Durability) { return InMemory, InMemory }

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
	return Position{Epoch: m.epoch, Seq: m.backlog.last}
}

// Includes implements Source.
func (m *Memory) Includes(p Position) bool { return p.Epoch == m.epoch }

// ReadAfter implements Source.
func (m *Memory) ReadAfter(seq uint64, dst []Record) (int, error) {
	m.pen.Lock()
	defer m.pen.Unlock()
	n, ok := m.backlog.ReadAfter(seq, dst)
	if !ok {
		return 0, OutOfRange(seq, m.backlog.Oldest(), m.backlog.last)
	}
	return n, nil
}

// OutOfRange is the error for a position that the backlog does not hold.
func OutOfRange(seq, oldest, newest uint64) error {
	return fault.New(fault.OutOfRange,
		"version %d is outside the backlog, which goes from %d to %d: read the current state and watch from there",
		seq, oldest, newest).With("oldest", oldest).With("newest", newest)
}
