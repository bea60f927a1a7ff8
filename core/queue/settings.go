package queue

import (
	"math"
	"math/rand/v2"

	"github.com/hivellm/synap-go/core/fault"
)

// Bounds of times, in milliseconds.
const (
	maxLeaseMS = 12 * 60 * 60 * 1000
	maxLifeMS  = 10 * 365 * 24 * 60 * 60 * 1000 // of delays, lifetimes, retention and backoff
)

// What happens to a publish into a full queue.
const (
	overflowReject     = "reject"
	overflowDropOldest = "drop_oldest"
)

// How the delay of a retry grows.
const (
	backoffFixed       = "fixed"
	backoffExponential = "exponential"
)

// Settings are how a queue behaves.
type Settings struct {
	MaxDepth        int64  `json:"max_depth" jsonschema:"how many messages the queue holds, without dead letters"`
	MaxBytes        int64  `json:"max_bytes" jsonschema:"how many bytes they take"`
	Overflow        string `json:"overflow" jsonschema:"what a publish into the full queue does: reject or drop_oldest"`
	LeaseMS         int64  `json:"lease_ms" jsonschema:"how long a received message stays with its receiver, in milliseconds"`
	MaxAttempts     int64  `json:"max_attempts" jsonschema:"after so many deliveries a message that is not done becomes a dead letter; 0 is never"`
	Backoff         string `json:"backoff" jsonschema:"how the delay of a retry grows: fixed, or exponential (doubling)"`
	BackoffMS       int64  `json:"backoff_ms" jsonschema:"the delay of the first retry, in milliseconds"`
	BackoffMaxMS    int64  `json:"backoff_max_ms" jsonschema:"the longest delay of a retry, in milliseconds"`
	JitterPercent   int64  `json:"jitter_percent" jsonschema:"how much of a retry's delay is random"`
	RetentionMS     int64  `json:"retention_ms" jsonschema:"how long a message is kept, and then again as a dead letter, in milliseconds; 0 is for ever"`
	DedupeMS        int64  `json:"dedupe_ms" jsonschema:"how long a dedupe_id is remembered, in milliseconds"`
	Prefetch        int64  `json:"prefetch" jsonschema:"how many messages one consumer may hold under leases at once; 0 is any number"`
	MaxDead         int64  `json:"max_dead" jsonschema:"how many dead letters are kept; the oldest goes first"`
	DeadLetterQueue string `json:"dead_letter_queue,omitempty" jsonschema:"the queue that dead letters go to; absent keeps them in this one"`
}

// defaults are the settings of a queue that its first publish made.
var defaults = Settings{
	MaxDepth: 1_000_000, MaxBytes: 1 << 30, Overflow: overflowReject,
	LeaseMS: 30_000, MaxAttempts: 5,
	Backoff: backoffFixed, BackoffMaxMS: 60 * 60 * 1000,
	DedupeMS: 10 * 60 * 1000, MaxDead: 100_000,
}

