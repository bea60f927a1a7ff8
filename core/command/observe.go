package command

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hivellm/synap-go/core/auth"
)

// Observer hears how calls went. It is immutable once it observes; any of its functions may be nil. They are called
// from many goroutines at once, after the call, and keep nothing of a request.
type Observer struct {
	// Slow hears of calls that took at least SlowAfter, if that is not 0. Then every call is timed, which costs two looks
	// at the clock. Commands that are allowed to wait are not slow when they do.
	SlowAfter time.Duration
	Slow      func(ctx context.Context, r *Request, took time.Duration, err error)
	// Sample hears of about one call in 16 of every command, with the time at which it began.
	Sample func(r *Request, at time.Time)
	// Audit hears of every call, also of those that were refused, of every command of a transaction, and of a watch
	// when it begins.
	Audit func(ctx context.Context, r *Request, err error)
	// Failed hears of every Internal error of a call instead of Report, with the context, which may know more.
	Failed func(ctx context.Context, command string, err error)
}

// Observe has the observer hear of all calls from now on, instead of the one before it; nil ends that.
func (d *Dispatcher) Observe(o *Observer) { d.observer.Store(o) }

// sampled says whether the n-th call of a command is timed: one in 16, at intervals that no pattern of calls keeps
// step with, because they follow the golden ratio. The first is.
func sampled(n uint64) bool { return n*0x9E3779B97F4A7C15>>60 == 0 }

// Stopwatch times calls that are made one right after the other: the end of one is the beginning of the next, so that a call costs one
// look at the clock and not two. What its caller does in between counts for the next one. Who has one also counts them in a place that few
// others count in, whatever its goroutine's stack. The zero Stopwatch is ready.
type Stopwatch struct {
	last   time.Duration // since begin, at which the last call ended; 0 is that the next one begins when it is made
	looked time.Duration // what Look returned last
	stripe int           // of what is striped, from 1; 0 before the first call
}

var stopwatches atomic.Uint32 // that were used

// own is the stripe in which the calls that it times are counted.
func (s *Stopwatch) own() int {
	if s == nil {
		return ownStripe()
	}
	if s.stripe == 0 {
		s.stripe = 1 + int(stopwatches.Add(1))%numStripes
	}
	return s.stripe - 1
}

// Reset is called when something else was done, or waited for, since the last call.
func (s *Stopwatch) Reset() {
	if s != nil {
		s.last = 0
	}
}

// Look says what time it is, since a moment that is the same for all: at which the last call ended, if one did since the last Look.
func (s *Stopwatch) Look() time.Duration {
	if s.last == 0 || s.last == s.looked {
		s.last = time.Since(begin)
	}
	s.looked = s.last
	return s.last
}

// begin is what times are measured from: to look only at the clock that tells no time of day costs half.
var begin = time.Now()

// start says when the next call begins.
func (s *Stopwatch) start() time.Duration {
	if s != nil && s.last != 0 {
		return s.last
	}
	return time.Since(begin)
}

// now is what time it is, or was when the last call ended, which is close enough to pace by.
func (s *Stopwatch) now(c *Clock) time.Time {
	if s != nil && s.last != 0 {
		return begin.Add(s.last)
	}
	return c.time()
}

// stop says when it has ended.
func (s *Stopwatch) stop() time.Duration {
	now := time.Since(begin)
	if s != nil {
		s.last = now
	}
	return now
}

// timed runs a call that is timed.
func (d *Dispatcher) timed(ctx context.Context, r *Request, sample bool, o *Observer) (any, error) {
	var at time.Time
	if sample { // what is told of it is to be exact
		r.Watch.Reset()
		at = time.Now()
	}
	start := r.Watch.start()
	resp, err := d.do(ctx, r)
	took := r.Watch.stop() - start
	if sample {
		r.Command.stats.latency.observe(took)
		if o != nil && o.Sample != nil {
			o.Sample(r, at)
		}
	}
	if o != nil && o.SlowAfter > 0 && took >= o.SlowAfter && !r.Command.Waits {
		o.Slow(ctx, r, took, err)
	}
	return resp, err
}

// report tells somebody of an Internal error.
func (d *Dispatcher) report(ctx context.Context, command string, err error) {
	if o := d.observer.Load(); o != nil && o.Failed != nil {
		o.Failed(ctx, command, err)
		return
	}
	d.Report(command, err)
}

// audit tells the observer that a call was made, and how it went.
func (d *Dispatcher) audit(ctx context.Context, r *Request, err error) {
	if o := d.observer.Load(); o != nil && o.Audit != nil {
		o.Audit(ctx, r, err)
	}
}

// Touched returns at most so many of the names that the call is about, and how many more there are. Of a call whose
// request could not be read it knows nothing.
func (r *Request) Touched(most int) (names []auth.Resource, more int) {
	if r.Args == nil || most < 1 {
		return nil, 0
	}
	if one, ok := r.Args.(oneResource); ok {
		return []auth.Resource{one.Resource()}, 0
	}
	many, ok := r.Args.(manyResources)
	if !ok {
		return nil, 0
	}
	names = many.Resources()
	if len(names) > most {
		return names[:most], len(names) - most
	}
	return names, 0
}

// TouchedName returns the one name that the call is about; ok is false when it is about none, several or a pattern.
func (r *Request) TouchedName() (name auth.Resource, ok bool) {
	if one, single := r.Args.(oneResource); single {
		name = one.Resource()
		return name, name.Match == auth.Exact
	}
	return name, false
}
