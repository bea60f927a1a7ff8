package quota

import (
	"sync"
	"sync/atomic"
	"time"
)

// Memory holds a limit on memory against what is used of it. To measure that costs more than a small write, so it is done
// now and then, and in between every change is counted as if all of it were growth; close to the limit it is measured
// again at every write, so that nobody is refused for having overwritten what was there.
type Memory struct {
	limit atomic.Int64 // 0 is none
	used  atomic.Int64 // as it was last measured
	grown atomic.Int64 // bytes of changes since then

	measuring sync.Mutex
	cost      time.Duration // about how long it takes: at most doubled by one that took longer, which may only have been interrupted
	next      time.Time     // measured no earlier than this

	refuse func(limit, use int64) error
}

const (
	measureBytes = 1 << 20 // changes that are let pass without measuring, if the limit is far

	// A measurement that takes longer than a moment is not repeated within so many times what it took.
	measureMoment = 200 * time.Microsecond
	measureShare  = 20
)

// NewMemory returns a Memory without a limit; refuse makes the error of one that is reached.
func NewMemory(refuse func(limit, use int64) error) *Memory { return &Memory{refuse: refuse} }

// SetLimit changes the limit; 0 is none.
func (m *Memory) SetLimit(limit int64) {
	m.limit.Store(limit)
	m.grown.Store(max(limit, 1)) // so that it is measured before it is believed
}

// Limit returns the limit; 0 is none.
func (m *Memory) Limit() int64 { return m.limit.Load() }

// Used returns about how much is used, as it was last measured and has grown since.
func (m *Memory) Used() int64 { return m.used.Load() + m.grown.Load() }

// Refresh measures if it is time to. The caller holds no lock that measure takes.
func (m *Memory) Refresh(measure func() int64) {
	limit := m.limit.Load()
	if limit == 0 {
		return
	}
	margin := min(limit/16, measureBytes)
	if grown := m.grown.Load(); grown <= margin && m.used.Load()+grown <= limit-margin {
		return
	}
	m.measure(measure)
}

func (m *Memory) measure(measure func() int64) {
	if !m.measuring.TryLock() {
		return // somebody is at it
	}
	defer m.measuring.Unlock()
	began := time.Now()
	if began.Before(m.next) {
		return
	}
	before := m.grown.Load()
	m.used.Store(measure())
	m.grown.Add(-before) // what was counted meanwhile may or may not be in it
	if m.cost = min(time.Since(began), 2*m.cost+measureMoment/8); m.cost > measureMoment {
		m.next = began.Add(measureShare * m.cost)
	}
}

// Admit refuses a change of so many bytes that does not fit, and counts one that does.
func (m *Memory) Admit(bytes int64) error {
	limit := m.limit.Load()
	if limit == 0 {
		return nil
	}
	if use := m.Used(); use+bytes > limit {
		return m.refuse(limit, use)
	}
	m.grown.Add(bytes)
	return nil
}

// Grew counts a change that is not refused whatever it takes.
func (m *Memory) Grew(bytes int64) {
	if m.limit.Load() != 0 {
		m.grown.Add(bytes)
	}
}
