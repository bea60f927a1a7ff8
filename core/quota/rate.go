package quota

import (
	"math"
	"time"

	"golang.org/x/time/rate"

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

func (r Rate) limiter() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(r.PerSecond), int(min(r.burst(), math.MaxInt32)))
}

// Level is how a rate stands: what clients are told in headers.
type Level struct {
	Name      string // of the rate
	PerSecond int64
	Burst     int64
	Left      int64         // how much may come now
	Full      time.Duration // until all of Burst may come again
}

func levelOf(name string, l *rate.Limiter, now time.Time) Level {
	left := max(0, l.TokensAt(now))
	missing := max(0, float64(l.Burst())-left)
	return Level{
		Name: name, PerSecond: int64(l.Limit()), Burst: int64(l.Burst()), Left: int64(left),
		Full: time.Duration(missing / float64(l.Limit()) * float64(time.Second)),
	}
}

// take lets n pass, or says when to come again. More than the burst counts as the burst: it passes when all of that is there.
func take(name string, l *rate.Limiter, now time.Time, n int64) error {
	n = min(n, int64(l.Burst()))
	if l.AllowN(now, int(n)) {
		return nil
	}
	missing := float64(n) - l.TokensAt(now)
	after := time.Duration(missing / float64(l.Limit()) * float64(time.Second))
	return fault.New(fault.Exhausted, "%s: %d a second are allowed, and more came; come again in %v", name, int64(l.Limit()),
		after.Round(time.Millisecond)).
		With("quota", name).With("limit", int64(l.Limit())).With("use", int64(float64(l.Burst())-max(0, l.TokensAt(now)))).
		With("retry_after_ms", max(1, after.Milliseconds()))
}

// owe counts what came without asking, so that what comes next waits for it.
func owe(l *rate.Limiter, now time.Time, n int64) {
	_ = l.ReserveN(now, int(min(n, int64(l.Burst()))))
}
