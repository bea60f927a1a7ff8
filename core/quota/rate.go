package quota

import (
	"time"

	"github.com/hivellm/synap-go/core/fault"
)

// Rate is how much may come: so much a second, and so much at once after a pause. The zero Rate is no limit.
type Rate struct {
	PerSecond int64
	Burst     int64 // 0 is what may come in a second
}

// Limited reports whether the rate is one.
func (r Rate) Limited() bool { return r.PerSecond > 0 }

func (r Rate) burst() int64 {
	if r.Burst > 0 {
		return r.Burst
	}
	return r.PerSecond
}

// Level is how a rate stands: what clients are told in headers.
type Level struct {
	Name      string // of the rate
	PerSecond int64
	Burst     int64
	Left      int64         // how much may come now
	Full      time.Duration // until all of Burst may come again
}

func levelOf(name string, b *bucket, now time.Time) Level {
	_, used := b.used(now)
	return Level{Name: name, PerSecond: b.rate.PerSecond, Burst: b.rate.Burst, Left: b.rate.Burst - used, Full: b.missing(now)}
}

// take lets n pass, or says when to come again. More than the burst counts as the burst: it passes when all of that is there.
func take(name string, b *bucket, now time.Time, n int64) error {
	after := b.take(now, n)
	if after == 0 {
		return nil
	}
	use, _ := b.used(now)
	return fault.New(fault.Exhausted, "%s: %d a second are allowed, and more came; come again in %v", name, b.rate.PerSecond,
		after.Round(time.Millisecond)).
		With("quota", name).With("limit", b.rate.PerSecond).With("use", use).
		With("retry_after_ms", max(1, after.Milliseconds()))
}
