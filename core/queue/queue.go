// Package queue is the acknowledged queue: at-least-once delivery under leases,
// by priority, with delays, groups, dead letters and deduplication.
//
// A message is ready, delayed, leased or dead, and in exactly one of these at any
// moment. Its place in line is its priority and then its number, which grows with
// every publish, and it keeps that place however often it is returned. Whoever
// receives a message holds a lease on it: until the lease ends nobody else gets
// the message, and once it has ended its receipt is worth nothing. The receipt
// carries the version of the record that granted the lease, a fencing token.
//
// Queues is the state of one namespace. One lock guards all its queues, because a
// message may move between two of them (dead letters) and the journal takes one
// record at a time anyway. Handlers decide under that lock, and only Apply changes
// a message. What time makes due (leases, delays, lifetimes) waits in a heap for
// each queue and one heap of queues; there is no timer for a message and no
// goroutine of this package. Receivers that wait are not data: they wait on a
// channel, outside the lock, and a message that becomes ready wakes just one.
package queue

import (
	"fmt"

	"github.com/hivellm/synap-go/core/command"
)

// The structure's name and its permanent number.
const (
	structureName = "queue"
	structureID   = 2
)

// Defaults and bounds of Options.
const (
	DefaultMaxMessageBytes = 1 << 20
	DefaultMaxQueues       = 100_000

	largestMaxMessageBytes = 64 << 20
	largestMaxQueues       = 10_000_000
)

// Options bound what the queues of a namespace take. The zero Options are the defaults.
type Options struct {
	MaxMessageBytes int // of one message's value; 0 is 1 MiB, at most 64 MiB
	MaxQueues       int // of one namespace; 0 is 100,000, at most 10 million
}

// Validate reports which field is out of bounds.
func (o Options) Validate() error {
	switch {
	case o.MaxMessageBytes < 0 || o.MaxMessageBytes > largestMaxMessageBytes:
		return fmt.Errorf("MaxMessageBytes: %d is not between 0 and %d", o.MaxMessageBytes, largestMaxMessageBytes)
	case o.MaxQueues < 0 || o.MaxQueues > largestMaxQueues:
		return fmt.Errorf("MaxQueues: %d is not between 0 and %d", o.MaxQueues, largestMaxQueues)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if o.MaxQueues == 0 {
		o.MaxQueues = DefaultMaxQueues
	}
	return o
}

// Structure declares the queues. It panics on options that Validate refuses.
func Structure(o Options) *command.Structure {
	if err := o.Validate(); err != nil {
		panic("queue: " + err.Error())
	}
	o = o.withDefaults()
	return &command.Structure{
		Name: structureName, ID: structureID,
		Summary:  "Queues: each message goes to one worker, under a lease, until it is acknowledged.",
		Commands: commands(),
		Things: &command.Things{Kind: "queues", List: "queue.list", Name: "queue", Clear: map[string]command.Clearing{
			"empty":        {Command: "queue.purge", Field: "queue"},
			"drop":         {Command: "queue.delete", Field: "queue"},
			"redrive_dead": {Command: "queue.redrive", Field: "queue"},
		}},
		Measures:  []*command.Measures{measures},
		Condition: condition,
		New:       func(env command.Env) command.State { return newQueues(env, o) },
		DecodeOp:  decodeOp,
	}
}
