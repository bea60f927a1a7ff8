// Package dialect speaks the language of the first Synap's SDKs: POST /api/v1/command with envelopes that have no type, always answered
// 200, with payloads and error texts of their own.
//
// It is a translation, and all of it is here: a table from the names that those SDKs send to functions that make native calls of them and their
// payloads of the native answers. It knows commands by their names and requests as JSON, and neither a structure nor HTTP. What it holds
// is the receipts of messages that were handed out, since a message is acknowledged by its id in this language; nothing else
// outlives a call. Who calls, what they may, and how fast is decided where native calls are.
package dialect

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hivellm/synap-go/core/fault"
)

// Session is one caller of native commands.
type Session interface {
	// Call runs a command. The request is anything that JSON can be made of; the answer's JSON is read into response unless that is nil.
	Call(ctx context.Context, command string, request, response any) error
	// Namespace is where the caller's commands work.
	Namespace() string
}

// Dialect answers in the language of the first Synap. It is for all callers of a server, and for any number of them at once.
type Dialect struct {
	leases leases
}

// New returns a Dialect that has handed out no messages yet.
func New() *Dialect { return &Dialect{leases: leases{most: MaxLeases, byID: map[leaseID]lease{}}} }

// Envelope is a request as SDKs send it.
type Envelope struct {
	Command   string          `json:"command"`
	RequestID string          `json:"request_id"`
	Payload   json.RawMessage `json:"payload"`
}

// Reply is the answer to an Envelope. All of its fields are always there: clients read them without a look at whether they are.
type Reply struct {
	Success   bool    `json:"success"`
	RequestID string  `json:"request_id"`
	Payload   any     `json:"payload"`
	Error     *string `json:"error"`
}

// Answer runs what an envelope asks for. It never fails: what went wrong is in the reply.
func (d *Dialect) Answer(ctx context.Context, s Session, e *Envelope) *Reply {
	payload, err := d.run(ctx, s, e)
	if err != nil {
		text := said(err)
		return &Reply{RequestID: e.RequestID, Error: &text}
	}
	return &Reply{Success: true, RequestID: e.RequestID, Payload: payload}
}

func (d *Dialect) run(ctx context.Context, s Session, e *Envelope) (any, error) {
	f := commands()[e.Command]
	if f == nil {
		return nil, refusal("Unknown command: " + clip(e.Command))
	}
	c := &call{dialect: d, session: s, ctx: ctx, id: e.RequestID}
	if len(e.Payload) > 0 {
		if err := json.Unmarshal(e.Payload, &c.fields); err != nil { // null is an empty payload
			return nil, invalid("'payload' must be an object")
		}
	}
	return f(c)
}

// call is a command that is being answered.
type call struct {
	fields
	dialect *Dialect
	session Session
	ctx     context.Context
	id      string // of the request
}

// do makes a native call.
func (c *call) do(command string, request, response any) error {
	return c.session.Call(c.ctx, command, request, response)
}

// commands is the whole language: what is not in it is unknown.
var commands = sync.OnceValue(func() map[string]func(*call) (any, error) {
	all := map[string]func(*call) (any, error){}
	for _, part := range []map[string]func(*call) (any, error){keyCommands, serverCommands, queueCommands, streamCommands, topicCommands, transactionCommands} {
		maps.Copy(all, part)
	}
	return all
})

// Names returns the commands of the dialect, sorted.
func Names() []string { return slices.Sorted(maps.Keys(commands())) }

// object is a request or a payload.
type object map[string]any

// done is the payload of what has nothing to tell.
var done = object{"success": true}

// refusal is an error in the words that SDKs know.
type refusal string

// Error implements error.
func (r refusal) Error() string { return string(r) }

func invalid(format string, args ...any) error {
	return refusal("Invalid request: " + fmt.Sprintf(format, args...))
}

func keyNotFound(key string) error { return refusal("Key not found: " + clip(key)) }

// said is the text of an error. SDKs show it to people and, some, look at how it begins.
func said(err error) string {
	if r, ok := err.(refusal); ok { //nolint:errorlint // it is made here, and never wrapped
		return string(r)
	}
	e := fault.From(err)
	begins := "Internal error"
	switch e.Code {
	case fault.Invalid, fault.AlreadyExists, fault.Conflict, fault.Unsupported, fault.NotPrimary:
		begins = "Invalid request"
	case fault.OutOfRange, fault.TooLarge:
		begins = "Invalid value"
	case fault.NotFound:
		begins = "Resource not found"
	case fault.Denied:
		begins = "Forbidden"
	case fault.Unauthenticated:
		begins = "Unauthorized"
	case fault.Exhausted:
		begins = "Quota exceeded"
	case fault.Timeout:
		begins = "Operation timed out"
	}
	return begins + ": " + e.Message
}

// is reports whether an error has the code.
func is(err error, code fault.Code) bool { return err != nil && fault.CodeOf(err) == code }

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
