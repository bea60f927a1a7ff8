package http

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/core/quota"
)

// The types of envelopes.
const (
	typeRequest       = "request"
	typeResponse      = "response"
	typeBatch         = "batch"
	typeBatchResponse = "batch_response"
	typeCancel        = "cancel"
	typeEvent         = "event"
	typeEnd           = "end"
	typeReady         = "ready"
	typeSeen          = "seen"
	typeAlive         = "alive"
)

const (
	statusSuccess = "success"
	statusError   = "error"
)

// maxBatchAnswerBytes bounds what a batch's answers may take together; the commands past it are not run.
const maxBatchAnswerBytes = 64 << 20

// Transactor is an executor that can run several commands as one. The results are in the order of the calls;
// an error's details "index" and "command" say which of them it was.
type Transactor interface {
	Transact(ctx context.Context, calls []*command.Request) ([]any, error)
}

// wire is an envelope as it comes in; R is an encoding's raw value. The bound of a batch is the largest that a server can be set to.
type wire[R ~[]byte] struct {
	one[R]
	Commands []member[R] `json:"commands" max:"100000"`
}

// member is a command of a batch. Those that it has itself are refused, and so not looked at.
type member[R ~[]byte] struct {
	one[R]
	Commands R `json:"commands"`
}

// one is what both have.
type one[R ~[]byte] struct {
	Type           string             `json:"type"`
	Command        string             `json:"command"`
	RequestID      string             `json:"request_id"`
	Payload        R                  `json:"payload"`
	Namespace      string             `json:"namespace"`
	Durability     journal.Durability `json:"durability"`
	IdempotencyKey string             `json:"idempotency_key"`
	Atomic         bool               `json:"atomic"`
}

// envelope is a wire in either encoding.
type envelope struct {
	kind, command, requestID string
	payload                  command.Decoder // nil when there is none
	namespace                string
	durability               journal.Durability
	idempotencyKey           string
	atomic                   bool
	commands                 []envelope
}

func parseJSON(data []byte) (*envelope, error) {
	return parse[json.RawMessage](decodeJSON, data, []byte("null"))
}

func parseMsgPack(data []byte) (*envelope, error) {
	return parse[packedPayload](decodeMsgPack, data, []byte{0xc0})
}

// packedPayload is a payload that is still MessagePack.
type packedPayload []byte

// DecodeMsgpack implements msgpack.CustomDecoder.
func (p *packedPayload) DecodeMsgpack(dec *msgpack.Decoder) error {
	return (*msgpack.RawMessage)(p).DecodeMsgpack(dec)
}

// UnmarshalJSON is for the decoder of requests, which reads a second time by way of JSON what is wrong.
func (p *packedPayload) UnmarshalJSON(text []byte) (err error) {
	*p, _, err = pack.FromJSON(nil, text)
	return err
}

// parse reads an envelope; null is how the encoding writes that there is no payload.
func parse[R ~[]byte](decoder func([]byte) command.Decoder, data, null []byte) (*envelope, error) {
	var in wire[R]
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fault.New(fault.Invalid, "the body is empty; %s", wanted)
	}
	if err := decoder(data).Decode(&in); err != nil {
		return nil, err
	}
	e := in.lower(decoder, null)
	if in.Commands != nil {
		e.commands = make([]envelope, 0, len(in.Commands)) // an empty list is still one
	}
	for i := range in.Commands {
		m := &in.Commands[i]
		of := m.lower(decoder, null)
		if len(m.Commands) > 0 && !bytes.Equal(m.Commands, null) {
			of.commands = []envelope{}
		}
		e.commands = append(e.commands, *of)
	}
	return e, nil
}

func (in *one[R]) lower(decoder func([]byte) command.Decoder, null []byte) *envelope {
	e := &envelope{
		kind: in.Type, command: in.Command, requestID: in.RequestID,
		namespace: in.Namespace, durability: in.Durability, idempotencyKey: in.IdempotencyKey, atomic: in.Atomic,
	}
	if len(in.Payload) > 0 && !bytes.Equal(in.Payload, null) {
		e.payload = decoder(in.Payload)
	}
	return e
}

