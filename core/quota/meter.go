package quota

import (
	"context"
	"sync/atomic"
	"time"
)

// Meter is what one namespace uses, against its limits. The zero Meter is not ready; NewMeter is.
type Meter struct {
	Memory *Memory

	limits   atomic.Pointer[Limits] // nil while nothing is limited; never changed in place
	requests atomic.Pointer[bucket]
	bytes    atomic.Pointer[bucket]
	open     [num]atomic.Int64 // of Subscriptions and Connections: how many there are
	refused  [num]atomic.Int64 // how often a quota refused something
}

// NewMeter returns a meter without limits.
func NewMeter() *Meter {
	return &Meter{Memory: NewMemory(func(limit, use int64) error { return MemoryBytes.Refuse(limit, use) })}
}

// SetLimits changes the limits. What is over them stays, and nothing is added to it.
func (m *Meter) SetLimits(l Limits) {
	if old := m.limits.Load(); old != nil && *old == l || old == nil && l == (Limits{}) {
		return
	}
	m.Memory.SetLimit(l[MemoryBytes])
	setRate(&m.requests, l[RequestsPerS])
	setRate(&m.bytes, l[BytesPerS])
	if l == (Limits{}) {
		m.limits.Store(nil)
	} else {
		m.limits.Store(&l)
	}
}

func setRate(at *atomic.Pointer[bucket], perSecond int64) {
	switch old := at.Load(); {
	case perSecond == 0:
		at.Store(nil)
	case old == nil || old.rate.PerSecond != perSecond:
		at.Store(newBucket(Rate{PerSecond: perSecond}))
	}
}

// Limits returns the limits, nil when there are none. They are not to be changed.
func (m *Meter) Limits() *Limits { return m.limits.Load() }

// Admit lets a request of that weight and size pass, or refuses it because too much came within a second.
func (m *Meter) Admit(now time.Time, weight, bytes int64) error {
	if l := m.requests.Load(); l != nil && weight > 0 {
		if err := take(RequestsPerS.String(), l, now, weight); err != nil {
			m.Refused(RequestsPerS)
			return err
		}
	}
	if l := m.bytes.Load(); l != nil && bytes > 0 {
		if err := take(BytesPerS.String(), l, now, bytes); err != nil {
			m.Refused(BytesPerS)
			return err
		}
	}
	return nil
}

// CountsBytes reports whether anybody wants to know how many bytes come and go.
func (m *Meter) CountsBytes() bool { return m.bytes.Load() != nil }

// Owe counts the bytes of an answer: it is not held back, but the next request is.
func (m *Meter) Owe(bytes int64) {
	if l := m.bytes.Load(); l != nil {
		l.owe(time.Now(), bytes)
	}
}

// Wait holds back somebody who sends so many bytes by himself, until they may go.
func (m *Meter) Wait(ctx context.Context, bytes int64) error {
	l := m.bytes.Load()
	if l == nil {
		return nil
	}
	wait := l.owe(time.Now(), bytes)
	if wait <= 0 {
		return nil
	}
	if until, ok := ctx.Deadline(); ok && time.Until(until) < wait {
		l.giveBack(bytes)
		return context.DeadlineExceeded // it would be over before they may
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		l.giveBack(bytes)
		return ctx.Err()
	}
}

// Open counts one more subscription or connection, and refuses one too many. Whoever gets no error calls Close.
func (m *Meter) Open(q Quota) error {
	use := m.open[q].Add(1)
	if l := m.limits.Load(); l != nil {
		if err := l.Admit(q, use); err != nil {
			m.open[q].Add(-1)
			m.Refused(q)
			return err
		}
	}
	return nil
}

// Close counts one less.
func (m *Meter) Close(q Quota) { m.open[q].Add(-1) }

// Opened returns how many subscriptions or connections there are.
func (m *Meter) Opened(q Quota) int64 { return m.open[q].Load() }

// Refused counts a refusal.
func (m *Meter) Refused(q Quota) { m.refused[q].Add(1) }

// Refusals returns how often the quota refused something since the server started.
func (m *Meter) Refusals(q Quota) int64 { return m.refused[q].Load() }

// Levels appends how the namespace's rates stand.
func (m *Meter) Levels(levels []Level, now time.Time) []Level {
	if l := m.requests.Load(); l != nil {
		levels = append(levels, levelOf(RequestsPerS.String(), l, now))
	}
	if l := m.bytes.Load(); l != nil {
		levels = append(levels, levelOf(BytesPerS.String(), l, now))
	}
	return levels
}
