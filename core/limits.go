package core

import (
	"context"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/quota"
)

// Limits say how much may be used of a server. The zero Limits are none.
type Limits struct {
	Memory  int64        // bytes, of the whole server; past it writes are refused. 0 is no limit
	Callers quota.Rate   // how many requests each caller may make
	Quotas  quota.Limits // of each namespace that has none of its own
}

func (l *Limits) validate() error {
	if l.Memory < 0 || l.Memory > quota.MaxLimit {
		return fault.New(fault.Invalid, "the limit of memory, %d, is not between 0, which is no limit, and %d", l.Memory, int64(quota.MaxLimit))
	}
	if r := l.Callers; r.PerSecond < 0 || r.Burst < 0 || r.PerSecond > quota.MaxLimit || r.Burst > quota.MaxLimit {
		return fault.New(fault.Invalid, "a rate of %d a second and %d at once makes no sense", r.PerSecond, r.Burst)
	}
	for _, q := range quota.All() {
		if err := q.Check(l.Quotas[q]); err != nil {
			return fault.New(fault.Invalid, "%v", err)
		}
	}
	return nil
}

// openLimits has the dispatcher heed the limits that there will be.
func (e *Engine) openLimits() {
	e.limited = command.Limited{
		Callers: quota.NewBuckets("requests", quota.Rate{}, 0),
		Memory:  quota.NewMemory(refuseMemory),
		Measure: e.measure,
	}
	e.dispatcher.Limit(e.limited)
}

// SetLimits puts other limits into force, while commands go on. What is over them stays; nothing is added to it.
func (e *Engine) SetLimits(l Limits) error {
	if err := l.validate(); err != nil {
		return err
	}
	e.limited.Callers.SetRate(l.Callers)
	e.limited.Memory.SetLimit(l.Memory)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.defaults = l.Quotas
	for _, space := range e.byID {
		space.Meter.SetLimits(e.ownQuotas(space).Over(e.defaults))
	}
	return nil
}

func refuseMemory(limit, use int64) error {
	return fault.New(fault.Exhausted, "the server may use %d bytes of memory, and uses %d: delete something, or give it more", limit, use).
		With("quota", "limits.memory").With("limit", limit).With("use", use).With("resource", "memory")
}

// occupancy is what is known of the process's memory beside its data. Only who measures touches it, and that is one at a time.
type occupancy struct {
	cycle uint64 // the last collection that was looked at
	data  int64  // what the data took when it was measured last
	then  int64  // what it took before that collection
	rest  int64  // what else was alive at that collection: connections, the journal's recent past, and what data forgets to count
}

// uncounted is which part of what data says of itself it takes besides: the rounding of its pieces, and growing maps.
const uncounted = 8

// measure says how much memory the server uses: what its namespaces say that they hold now, and what the collector found
// alive besides, when it last looked.
func (e *Engine) measure() int64 {
	h, data := &e.occupied, e.dataBytes()
	if cycle, live := collected(); cycle != h.cycle {
		// Of before the collection, so that nothing is counted too low.
		h.cycle, h.then, h.rest = cycle, h.data, max(0, live-h.data)
	}
	h.data = data
	use := data + h.rest + max(0, data-h.then)/uncounted
	if limit := e.limited.Memory.Limit(); use >= limit && data < limit-limit/4 {
		select { // much of the rest may be what data was, and is no more
		case e.starved <- struct{}{}:
		default:
		}
	}
	return use
}

// dataBytes is how much memory all namespaces say that they take.
func (e *Engine) dataBytes() (bytes int64) {
	for _, space := range e.Namespaces() {
		bytes += space.Bytes()
	}
	return bytes
}

// collected returns how many collections there were, and how much of the heap the last one found in use.
func collected() (cycle uint64, live int64) {
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() != metrics.KindUint64 { // which these are in every release so far
			return 0, 0
		}
	}
	return samples[0].Value.Uint64(), int64(samples[1].Value.Uint64()) //nolint:gosec // far less
}

// collectGap is how long after one collection for want of memory the next one is run.
const collectGap = time.Second

// collect runs the collector when memory seems to be used up although the data says otherwise, so that writes are taken
// again soon after much was deleted, and not only when the collector comes round by itself. It ends with the context.
func (e *Engine) collect(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.starved:
		}
		runtime.GC()
		e.limited.Memory.Grew(1) // so that it is measured again
		gap := time.NewTimer(collectGap)
		select {
		case <-ctx.Done():
			gap.Stop()
			return
		case <-gap.C:
		}
	}
}

// QuotaUse is how much is used of what a quota limits.
type QuotaUse struct {
	Limit   int64 `json:"limit" jsonschema:"what may be used; 0 is no limit"`
	Use     int64 `json:"use" jsonschema:"what is used; of a rate, what has come of what may come at once"`
	Own     bool  `json:"own,omitempty" jsonschema:"true when the limit is the namespace's own, and not the server's default"`
	Refused int64 `json:"refused,omitempty" jsonschema:"how often it refused something since the server started"`
}

// uses returns how a namespace's quotas stand: all of them, or those that have a limit.
func (e *Engine) uses(space *command.Space, all bool) map[string]QuotaUse {
	limits := space.Meter.Limits()
	if limits == nil {
		if !all {
			return nil
		}
		limits = &quota.Limits{}
	}
	e.mu.Lock()
	own := e.ownQuotas(space)
	e.mu.Unlock()
	uses := map[string]QuotaUse{}
	for _, q := range quota.All() {
		if limits[q] == 0 && !all {
			continue
		}
		u := QuotaUse{Limit: limits[q], Own: own[q] != quota.Unset, Refused: space.Meter.Refusals(q)}
		if !q.Rate() {
			u.Use = space.Used(q)
		}
		uses[q.String()] = u
	}
	for _, l := range space.Meter.Levels(nil, time.Now()) {
		u := uses[l.Name]
		u.Use = l.Burst - l.Left
		uses[l.Name] = u
	}
	return uses
}

// quotasOf makes limits of what a caller asks for: those that are named replace what there was, null is the default.
func quotasOf(before quota.Limits, asked map[string]*int64) (quota.Limits, error) {
	for name, limit := range asked {
		q, ok := quota.Parse(name)
		if !ok {
			err := fault.New(fault.Invalid, "there is no quota %q", name).With("field", "quotas")
			if near := command.Nearest(name, quota.Names()); near != "" {
				err = fault.New(fault.Invalid, "there is no quota %q; did you mean %s?", name, near).With("field", "quotas").With("nearest", near)
			}
			return before, err
		}
		if limit == nil {
			before[q] = quota.Unset
			continue
		}
		if err := q.Check(*limit); err != nil {
			return before, fault.New(fault.OutOfRange, "%v", err).With("field", "quotas")
		}
		before[q] = *limit
	}
	return before, nil
}

// shown is the own ones of a namespace's quotas, by name.
func shown(own quota.Limits) map[string]int64 {
	quotas := map[string]int64{}
	for _, q := range quota.All() {
		if own[q] != quota.Unset {
			quotas[q.String()] = own[q]
		}
	}
	return quotas
}