// Change is the settings that a caller gives; the others stay as they are.
type Change struct {
	MaxDepth        *int64  `json:"max_depth,omitempty" min:"1" max:"1000000000" jsonschema:"how many messages the queue holds, without dead letters; 1000000 unless set"`
	MaxBytes        *int64  `json:"max_bytes,omitempty" min:"1" max:"1099511627776" jsonschema:"how many bytes they take; 1 GiB unless set"`
	Overflow        string  `json:"overflow,omitempty" enum:"reject,drop_oldest" jsonschema:"what a publish into the full queue does: reject it, or drop the oldest messages of the lowest priority; reject unless set"`
	LeaseMS         *int64  `json:"lease_ms,omitempty" min:"1" max:"43200000" jsonschema:"how long a received message stays with its receiver, in milliseconds; 30000 unless set"`
	MaxAttempts     *int64  `json:"max_attempts,omitempty" min:"0" max:"1000000" jsonschema:"after so many deliveries a message that is not done becomes a dead letter; 0 is never; 5 unless set"`
	Backoff         string  `json:"backoff,omitempty" enum:"fixed,exponential" jsonschema:"how the delay of a retry grows; fixed unless set"`
	BackoffMS       *int64  `json:"backoff_ms,omitempty" min:"0" max:"315360000000" jsonschema:"the delay of the first retry, in milliseconds; 0 unless set"`
	BackoffMaxMS    *int64  `json:"backoff_max_ms,omitempty" min:"0" max:"315360000000" jsonschema:"the longest delay of a retry, in milliseconds; an hour unless set"`
	JitterPercent   *int64  `json:"jitter_percent,omitempty" min:"0" max:"100" jsonschema:"how much of a retry's delay is random, so that retries spread out; 0 unless set"`
	RetentionMS     *int64  `json:"retention_ms,omitempty" min:"0" max:"315360000000" jsonschema:"how long a message published from now on is kept, and then again as a dead letter, in milliseconds; 0, for ever, unless set"`
	DedupeMS        *int64  `json:"dedupe_ms,omitempty" min:"0" max:"315360000000" jsonschema:"how long a dedupe_id is remembered, in milliseconds; 600000 unless set"`
	Prefetch        *int64  `json:"prefetch,omitempty" min:"0" max:"1000000" jsonschema:"how many messages one consumer may hold under leases at once; 0, any number, unless set"`
	MaxDead         *int64  `json:"max_dead,omitempty" min:"0" max:"1000000000" jsonschema:"how many dead letters are kept, the oldest goes first; 100000 unless set"`
	DeadLetterQueue *string `json:"dead_letter_queue,omitempty" max:"128" jsonschema:"the queue that dead letters go to, made when it is needed; empty keeps them in this one"`
}

// apply returns the settings with the change made, for the queue of that name.
func (c *Change) apply(s Settings, queue string) (Settings, error) {
	for to, from := range map[*int64]*int64{
		&s.MaxDepth: c.MaxDepth, &s.MaxBytes: c.MaxBytes, &s.LeaseMS: c.LeaseMS, &s.MaxAttempts: c.MaxAttempts,
		&s.BackoffMS: c.BackoffMS, &s.BackoffMaxMS: c.BackoffMaxMS, &s.JitterPercent: c.JitterPercent,
		&s.RetentionMS: c.RetentionMS, &s.DedupeMS: c.DedupeMS, &s.Prefetch: c.Prefetch, &s.MaxDead: c.MaxDead,
	} {
		if from != nil {
			*to = *from
		}
	}
	for to, from := range map[*string]string{&s.Overflow: c.Overflow, &s.Backoff: c.Backoff} {
		if from != "" {
			*to = from
		}
	}
	if c.DeadLetterQueue != nil {
		s.DeadLetterQueue = *c.DeadLetterQueue
	}
	return s, s.validate(queue)
}

// validate refuses settings that contradict each other.
func (s *Settings) validate(queue string) error {
	switch {
	case s.MaxDepth < 1 || s.MaxBytes < 1 || s.LeaseMS < 1:
		return fault.New(fault.OutOfRange, "max_depth, max_bytes and lease_ms are 1 at least")
	case s.Backoff == backoffExponential && s.BackoffMS == 0:
		return fault.New(fault.Invalid, "an exponential backoff needs a backoff_ms to begin with: twice 0 is 0").With("field", "backoff_ms")
	case s.DeadLetterQueue == queue:
		return fault.New(fault.Invalid, "queue %q keeps its own dead letters when it names no dead_letter_queue", queue).
			With("field", "dead_letter_queue")
	case s.DeadLetterQueue != "":
		if err := checkName(s.DeadLetterQueue); err != nil {
			return fault.From(err).With("field", "dead_letter_queue")
		}
	}
	return nil
}

// backoff is how long the retry after so many attempts waits, in milliseconds, its jitter decided.
func (s *Settings) backoff(attempts uint32) int64 {
	wait := s.BackoffMS
	if s.Backoff == backoffExponential {
		for i := uint32(1); i < attempts && wait < s.BackoffMaxMS; i++ {
			wait *= 2
		}
	}
	wait = min(wait, s.BackoffMaxMS)
	if spread := wait * s.JitterPercent / 100; spread > 0 {
		wait -= rand.Int64N(spread + 1) //nolint:gosec // it spreads load, it keeps no secret
	}
	return wait
}

// later is the time so many milliseconds from now, 0 for a time that never comes.
func later(now, ms int64) int64 {
	if ms == 0 {
		return 0
	}
	return now + min(ms, math.MaxInt64-now)
}

// sooner is the earlier of two times of which 0 is never.
func sooner(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}
