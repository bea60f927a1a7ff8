package client

import (
	"encoding/json"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// Option changes how one call is made.
type Option func(*request)

// request is a call that is to be encoded.
type request struct {
	operation string
	op        uint16 // the operation's number; 0: by name
	args      any    // a struct, a map, Raw, or nil
	stream    bool   // it has a stream of its own, and so does not hold up those after it
	marks     bool   // a watch tells when everything was seen, too
	fragile   bool   // and ends with its connection
	deadline  uint32 // milliseconds; 0 is none
	names     []string
	tensors   []umx.Tensor
	apart     map[string]umx.Tensor // filled with the answer's tensors; nil: numbers are in the answer

	options
}

// options is the third element of a request.
type options struct {
	Namespace      string   `json:"namespace,omitempty"`
	Durability     string   `json:"durability,omitempty"`
	IdempotencyKey string   `json:"idempotency_key,omitempty"`
	Tensors        []string `json:"tensors,omitempty"`
	Body           *int     `json:"body,omitempty"`
	Once           bool     `json:"once,omitempty"`
	Repeat         bool     `json:"repeat,omitempty"`
	AsTensors      bool     `json:"as_tensors,omitempty"`
}

func (o *options) any() bool {
	return o.Namespace != "" || o.Durability != "" || o.IdempotencyKey != "" || o.Tensors != nil || o.Body != nil || o.Once || o.Repeat || o.AsTensors
}

// Namespace runs the call in a namespace other than the caller's own.
func Namespace(name string) Option { return func(r *request) { r.Namespace = name } }

// Durability asks for an answer only when the change is at least that safe: buffered, fsynced or replicated.
func Durability(level string) Option { return func(r *request) { r.Durability = level } }

// IdempotencyKey makes a repeat of the call answer what the first one did.
func IdempotencyKey(key string) Option { return func(r *request) { r.IdempotencyKey = key } }

// OnStream gives the call a stream of its own: it runs beside others and is not answered in their order.
func OnStream() Option { return func(r *request) { r.stream = true } }

// Once makes a watch answer at once with what there is.
func Once() Option { return func(r *request) { r.Once = true } }

// Tensor sends numbers as the request's field of that name, without a copy.
func Tensor(field string, t umx.Tensor) Option {
	return func(r *request) {
		t.Name = uint16(len(r.names)) //nolint:gosec // far below
		r.names = append(r.names, field)
		r.tensors = append(r.tensors, t)
	}
}

// AsTensors asks for the numbers of the answer, such as the result of matrix.multiply, as tensors: they are put into the map
// under their fields' names, and are absent from the response.
func AsTensors(into map[string]umx.Tensor) Option {
	return func(r *request) { r.AsTensors, r.apart = true, into }
}

// Texts sends a list of texts as the request's field of that name.
func Texts(field string, texts []string) Option {
	offsets, data := make([]uint32, 1, len(texts)+1), []byte{}
	for _, s := range texts {
		data = append(data, s...)
		offsets = append(offsets, uint32(len(data))) //nolint:gosec // bounded by the largest message
	}
	return func(r *request) {
		Tensor(field+".off", umx.NewTensor(umx.Uint32, umx.Bytes(offsets), uint64(len(offsets))))(r)
		Tensor(field+".dat", umx.NewTensor(umx.Uint8, data, uint64(len(data))))(r)
	}
}

// Raw is arguments or a result that are MessagePack already.
type Raw []byte

// JSON returns it as JSON.
func (r Raw) JSON() (json.RawMessage, error) {
	if len(r) == 0 {
		return json.RawMessage("null"), nil
	}
	text, ok := pack.ToJSON(nil, r)
	if !ok {
		return nil, badAnswer("it has no JSON")
	}
	return text, nil
}

// Decode fills what into points at.
func (r Raw) Decode(into any) error {
	if out, ok := into.(*Raw); ok {
		*out = append((*out)[:0], r...)
		return nil
	}
	if len(r) > 0 && pack.Decode(r, into) {
		return nil
	}
	text, err := r.JSON()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil { // also what a newer server has more
		return badAnswer("%v", err)
	}
	return nil
}

// FromJSON returns arguments that are given as JSON.
func FromJSON(text []byte) (Raw, error) { return packed(json.RawMessage(text)) }

func packed(v any) (Raw, error) {
	if raw, ok := v.(Raw); ok {
		return raw, nil
	}
	b, err := pack.Append(nil, v)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the request does not encode: %v", err)
	}
	return b, nil
}

