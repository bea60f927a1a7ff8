package link

import (
	"context"
	"reflect"
	"strings"
	"sync"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/client"
)

func noKey(credential string) error {
	return fault.New(fault.Unauthenticated, "there is no key for the credential %q", credential)
}

// here is a namespace of this server.
type here struct {
	x      command.Executor
	caller *auth.Identity
}

// Call implements Side. Requests and answers are packed as they are for a peer: bytes stay bytes.
func (h *here) Call(ctx context.Context, operation string, args, answer any) error {
	c, err := h.x.Table().Find(operation)
	if err != nil {
		return err
	}
	r := &command.Request{Caller: h.caller, Command: c}
	if reflect.TypeOf(args) == reflect.PointerTo(c.Request) {
		r.Args = args // it is what it would be read into
	} else {
		payload, err := pack.Append(nil, args)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "the request does not encode: %v", err)
		}
		r.Payload = command.MsgPack(payload)
	}
	var found any
	if c.Kind == command.KindWatch {
		found, err = command.Collect(ctx, h.x, r)
	} else {
		found, err = h.x.Do(ctx, r)
	}
	if err != nil {
		return err
	}
	room := answers.Get().(*[]byte)
	defer answers.Put(room)
	answered, err := pack.Append((*room)[:0], found)
	if cap(answered) <= maxKept {
		*room = answered
	}
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the answer does not encode: %v", err)
	}
	return client.Raw(answered).Decode(answer)
}

// answers are where answers are encoded: what is decoded refers to none of them, and a page of points is megabytes.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest of them that is used again.
const maxKept = 16 << 20

// Close implements Side.
func (*here) Close() error { return nil }

// there is a namespace of another server.
type there struct {
	client  *client.Client
	options []client.Option
}

// Call implements Side.
func (t *there) Call(ctx context.Context, operation string, args, answer any) error {
	options := t.options
	switch {
	case strings.HasSuffix(operation, ".watch"):
		options = append(options[:len(options):len(options)], client.Once(), client.OnStream())
	default: // what waits holds up nobody, and what comes with much does not either
		options = append(options[:len(options):len(options)], client.OnStream())
	}
	return t.client.Call(ctx, operation, args, answer, options...)
}

// Close implements Side.
func (t *there) Close() error { return t.client.Close() }
