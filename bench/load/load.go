// Package load drives a server over many TCP connections from one thread, as redis-benchmark does: every connection sends
// as many requests as it is deep, waits for as many answers, and sends again. The requests are bytes that were made
// before, and of an answer no more is looked at than whether it says that all went well; so the generator costs little, and
// the same whatever it drives. A load of one goroutine for each connection costs as much as the servers do.
//
// It knows two protocols: UMICP in the short form, and RESP. It is for Linux, of which it uses epoll.
package load

import (
	"slices"
	"time"
)

// Protocol is how one connection speaks.
type Protocol interface {
	// Greeting is what is said first, nil for nothing; it is answered once.
	Greeting() []byte
	// Append appends the next request.
	Append(b []byte) []byte
	// Take looks at the answer at the beginning of b and returns its length, 0 if it is not whole, or why it is no good one.
	Take(b []byte) (int, error)
}

// Load is how a server is driven.
type Load struct {
	Address     string // host and port, an IPv4 address
	Connections int
	Depth       int // requests that each connection sends at once
	For         time.Duration
	Protocol    func(connection int) Protocol
}

// Result is what came of it.
type Result struct {
	Answers int
	Took    time.Duration
	times   []time.Duration // of every burst, from its sending to its last answer
}

// Rate is answers a second.
func (r *Result) Rate() float64 { return float64(r.Answers) / r.Took.Seconds() }

// Quantile is how long a burst took, in milliseconds, for a share q of all bursts at most; 0 if there were none.
func (r *Result) Quantile(q float64) float64 {
	if len(r.times) == 0 {
		return 0
	}
	slices.Sort(r.times)
	return float64(r.times[int(q*float64(len(r.times)-1))].Microseconds()) / 1000
}
