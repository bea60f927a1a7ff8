package umicp

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// asked is a request in a frame: in the short form, or as an envelope. It is answered as it was asked.
type asked struct {
	call
	frame *umx.Frame
	env   *Envelope // nil in the short form
}

// read finds out what a frame asks for.
func (s *Server) read(q *asked) error {
	if q.frame.Ext&umx.Compact != 0 {
		return s.compact(q.frame, &q.call, nil)
	}
	meta := q.frame.Meta
	if q.frame.MetaEncoding == umx.MessagePack {
		var ok bool
		if meta, ok = pack.ToJSON(nil, meta); !ok {
			return malformed()
		}
	}
	e, err := Decode(meta)
	if err != nil {
		return err
	}
	q.env = e
	return s.envelopeCall(q)
}

// envelopeCall makes a call of an envelope that came in a frame, perhaps with tensors.
func (s *Server) envelopeCall(q *asked) error {
	e := q.env
	args := maps.Clone(e.Capabilities)
	var names []string
	body := -1
	c := s.operations[textOf(args, "operation")]
	for _, o := range []struct {
		name string
		into any
	}{{"tensors", &names}, {"once", &q.once}, {"repeat", &q.repeat}, {"as_tensors", &q.apart}, {"arguments_tensor", &body}} {
		raw, given := args[o.name]
		if !given || (c != nil && c.RequestSchema().Properties[o.name] != nil) {
			continue
		}
		delete(args, o.name)
		if o.name == "tensors" {
			raw = onlyNames(raw)
		}
		if json.Unmarshal(raw, o.into) != nil {
			return invalid(o.name, "%q is not what it should be", o.name)
		}
	}
	if body >= 0 {
		text, err := bodyTensor(q.frame, body)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &args); err != nil { // those in the envelope stay
			return unreadable(err)
		}
	}
	with := *e
	with.Capabilities = args
	r, err := s.request(&with)
	if err != nil {
		return err
	}
	q.Request, q.row = *r, s.rows[r.Command]
	q.Number = q.frame.Request
	if len(q.frame.Tensors) == 0 {
		return nil
	}
	q.Args = r.Command.NewRequest()
	if err := r.Payload.Decode(q.Args); err != nil {
		return err
	}
	return q.row.bind(q.Args, q.frame, names)
}

func textOf(args map[string]json.RawMessage, key string) (s string) {
	_ = json.Unmarshal(args[key], &s) // no text names no operation, which is found out later
	return s
}

// onlyNames turns descriptions of tensors, objects with a name, into the names.
func onlyNames(raw json.RawMessage) json.RawMessage {
	var described []struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &described) != nil {
		return raw
	}
	names := make([]string, len(described))
	for i, d := range described {
		names[i] = d.Name
	}
	out, err := json.Marshal(names)
	if err != nil {
		return raw
	}
	return out
}

// execute runs a call that is answered once.
func (s *Server) execute(ctx context.Context, c *call) (any, error) {
	if c.Command.Kind == command.KindWatch {
		return command.Collect(ctx, s.executor, &c.Request)
	}
	return s.executor.Do(ctx, &c.Request)
}

// appendAnswer appends the metadata of the answer.
func (q *asked) appendAnswer(b []byte, result any, err error) []byte {
	if q.frame.Ext&umx.Compact != 0 {
		return q.appendCompact(b, result, err)
	}
	if err == nil {
		var text json.RawMessage
		if text, err = encode(result); err == nil {
			done := q.envelope("resp-", opData)
			done.set("status", "success")
			done.Capabilities["result"] = text
			return q.appendEnvelope(b, done)
		}
	}
	return q.appendEnvelope(b, q.failure(fault.From(err)))
}

// failure is the envelope of an ERROR.
func (q *asked) failure(e *fault.Error) *Envelope {
	code := umx.FromFault(e.Code)
	failed := q.envelope("err-", "error")
	failed.set("status", "error")
	failed.set("code", uint16(code))
	failed.set("name", code.String())
	failed.set("message", e.Message)
	failed.set("retryable", code.Retryable())
	if len(e.Details) > 0 {
		if raw, err := encode(e.Details); err == nil { // a detail that does not encode is left out
			failed.Capabilities["details"] = raw
		}
	}
	return failed
}

// envelope is an answer to what was asked, also when that could not be read.
func (q *asked) envelope(prefix, op string) *Envelope {
	e := q.env
	if e == nil {
		e = &Envelope{ID: "unknown", From: "unknown", To: DefaultPeerID, Op: "request"}
	}
	answer := e.reply(prefix, op, DefaultPeerID)
	answer.set("reply_to", e.ID)
	return answer
}

func (q *asked) appendEnvelope(b []byte, e *Envelope) []byte {
	text, err := encode(e)
	if err != nil {
		panic("umicp: an envelope does not encode: " + err.Error()) // it is made of what encodes
	}
	if q.frame.MetaEncoding != umx.MessagePack {
		return append(b, text...)
	}
	b, _, err = pack.FromJSON(b, text)
	if err != nil {
		return q.appendEnvelope(b, q.failure(fault.From(err)))
	}
	return b
}

// appendEvent appends the metadata of what a watch finds; without an event it says that everything was seen.
func (q *asked) appendEvent(b []byte, event any, at journal.Position) ([]byte, error) {
	if q.frame.Ext&umx.Compact != 0 {
		return appendEvent(b, event, at)
	}
	e := q.envelope("resp-", opData)
	e.set("status", "seen")
	if event != nil {
		text, err := encode(event)
		if err != nil {
			return b, err
		}
		e.set("status", "event")
		e.Capabilities["event"] = text
	}
	if !at.IsZero() {
		e.set("position", at.String())
	}
	return q.appendEnvelope(b, e), nil
}

// asBody moves a result that is too large for metadata into a tensor: [0, result] becomes [0, nil, {"body": 0}], and in an
// envelope result_tensor takes the place of result.
func (q *asked) asBody(meta []byte, result any) ([]byte, []umx.Tensor) {
	if q.frame.Ext&umx.Compact != 0 {
		large := meta[2:] // after the head of the array and the zero
		short := pack.AppendString([]byte{0x93, 0, 0xc0, 0x81}, "body")
		return append(short, 0), []umx.Tensor{umx.NewTensor(umx.Uint8, large, uint64(len(large)))}
	}
	text, err := encode(result)
	if err != nil {
		return q.appendEnvelope(nil, q.failure(fault.From(err))), nil
	}
	done := q.envelope("resp-", opData)
	done.set("status", "success")
	done.set("result_tensor", 0)
	return q.appendEnvelope(nil, done), []umx.Tensor{umx.NewTensor(umx.Uint8, text, uint64(len(text)))}
}

// metaApart is the metadata of an answer of which the tensors are apart.
func (q *asked) metaApart(rest any, names []string) ([]byte, error) {
	if q.frame.Ext&umx.Compact != 0 {
		b, err := pack.Append([]byte{0x93, 0}, rest) // an array of three, zero
		if err != nil {
			return nil, err
		}
		return pack.Append(b, &compactOptions{Tensors: names})
	}
	text, err := encode(rest)
	if err != nil {
		return nil, err
	}
	done := q.envelope("resp-", opData)
	done.set("status", "success")
	done.set("tensors", names)
	done.Capabilities["result"] = text
	return q.appendEnvelope(nil, done), nil
}