const wanted = `send {"type":"request","command":"structure.verb","payload":{…}} or {"type":"batch","commands":[…]}`

// response is the envelope of an answer.
type response struct {
	Type      string   `json:"type"`
	RequestID string   `json:"request_id,omitempty"`
	Status    string   `json:"status"`
	Payload   any      `json:"payload,omitempty"`
	Error     *failure `json:"error,omitempty"`
}

func newResponse(id string, payload any, err error) *response {
	if err != nil {
		return &response{Type: typeResponse, RequestID: id, Status: statusError, Error: newFailure(err)}
	}
	return &response{Type: typeResponse, RequestID: id, Status: statusSuccess, Payload: payload}
}

// batchResponse answers a batch: with as many results as it had commands, or with none and an error.
type batchResponse struct {
	Type      string            `json:"type"`
	RequestID string            `json:"request_id,omitempty"`
	Status    string            `json:"status"`
	Results   []json.RawMessage `json:"results"`
	Error     *failure          `json:"error,omitempty"`
}

// call makes the request that an envelope asks for. What the envelope says goes before what the headers say.
func (d *Door) call(p *peer, e *envelope) (*command.Request, error) {
	switch {
	case e.command == "":
		return nil, fault.New(fault.Invalid, `the envelope has no "command"; %s`, wanted)
	case e.commands != nil || e.atomic:
		return nil, fault.New(fault.Invalid, `"commands" and "atomic" belong to a batch; %s`, wanted)
	}
	c, err := d.o.Executor.Table().Find(e.command)
	if err != nil {
		return nil, err
	}
	r := p.request(c)
	r.Payload = e.payload
	if e.namespace != "" {
		r.Namespace = e.namespace
	}
	if e.durability != 0 {
		r.Durability = e.durability
	}
	if e.idempotencyKey != "" {
		r.IdempotencyKey = e.idempotencyKey
	}
	return r, nil
}

// serveEnvelope serves POST /api/v1/command.
func (d *Door) serveEnvelope(x *exchange) error {
	in, err := requestCodec(x.r)
	if err != nil {
		return err
	}
	body, err := d.readBody(x.r)
	if err != nil {
		return err
	}
	e, err := in.envelope(body)
	if err == nil {
		switch e.kind {
		case typeRequest:
			return d.serveRequest(x, e)
		case typeBatch:
			return d.serveBatch(x, e)
		}
		err = unknownType(e.kind)
	} else {
		e = &envelope{}
	}
	if old, ok := spoken(in, body); ok {
		return d.serveDialect(x, old)
	}
	return x.envelopeFailed(e.requestID, err)
}

func unknownType(kind string) error {
	if kind == "" {
		return fault.New(fault.Invalid, `the envelope has no "type"; %s`, wanted).With("field", "type")
	}
	return fault.New(fault.Invalid, `the type %q is not understood here; %s`, clip(kind), wanted).With("field", "type")
}

// envelopeFailed answers with an envelope that carries the error.
func (x *exchange) envelopeFailed(id string, err error) error {
	e := fault.From(err)
	setErrorHeaders(x.w.Header(), e)
	return x.answer(Status(e), answerCodec(x.r), newResponse(id, nil, err))
}

func (d *Door) serveRequest(x *exchange, e *envelope) error {
	r, err := d.call(&x.peer, e)
	if err != nil {
		return x.envelopeFailed(e.requestID, err)
	}
	if r.Command.Kind == command.KindWatch && streamOf(x.r) != noStream {
		return d.follow(x, r)
	}
	payload, err := d.run(x.r.Context(), r)
	if err != nil {
		return x.envelopeFailed(e.requestID, err)
	}
	if err := x.answer(http.StatusOK, answerCodec(x.r), newResponse(e.requestID, payload, nil)); err != nil {
		return x.envelopeFailed(e.requestID, err)
	}
	return nil
}

func (d *Door) serveBatch(x *exchange, e *envelope) error {
	answer, err := d.batch(x.r.Context(), &x.peer, e)
	if err == nil {
		err = x.answer(http.StatusOK, answerCodec(x.r), answer)
	}
	if err != nil {
		return x.envelopeFailed(e.requestID, err)
	}
	return nil
}

