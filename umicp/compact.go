package umicp

import (
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// COMPACT is the short form of a request and of its answer, in MessagePack:
//
//	request   [operation, arguments]  or  [operation, arguments, options]
//	answer    [0, result]  or  [0, result, options]  or  [0, result, position]  of a watch
//	          [code, message]  or  [code, message, details]
//
// operation is a name or a command's number, options a map that may be left out.

// call is a request that was read: what to run, and how.
type call struct {
	command.Request
	row    *row
	once   bool // a watch is answered at once, even on a stream
	apart  bool // what of the answer can be tensors is
	repeat bool // a command that waits is run again and again
}

// compact reads a request in the short form, into a spare one if there is any. Nothing of it refers to the frame, except in its Payload until it was
// decoded.
func (s *Server) compact(f *umx.Frame, c *call, spare *spares) error {
	n, rest, ok := pack.ReadArray(f.Meta)
	if !ok || n < 1 || n > 3 {
		return fault.New(fault.Invalid, "a request is [operation, arguments], perhaps with options as a third")
	}
	if rest, ok = s.operation(rest, c); !ok {
		return s.unknown(rest)
	}
	if n == 1 {
		return s.compactArgs(f, c, nil, nil)
	}
	if n == 2 && len(f.Tensors) == 0 { // the usual, in one pass
		if args := spare.request(c.row); c.row.request().Decode(rest, args) {
			c.Request.Command, c.Request.Number, c.Args = c.row.command, f.Request, args
			return nil
		}
	}
	after, ok := pack.Skip(rest)
	if !ok {
		return malformed()
	}
	args, options := rest[:len(rest)-len(after)], after
	if n == 3 {
		if after, ok = pack.Skip(options); !ok {
			return malformed()
		}
		options = options[:len(options)-len(after)]
	}
	if len(after) > 0 {
		return fault.New(fault.Invalid, "%d bytes follow the request", len(after))
	}
	if n < 3 {
		options = nil
	}
	return s.compactArgs(f, c, args, options)
}

func malformed() error {
	return fault.New(fault.Invalid, "the MessagePack is malformed or nests too deep")
}

// operation finds the command that a number or a name stands for, and returns what follows.
func (s *Server) operation(b []byte, c *call) (rest []byte, ok bool) {
	if op, rest, ok := pack.ReadUint(b); ok {
		if op < 1<<16 {
			if of, at := s.byOp[op>>8], int(op&0xff); at < len(of) {
				c.row = of[at]
			}
		}
		if c.row == nil {
			return nil, false
		}
		return rest, true
	}
	name, rest, ok := pack.ReadString(b)
	if ok {
		c.row = s.rows[s.operations[string(name)]]
	}
	if c.row == nil {
		return name, false
	}
	return rest, true
}

// unknown is why there is no such operation.
func (s *Server) unknown(name []byte) error {
	if len(name) > 0 && len(name) < 200 {
		if _, err := s.executor.Table().Find(string(name)); err != nil {
			return err
		}
	}
	return fault.New(fault.NotFound, "there is no such operation: it is the name or the number of a command")
}

// compactArgs decodes the arguments into a request of the command's type.
func (s *Server) compactArgs(f *umx.Frame, c *call, args, options []byte) error {
	c.Request.Command, c.Request.Number = c.row.command, f.Request
	var names []string
	if options != nil {
		if _, isNil := pack.ReadNil(options); !isNil {
			body := -1
			var err error
			if names, body, err = c.options(options); err != nil {
				return err
			}
			if body >= 0 {
				if args, err = bodyTensor(f, body); err != nil {
					return err
				}
			}
		}
	}
	if args != nil {
		if _, isNil := pack.ReadNil(args); isNil {
			args = nil
		}
	}
	request := c.row.command.NewRequest()
	if len(args) > 0 && !c.row.request().Decode(args, request) {
		request = c.row.command.NewRequest()
		if err := command.MsgPack(args).Decode(request); err != nil {
			return err
		}
	}
	c.Args = request
	if len(f.Tensors) > 0 {
		return c.row.bind(request, f, names)
	}
	return nil
}

// bodyTensor is what did not fit into the metadata.
func bodyTensor(f *umx.Frame, i int) ([]byte, error) {
	if i >= len(f.Tensors) || f.Tensors[i].DType != umx.Uint8 {
		return nil, fault.New(fault.Invalid, "tensor %d, said to be the body, is not there or is not of uint8", i)
	}
	return f.Tensors[i].Data, nil
}

// compactOptions is what the third element of a request may hold.
type compactOptions struct {
	Namespace      string   `json:"namespace,omitempty"`
	Durability     string   `json:"durability,omitempty"`
	IdempotencyKey string   `json:"idempotency_key,omitempty"`
	Tensors        []string `json:"tensors,omitempty"`
	Body           *int     `json:"body,omitempty"`
	Once           bool     `json:"once,omitempty"`
	Repeat         bool     `json:"repeat,omitempty"`
	AsTensors      bool     `json:"as_tensors,omitempty"`
}

// options reads them into the call, and returns the tensors' names and which of them is the body.
func (c *call) options(b []byte) (names []string, body int, err error) {
	var o compactOptions
	if !pack.Decode(b, &o) {
		o = compactOptions{}
		if err := command.MsgPack(b).Decode(&o); err != nil {
			return nil, -1, err
		}
	}
	c.Namespace, c.IdempotencyKey, c.once, c.repeat = o.Namespace, o.IdempotencyKey, o.Once, o.Repeat
	c.apart = o.AsTensors
	if o.Durability != "" {
		if err := c.Durability.UnmarshalText([]byte(o.Durability)); err != nil {
			return nil, -1, fault.New(fault.Invalid, `"durability" is one of memory, buffered, fsynced, replicated`)
		}
	}
	body = -1
	if o.Body != nil {
		if body = *o.Body; body < 0 {
			return nil, -1, fault.New(fault.Invalid, `"body" is the number of a tensor`)
		}
	}
	return o.Tensors, body, nil
}

// appendCompact appends the metadata of an answer in the short form. One that does not encode becomes an error.
func (q *asked) appendCompact(b []byte, result any, err error) []byte {
	if err == nil {
		at := len(b)
		b = append(b, 0x92, 0) // an array of two, zero
		if b, err = q.row.response().Append(b, result); err == nil {
			return b
		}
		b = b[:at]
	}
	return appendError(b, fault.From(err))
}

func appendError(b []byte, e *fault.Error) []byte {
	n := 2
	if len(e.Details) > 0 {
		n = 3
	}
	at := len(b)
	b = appendWire(b, umx.FromFault(e.Code), e.Message)
	if n == 3 {
		b[at]++ // an array of three
		var err error
		if b, err = pack.Append(b, e.Details); err != nil {
			// A detail that does not encode is left out, with the others.
			return appendError(b[:at], fault.New(e.Code, "%s", e.Message))
		}
	}
	return b
}

// appendWire appends an error without details.
func appendWire(b []byte, code umx.Code, message string) []byte {
	return pack.AppendString(pack.AppendUint(pack.AppendArray(b, 2), uint64(code)), message)
}

// appendEvent appends the metadata of what a watch finds; without an event it says that everything was seen.
func appendEvent(b []byte, event any, at journal.Position) ([]byte, error) {
	b = append(b, 0x93, 0) // an array of three, zero
	b, err := pack.Append(b, event)
	if err != nil {
		return b, err
	}
	if at.IsZero() {
		return pack.AppendNil(b), nil
	}
	return pack.AppendString(b, at.String()), nil
}

// deadline is how long a frame's sender is willing to wait.
func deadline(f *umx.Frame) time.Duration { return time.Duration(f.DeadlineMS) * time.Millisecond }
