package core

import (
	"context"
	"sync"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// Bounds of the log of slow calls.
const (
	maxSlowEntries  = 256 // a new one takes the oldest one's place
	maxSlowNames    = 4   // of the names that a call is about
	maxLoggedName   = 256 // bytes of such a name
	maxLoggedCaller = 128 // bytes of a caller's name
)

// slowlog keeps the latest calls that took long: who, what and on what, never with which values.
type slowlog struct {
	mu    sync.Mutex
	ring  [maxSlowEntries]SlowCall // the entry with number n is at n % maxSlowEntries
	total uint64                   // how many there ever were; the next one has this number
}

// SlowCall is a call that took long.
type SlowCall struct {
	ID        uint64    `json:"id" jsonschema:"its number; they are given in order"`
	At        time.Time `json:"at" jsonschema:"when it began"`
	TookUS    int64     `json:"took_us" jsonschema:"how long it took, in microseconds"`
	Command   string    `json:"command"`
	Outcome   string    `json:"outcome" jsonschema:"ok, or the code of its error"`
	Names     []string  `json:"names,omitempty" jsonschema:"what it was about, as far as you may read that"`
	More      int       `json:"more,omitempty" jsonschema:"how many further names it was about"`
	Caller    string    `json:"caller"`
	Namespace string    `json:"namespace"`
	Client    uint64    `json:"client,omitempty" jsonschema:"the number of the connection, as in server.clients"`
	RequestID string    `json:"request_id,omitempty" jsonschema:"the caller's name for the request"`
	TraceID   string    `json:"trace_id,omitempty" jsonschema:"of the caller's trace"`

	names []auth.Resource // as Names, to see who may read them
}

// add takes in a call. Commands of the server itself run others, which are told of by themselves.
func (l *slowlog) add(ctx context.Context, r *command.Request, took time.Duration, err error) {
	if r.Command.Structure() == "server" {
		return
	}
	namespace, _ := r.Caller.Select(r.Namespace) // what cannot be selected was refused, and that fast
	trace := clients.TraceFor(ctx, r.Number)
	call := SlowCall{
		At: time.Now().Add(-took), TookUS: took.Microseconds(), Command: r.Command.Name, Outcome: outcome(err),
		Caller: cut(r.Caller.Name, maxLoggedCaller), Namespace: namespace, RequestID: trace.RequestID, TraceID: trace.TraceID,
	}
	call.names, call.More = r.Touched(maxSlowNames)
	call.names = append([]auth.Resource(nil), call.names...)
	for i := range call.names {
		call.names[i].Name = cut(call.names[i].Name, maxLoggedName)
	}
	if c := clients.FromContext(ctx); c != nil {
		call.Client = c.ID()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	call.ID = l.total
	l.ring[l.total%maxSlowEntries] = call
	l.total++
}

// outcome is how a call went, in one word.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	return fault.CodeOf(err).String()
}

// cut returns at most so many bytes of a text, as a text of its own.
func cut(s string, most int) string {
	if len(s) <= most {
		return string(append([]byte(nil), s...))
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most-- // not in the middle of a character
	}
	return s[:most] + "…"
}

// list returns the latest calls in namespaces that the caller may use, newest first, and how many there ever were.
func (l *slowlog) list(caller *auth.Identity, most int) (calls []SlowCall, total uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls = []SlowCall{}
	for n := l.total; n > 0 && l.total-n < maxSlowEntries && len(calls) < most; n-- {
		call := l.ring[(n-1)%maxSlowEntries]
		if _, err := caller.Select(call.Namespace); err != nil {
			continue
		}
		for _, name := range call.names {
			if caller.Check(auth.Read, name) != nil {
				call.More++
				continue
			}
			call.Names = append(call.Names, name.Name)
		}
		calls = append(calls, call)
	}
	return calls, l.total
}