// appendMeta appends the metadata. What is too large for it becomes a tensor, which is then what b was.
func (r *request) appendMeta(b []byte) ([]byte, error) {
	start := len(b)
	n := 2
	r.Tensors = r.names
	if r.any() {
		n = 3
	}
	b = pack.AppendArray(b, n)
	if r.op != 0 {
		b = pack.AppendUint(b, uint64(r.op))
	} else {
		b = pack.AppendString(b, r.operation)
	}
	at := len(b)
	var err error
	switch args := r.args.(type) {
	case nil:
		b = pack.AppendNil(b)
	case Raw:
		b = append(b, args...)
	default:
		if b, err = pack.Append(b, args); err != nil {
			return b, fault.New(fault.Invalid, "the request does not encode: %v", err)
		}
	}
	if len(b)-start > umx.MaxMeta-4096 && r.Body == nil {
		large, body := b[at:], len(r.tensors)
		t := umx.NewTensor(umx.Uint8, large, uint64(len(large)))
		r.tensors, r.Body, r.args = append(r.tensors, t), &body, nil
		return r.appendMeta(append(make([]byte, 0, start+512), b[:start]...)) // elsewhere: the tensor is where it was
	}
	if n == 3 {
		b, err = pack.Append(b, &r.options)
	}
	return b, err
}

// message makes a frame's message of the request.
func (r *request) message(meta []byte) umx.Message {
	return umx.Message{
		Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, DeadlineMS: r.deadline, Meta: meta, Tensors: r.tensors,
	}
}

// answer is an answer that was read. It refers to its frame.
type answer struct {
	result   Raw
	position string // of a watch
	options  options
}

// parseAnswer reads an answer.
func parseAnswer(f *umx.Frame) (a answer, err error) {
	n, b, ok := pack.ReadArray(f.Meta)
	if !ok || n < 2 || n > 3 || f.Ext&umx.Compact == 0 {
		return a, badAnswer("it is not in the short form")
	}
	code, b, ok := pack.ReadUint(b)
	if !ok {
		return a, badAnswer("it has no code")
	}
	rest, ok := pack.Skip(b)
	if !ok {
		return a, badAnswer("it does not end")
	}
	a.result = Raw(b[:len(b)-len(rest)])
	if code != 0 {
		return a, failure(umx.Code(code), a.result, rest, n) //nolint:gosec // an unknown code is Internal
	}
	if n < 3 {
		return a, nil
	}
	if text, _, ok := pack.ReadString(rest); ok {
		a.position = string(text)
		return a, nil
	}
	if _, isNil := pack.ReadNil(rest); !isNil && !pack.Decode(rest, &a.options) {
		return a, badAnswer("its options are not known")
	}
	if i := a.options.Body; i != nil {
		if *i < 0 || *i >= len(f.Tensors) {
			return a, badAnswer("it has no body")
		}
		a.result = Raw(f.Tensors[*i].Data)
	}
	return a, nil
}

// fill puts an answer where its caller wants it.
func (a *answer) fill(f *umx.Frame, response any, apart map[string]umx.Tensor) error {
	for i := range f.Tensors {
		if t := f.Tensors[i]; apart != nil && int(t.Name) < len(a.options.Tensors) {
			if !f.Owned() {
				t.Data = append([]byte(nil), t.Data...)
			}
			apart[a.options.Tensors[t.Name]] = t
		}
	}
	if response == nil {
		return nil
	}
	return a.result.Decode(response)
}

// failure is the error that an answer tells of.
func failure(code umx.Code, message Raw, details []byte, n int) error {
	var text string
	if err := message.Decode(&text); err != nil {
		return err
	}
	e := fault.New(code.Fault(), "%s", text)
	if n < 3 {
		return e
	}
	var facts map[string]any
	if Raw(details).Decode(&facts) == nil { // an error without its details is an error still
		for k, v := range facts {
			e = e.With(k, v)
		}
	}
	return e
}
