// Package quota says how much somebody may use of what a server has, and refuses what is more.
//
// A Quota is a kind of limit, Limits are one limit of each kind, and a Meter
// holds what one namespace uses against its limits. Buckets do the same for
// rates of callers and addresses, of whom there may be any number. Nothing in
// here knows a command, a structure or a door: the dispatcher asks, and what is
// refused is an Exhausted fault that names the quota, the limit and the use.
package quota

import (
	"fmt"

	"github.com/hivellm/synap-go/core/fault"
)

// Quota is a kind of limit. The numbers and the names are permanent.
type Quota uint8

// The quotas of a namespace.
const (
	MemoryBytes   Quota = iota + 1 // about how many bytes its data takes
	Keys                           // how many keys its store has
	ValueBytes                     // the bytes of one value, message or text in a request
	Queues                         // how many queues there are
	QueueDepth                     // how many messages one queue holds
	Rooms                          // how many rooms its streams have
	Subscriptions                  // how many watches are open at once
	Connections                    // how many connections are open at once that stay in the namespace
	RequestsPerS                   // requests a second, each by its weight
	BytesPerS                      // bytes a second, of requests and answers
)

// num is one more than the largest quota.
const num = int(BytesPerS) + 1

var names = [num]string{
	MemoryBytes: "memory_bytes", Keys: "keys", ValueBytes: "value_bytes", Queues: "queues", QueueDepth: "queue_depth", Rooms: "rooms",
	Subscriptions: "subscriptions", Connections: "connections", RequestsPerS: "requests_per_s", BytesPerS: "bytes_per_s",
}

var meanings = [num]string{
	MemoryBytes:   "about how many bytes of memory the namespace's data may take",
	Keys:          "how many keys there may be",
	ValueBytes:    "the largest value, message or text that a request may carry, in bytes",
	Queues:        "how many queues there may be",
	QueueDepth:    "how many messages each queue may hold",
	Rooms:         "how many rooms (streams) there may be",
	Subscriptions: "how many watches and subscriptions may be open at once",
	Connections:   "how many connections that stay in the namespace may be open at once",
	RequestsPerS:  "how many requests a second may come, counted by their weight",
	BytesPerS:     "how many bytes a second may come and go",
}

// String returns the quota's permanent name.
func (q Quota) String() string { return names[q] }

// Meaning says what the quota limits, for people.
func (q Quota) Meaning() string { return meanings[q] }

// Rate reports whether the quota is of something a second, and not of something that is there.
func (q Quota) Rate() bool { return q == RequestsPerS || q == BytesPerS }

// All returns every quota, by number.
func All() []Quota {
	all := make([]Quota, 0, num-1)
	for q := MemoryBytes; int(q) < num; q++ {
		all = append(all, q)
	}
	return all
}

// Names returns the names of all quotas, by number.
func Names() []string { return names[1:] }

// Parse returns the quota of that name.
func Parse(name string) (Quota, bool) {
	for _, q := range All() {
		if names[q] == name {
			return q, true
		}
	}
	return 0, false
}

// Limits are a limit for each quota; 0 is none, and so is that of the zero Limits.
type Limits [num]int64

// Unset, in place of a limit, stands for another's: a namespace's own limits are over the server's defaults.
const Unset = -1

// Own returns limits of which none is set.
func Own() (own Limits) {
	for q := range own {
		own[q] = Unset
	}
	return own
}

// Over returns the limits that are in force: the own ones where they are set, and the defaults.
func (own Limits) Over(defaults Limits) Limits {
	for q, limit := range own {
		if limit == Unset {
			own[q] = defaults[q]
		}
	}
	return own
}

// MaxLimit bounds every limit, so that sums of them do not overflow.
const MaxLimit = 1 << 50

// Check refuses a limit that makes no sense.
func (q Quota) Check(limit int64) error {
	if limit >= 0 && limit <= MaxLimit {
		return nil
	}
	return fmt.Errorf("%s: %d is not between 0, which is no limit, and %d", q, limit, int64(MaxLimit))
}

// Refuse returns the fault of a quota that is used up: use is what there is.
func (q Quota) Refuse(limit, use int64) *fault.Error {
	if q == MemoryBytes {
		return fault.New(fault.Exhausted, "the namespace may take %d bytes of memory, and takes %d: delete something first", limit, use).
			With("quota", q.String()).With("limit", limit).With("use", use).With("resource", "memory")
	}
	return fault.New(fault.Exhausted, "the namespace may have %d %s, and has %d", limit, q, use).
		With("quota", q.String()).With("limit", limit).With("use", use)
}

// Admit refuses one more than the limit: use is what there would be with it.
func (l *Limits) Admit(q Quota, use int64) error {
	if limit := l[q]; limit > 0 && use > limit {
		return q.Refuse(limit, use-1)
	}
	return nil
}