// batch runs the commands of a batch in order. The error is about the batch as such; that a command failed, or
// all of an atomic batch, is in the answer.
func (d *Door) batch(ctx context.Context, p *peer, e *envelope) (*batchResponse, error) {
	switch {
	case len(e.commands) > d.rules.Load().maxBatch:
		most := d.rules.Load().maxBatch
		return nil, fault.New(fault.TooLarge, "the batch has %d commands; at most %d are allowed", len(e.commands), most).
			With("limit", most)
	case e.command != "" || e.payload != nil:
		return nil, fault.New(fault.Invalid, `"command" and "payload" belong to a request; %s`, wanted)
	case e.idempotencyKey != "" || p.idempotencyKey != "":
		return nil, fault.New(fault.Invalid, "an idempotency key belongs to a command of a batch, not to the batch")
	}
	members := *p
	if e.namespace != "" {
		members.namespace = e.namespace
	}
	members.durability = max(p.durability, e.durability)
	answer := &batchResponse{Type: typeBatchResponse, RequestID: e.requestID, Status: statusSuccess, Results: []json.RawMessage{}}
	var err error
	if e.atomic {
		answer.Results, err = d.together(ctx, &members, e.commands)
	} else {
		answer.Results, err = d.oneByOne(ctx, &members, e.commands)
	}
	if err != nil {
		answer.Status, answer.Error, answer.Results = statusError, newFailure(err), []json.RawMessage{}
	}
	return answer, nil
}

// member is call for a command of a batch, which may leave out its type.
func (d *Door) member(p *peer, e *envelope) (*command.Request, error) {
	if e.kind != "" && e.kind != typeRequest {
		return nil, fault.New(fault.Invalid, "a batch holds requests, nothing of the type %q", clip(e.kind))
	}
	return d.call(p, e)
}

// oneByOne runs each command for itself. Answers are encoded as they come, so that a batch of large reads holds
// their encoding once and stops at its bound.
func (d *Door) oneByOne(ctx context.Context, p *peer, commands []envelope) ([]json.RawMessage, error) {
	ctx = quota.HoldOnce(ctx)
	results := make([]json.RawMessage, len(commands))
	size := 0
	for i := range commands {
		e := &commands[i]
		var payload any
		r, err := d.member(p, e)
		switch {
		case err != nil:
		case size > maxBatchAnswerBytes:
			err = fault.New(fault.TooLarge, "not run: the answers before it take more than %d bytes", maxBatchAnswerBytes)
		default:
			payload, err = d.run(ctx, r)
		}
		result, err := encodeResult(e.requestID, payload, err)
		if err != nil {
			return nil, err
		}
		results[i] = result
		size += len(result)
	}
	return results, nil
}

// encodeResult encodes one answer; a payload that cannot be encoded becomes an error of its own.
func encodeResult(id string, payload any, err error) (json.RawMessage, error) {
	result, failed := appendJSON(nil, newResponse(id, payload, err))
	if failed == nil {
		return result, nil
	}
	return appendJSON(nil, newResponse(id, nil, fault.From(failed)))
}

// together runs the commands as one transaction.
func (d *Door) together(ctx context.Context, p *peer, commands []envelope) ([]json.RawMessage, error) {
	t, ok := d.o.Executor.(Transactor)
	if !ok {
		return nil, fault.New(fault.Unsupported, "this server cannot run a batch as one transaction")
	}
	calls := make([]*command.Request, len(commands))
	for i := range commands {
		var err error
		if calls[i], err = d.member(p, &commands[i]); err != nil {
			return nil, command.InCommand(err, i, commands[i].command)
		}
	}
	responses, err := t.Transact(ctx, calls)
	if err != nil {
		return nil, err
	}
	results := make([]json.RawMessage, len(responses))
	for i, payload := range responses {
		if results[i], err = encodeResult(commands[i].requestID, payload, nil); err != nil {
			return nil, err
		}
	}
	return results, nil
}
