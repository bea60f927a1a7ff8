// Package command is the one table: every command that Synap knows, declared once
// as a Go value, and the dispatcher that runs it.
//
// A structure declares its commands with Read, Write, Act and Watch; the
// constructor's handler type keeps the promise that its name makes (only a Write
// is given a Tx, so only a Write can change data). Doors derive everything else
// from the table: routes, tools, schemas, operations, subcommands, permissions,
// metrics, documentation. Reflection happens when a table is built, never when a
// command runs.
package command

import (
	"context"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// Kind is what a command may do.
type Kind uint8

// The kinds, one for each constructor.
const (
	KindRead  Kind = iota + 1 // looks at data
	KindWrite                 // changes data, through the journal
	KindAct                   // does something that is not data: publishes, administers
	KindWatch                 // follows changes until told to stop
)

// String returns "read", "write", "act" or "watch".
func (k Kind) String() string { return [...]string{"", "read", "write", "act", "watch"}[k] }

// Hints say more about a command than its kind does; they are promises, and documentation repeats them.
type Hints uint8

// The hints.
const (
	Idempotent  Hints = 1 << iota // the same request twice does no more than once
	Destructive                   // may overwrite or remove what was there
)

// Info is the declaration of a command, without its handler.
type Info struct {
	Name    string // "structure.verb", permanent
	Op      uint16 // the command's permanent number on binary protocols: structure in the high byte
	Summary string // one sentence in the imperative, for lists
	Doc     string // more, for the reference: what a newcomer has to know; may be empty
	Hints   Hints

	// Access is what an Act needs, and what another kind needs when that is more than its kind implies: read of a Read
	// and a Watch, write of a Write. None means that an Act checks nothing of its own because it only calls other commands.
	Access auth.Access
	// Anyone marks a command that whoever is known may call: it tells callers of themselves and of what everybody may
	// know, or runs other commands, which are checked as if they were called alone.
	Anyone bool
	// Secret marks a command whose request or answer holds a secret. It takes no idempotency key, with which the answer and a
	// fingerprint of the request would be kept on disk.
	Secret bool
	// Open marks a command that touches no named thing, so that its request names no resource.
	Open bool
	// Waits marks a Read or Write whose handler may call Wait, and an Act that may take until its context ends.
	Waits bool
	// Asks marks a Read that may Wait only if its request says so, by a method Waits() bool: it asks others.
	Asks bool
	// Frees marks a Write that makes room, or that somebody needs in order to make room: it is let through when memory is
	// used up, and no quota counts what it does.
	Frees bool
	// Weight is how many requests it counts for where requests are limited, besides what its lists and its limit
	// add; 0 is 1, negative is none at all. See Command.Weigh.
	Weight int

	Args   string   // request fields that a command line takes by place: "key value", the last perhaps "keys..."
	Routes []string // further HTTP routes: "GET /kv/:key", relative to /v1
	Body   string   // the request field that a raw HTTP body fills on those routes

	Tool      *Tool      // how language models see it; nil hides it behind the general tools
	Addresses []*Address // of a Read: under which addresses its answer can be read and followed
}

// Tool declares a command as a tool for language models. Its schema is the request's, seen through Args.
type Tool struct {
	Name        string            // "synap_noun_verb"
	Title       string            // for people, three words or so
	Description string            // for models: what, when rather than which other tool, what empty means; about 60 words
	Profiles    []string          // the named tool sets it belongs to, besides the complete ones
	Args        []string          // the request fields shown, in this order, "shown=field" to rename; empty means all
	Docs        map[string]string // descriptions that say it better for a model, by shown name; "-": the name says it
	Defaults    map[string]any    // values for fields the caller left out, by request field
	Most        map[string]int    // the most that is passed on for a number, by request field: what takes things must not take more than it can show
	Aliases     map[string]string // other spellings that are understood: spelling -> shown name
	Ask         *Ask              // how the person at the client is asked before a deed in two steps; nil when there are none
	Former      *Former           // how servers of the first generation called it; nil when they did not have it
}

// Ask declares that a command may answer with a preview and a code, with which the same request does what was previewed. A door
// whose client can ask the person there does so in between, and keeps the code to itself.
type Ask struct {
	Code    string // the field that carries the code, in the preview and in the request; empty in an answer that is no preview
	Message string // what the person is asked; "{field}" stands for what the preview has there, or else the request
}

// Former is a tool's name in servers of the first generation, under which the profile compat still has it.
type Former struct {
	Name    string
	Args    []string          // fields shown besides those of the tool
	Aliases map[string]string // spellings understood besides those of the tool
}

// Command is one row of the table. It is immutable once the table is built.
type Command struct {
	Info
	Kind     Kind
	Request  reflect.Type // a struct
	Response reflect.Type // a struct; of a Watch, the event

	requestSchema  *jsonschema.Schema
	responseSchema *jsonschema.Schema
	structure      *Structure
	table          *Table // that it is in
	place          int    // the structure's place in a namespace's states

	fields    *fields
	validates bool // *Request has a Validate method of its own
	names     bool // *Request has Resource or Resources
	weights   weights
	fresh     func() any
	reset     func(req, resp any)
	handler   handler
	stats     Stats
}

// handler is the typed handler with its types erased; just the one of the command's kind is set, and of a composed
// command just plan. What into is said to be is what Request.Into is.
type handler struct {
	read  func(ctx context.Context, state, req, into any) (any, error)
	write func(ctx context.Context, state any, tx *Tx, req, into any) (any, *Receipt, error)
	watch func(ctx context.Context, state, req any, sink Sink) error
	plan  func(ctx context.Context, state, req any) (*Plan, error)
}

// Structure returns the name of the structure that the command belongs to.
func (c *Command) Structure() string { return c.structure.Name }

// NewRequest returns a pointer to a fresh request of the command's type, for a decoder to fill.
func (c *Command) NewRequest() any { return c.fresh() }

// Reset makes a request of the command's type, and a response that it was answered with, fresh ones again, for who makes many calls one
// after the other: no handler and no observer keeps the request that it was given, or the response. Only the response to a call with an
// idempotency key is kept, for a repeat of the call. Either may be nil.
func (c *Command) Reset(req, resp any) { c.reset(req, resp) }

// RequestSchema describes the request. It is shared: do not change it.
func (c *Command) RequestSchema() *jsonschema.Schema { return c.requestSchema }

// ResponseSchema describes the response, of a Watch the event. It is shared: do not change it.
func (c *Command) ResponseSchema() *jsonschema.Schema { return c.responseSchema }

// MayWait reports whether a call of the command may take a while, because it waits for something.
func (c *Command) MayWait() bool { return c.Waits || c.Asks }

// waits reports whether a call with this request may.
func (c *Command) waits(req any) bool {
	return c.Waits || (c.Asks && req.(interface{ Waits() bool }).Waits())
}

// Stats counts the command's calls.
func (c *Command) Stats() *Stats { return &c.stats }

// Needs returns the access that the command requires of its caller.
func (c *Command) Needs() auth.Access {
	if c.Anyone {
		return auth.None
	}
	switch c.Kind {
	case KindRead, KindWatch:
		return max(auth.Read, c.Access)
	case KindWrite:
		return max(auth.Write, c.Access)
	default:
		return c.Access
	}
}

// ReadOnly reports whether the command changes nothing.
func (c *Command) ReadOnly() bool {
	return c.Kind == KindRead || c.Kind == KindWatch || (c.Kind == KindAct && c.Access == auth.Read)
}

// Receipt says what a write is worth. A Write's response embeds it; the dispatcher fills it in.
type Receipt struct {
	Version    uint64             `json:"version,omitempty" jsonschema:"the version that this write gave to all it changed; absent when nothing changed"`
	Durability journal.Durability `json:"durability,omitempty" jsonschema:"how safe the write is: memory, buffered, fsynced or replicated"`
}

func (r *Receipt) receipt() *Receipt { return r }

// restored says how safe a write is whose answer comes from the log or a snapshot.
func (r *Receipt) restored(level journal.Durability) { r.Durability = level }

// Following is embedded by the request of every Watch.
type Following struct {
	From   journal.Position `json:"from,omitzero" jsonschema:"go on after this position or version; absent, or 0, means from now on"`
	Limit  int              `json:"limit,omitempty" min:"0" max:"10000" jsonschema:"end after so many events; answered at once: at most so many, 100 when absent"`
	WaitMS int64            `json:"wait_ms,omitempty" min:"0" max:"25000" jsonschema:"answered at once: how long to wait for the first event, in milliseconds"`
}

func (f *Following) following() *Following { return f }

// Read declares a command that looks at data.
func Read[S, Req, Resp any](info Info, h func(S, context.Context, *Req) (Resp, error)) *Command {
	c := newCommand[Req, Resp](info, KindRead)
	c.handler.read = func(ctx context.Context, state, req, into any) (_ any, err error) {
		resp, ok := into.(*Resp)
		if !ok {
			resp = new(Resp)
		}
		*resp, err = h(state.(S), ctx, req.(*Req))
		return resp, err
	}
	return c
}

// Act declares a command that does something other than read or change data. Info.Access says what it needs.
func Act[S, Req, Resp any](info Info, h func(S, context.Context, *Req) (Resp, error)) *Command {
	c := Read(info, h)
	c.Kind = KindAct
	return c
}

// Write declares a command that changes data, all of it through the Tx. The response embeds Receipt.
func Write[S, Req, Resp any, R interface {
	*Resp
	receipt() *Receipt
}](info Info, h func(S, context.Context, *Tx, *Req) (Resp, error)) *Command {
	c := newCommand[Req, Resp](info, KindWrite)
	c.handler.write = func(ctx context.Context, state any, tx *Tx, req, into any) (_ any, _ *Receipt, err error) {
		resp, ok := into.(*Resp)
		if !ok {
			resp = new(Resp)
		}
		*resp, err = h(state.(S), ctx, tx, req.(*Req))
		return resp, R(resp).receipt(), err
	}
	return c
}

// Watch declares a command that follows changes. The request embeds Following, of which the handler heeds
// From; the handler returns when the context ends or a send fails.
func Watch[S, Req, Event any, R interface {
	*Req
	following() *Following
}](info Info, h func(S, context.Context, *Req, *Stream[Event]) error) *Command {
	c := newCommand[Req, Event](info, KindWatch)
	c.handler.watch = func(ctx context.Context, state, req any, sink Sink) error {
		return h(state.(S), ctx, req.(*Req), &Stream[Event]{sink})
	}
	return c
}

func newCommand[Req, Resp any](info Info, kind Kind) *Command {
	c := &Command{
		Info: info, Kind: kind, Request: reflect.TypeFor[Req](), Response: reflect.TypeFor[Resp](),
		fresh: func() any { return new(Req) }, stats: Stats{done: newTally()},
		reset: func(req, resp any) {
			if q, ok := req.(*Req); ok {
				*q = *new(Req)
			}
			if p, ok := resp.(*Resp); ok {
				*p = *new(Resp)
			}
		},
	}
	req := any(new(Req))
	_, c.validates = req.(validator)
	_, one := req.(oneResource)
	_, many := req.(manyResources)
	c.names = one || many
	return c
}

// validator is what a request implements to refuse what its field tags cannot express.
type validator interface{ Validate() error }

// oneResource is implemented by requests that touch a single named thing, manyResources by the others.
type (
	oneResource   interface{ Resource() auth.Resource }
	manyResources interface{ Resources() []auth.Resource }
)

// check fills defaults and refuses what is wrong with the request itself.
func (c *Command) check(req any) error {
	if err := c.fields.check(req); err != nil {
		return err
	}
	if c.validates {
		return req.(validator).Validate()
	}
	return nil
}

// permit asks the caller's identity about everything that the request touches.
func (c *Command) permit(id *auth.Identity, req any) error {
	need := c.Needs()
	if id.Everywhere(need) {
		return nil
	}
	if !c.names {
		return id.Check(need, auth.Any(c.structure.Name))
	}
	if one, ok := req.(oneResource); ok {
		return id.Check(need, one.Resource())
	}
	for _, r := range req.(manyResources).Resources() {
		if err := id.Check(need, r); err != nil {
			return err
		}
	}
	return nil
}

// Decoder fills a typed request from what a door received. Its errors are fault.Errors in the caller's terms.
type Decoder interface {
	Decode(request any) error
}

// Request is one call, as a door hands it over.
type Request struct {
	Caller    *auth.Identity // nil is refused
	Command   *Command
	Args      any     // a pointer to the command's request type; nil: Payload is decoded into a new one
	Payload   Decoder // nil with nil Args is an empty request
	Namespace string  // "" is the caller's own

	Durability     journal.Durability // at least this safe before the answer; 0 is the configured level
	IdempotencyKey string             // a repeat of this call with this key is answered as the first was

	Number uint64 // the caller's for the call on its connection, which logs tell; 0 where it does not count them

	// Into, unless it is nil, is a pointer to a response of the command's type that nobody needs any more. A Read, or a Write without
	// an idempotency key, may answer with it.
	Into any

	// Watch, unless it is nil, is for a caller that makes many calls one right after the other.
	Watch *Stopwatch

	// Owed, unless it is nil, is for a caller that has many calls in hand: a Read, or a Write on its own, then does not
	// wait until what it answers is safe, but leaves there what has to be waited for. The caller settles that
	// before it passes the answer on, once for many.
	Owed *Owed
}

// args returns the typed request, decoding it if need be.
func (r *Request) args() (any, error) {
	if r.Args != nil {
		return r.Args, nil
	}
	args := r.Command.NewRequest()
	if r.Payload == nil {
		return args, nil
	}
	return args, r.Payload.Decode(args)
}

// Executor runs commands. The Dispatcher is one; so is a client of a server elsewhere.
type Executor interface {
	// Table is what can be run.
	Table() *Table
	// Do runs a command that is not a Watch and returns a pointer to its response type, or an equivalent that
	// encodes to the same JSON.
	Do(ctx context.Context, r *Request) (any, error)
	// Watch runs a Watch until it ends by itself, the context ends, or the sink fails. It returns nil when the
	// requested limit was reached.
	Watch(ctx context.Context, r *Request, sink Sink) error
}

// MaxIdempotencyKeyBytes bounds a caller's idempotency key.
const MaxIdempotencyKeyBytes = 256

// Validate reports what is wrong with the call's own fields.
func (r *Request) Validate() error {
	switch {
	case r.Caller == nil:
		return fault.New(fault.Unauthenticated, "who is calling is not known")
	case r.Command == nil:
		return fault.New(fault.Invalid, "no command")
	case len(r.IdempotencyKey) > MaxIdempotencyKeyBytes:
		return fault.New(fault.TooLarge, "the idempotency key is %d bytes long; at most %d are allowed",
			len(r.IdempotencyKey), MaxIdempotencyKeyBytes)
	case r.IdempotencyKey != "" && r.Command.Secret:
		return fault.New(fault.Invalid, "%s tells secrets, and what is told under an idempotency key is kept: call it without one",
			r.Command.Name)
	case r.IdempotencyKey != "" && !r.Command.Repeatable():
		return fault.New(fault.Invalid, "%s is not a write: an idempotency key means nothing to it", r.Command.Name)
	}
	return nil
}
