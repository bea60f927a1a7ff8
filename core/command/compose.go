package command

import (
	"context"
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/journal"
)

// Plan is what a composed command comes to: commands of one namespace that run as one.
type Plan struct {
	If []*Request // Reads that come first; the one that fails ends it all
	Do []*Request // Reads and Writes, in order

	// Claim, if there is one, is called once when the plan is about to run, and not when it is only checked. Its error
	// is the answer.
	Claim func() error
}

// Outcome is the response of every composed command.
type Outcome struct {
	Receipt
	Results []any `json:"results" jsonschema:"what each command answered, in order"`
}

// Describe says that results are objects.
func (*Outcome) Describe(s *jsonschema.Schema) {
	s.Properties["results"].Items = &jsonschema.Schema{Type: "object"}
}

// UnmarshalJSON keeps each result as the JSON that it is: as numbers, the large ones would not survive.
func (o *Outcome) UnmarshalJSON(text []byte) error {
	var kept struct {
		Receipt
		Results []json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		return err
	}
	o.Receipt, o.Results = kept.Receipt, make([]any, len(kept.Results))
	for i, result := range kept.Results {
		o.Results[i] = result
	}
	return nil
}

// restored says how safe an answer is that comes from the log or a snapshot, and so each result that is a write's.
func (o *Outcome) restored(level journal.Durability) {
	o.Receipt.restored(level)
	for i, result := range o.Results {
		var fields map[string]json.RawMessage
		if json.Unmarshal(result.(json.RawMessage), &fields) != nil || fields["version"] == nil || fields["durability"] == nil {
			continue
		}
		fields["durability"], _ = json.Marshal(level)
		o.Results[i] = fields
	}
}

// Compose declares an Act that does nothing but run other commands, all of them or none. plan says which; CallOf its
// context is the call, and Request.Inner makes others of it. The plan changes nothing: Check asks for one too.
func Compose[S, Req any](info Info, plan func(S, context.Context, *Req) (*Plan, error)) *Command {
	c := newCommand[Req, Outcome](info, KindAct)
	c.handler.plan = func(ctx context.Context, state, req any) (*Plan, error) {
		return plan(state.(S), ctx, req.(*Req))
	}
	return c
}

func (c *Command) composed() bool { return c.handler.plan != nil }

// Repeatable reports whether the command takes an idempotency key, so that a repeat is answered as the first call was.
func (c *Command) Repeatable() bool { return (c.Kind == KindWrite && !c.Secret) || c.composed() }

// Inner returns the call of another command on behalf of r's caller, in r's namespace and as safely.
func (r *Request) Inner(c *Command, payload Decoder) *Request {
	return &Request{Caller: r.Caller, Namespace: r.Namespace, Durability: r.Durability, Command: c, Payload: payload, Number: r.Number}
}

// Beside is Inner for a composed command whose structure does not know the other command's: it is found by name.
func (r *Request) Beside(name string, payload Decoder) (*Request, error) {
	c, err := r.Command.table.Find(name)
	if err != nil {
		return nil, err
	}
	return r.Inner(c, payload), nil
}

// plan asks a composed command what it comes to.
func (d *Dispatcher) plan(ctx context.Context, r *Request, space *Space, args any) (*Plan, error) {
	return r.Command.handler.plan(withCall(ctx, r), space.States[r.Command.place], args)
}

// compose runs a composed command.
func (d *Dispatcher) compose(ctx context.Context, r *Request, space *Space, args any) (any, error) {
	run := func(k *keeping) (*joint, error) {
		plan, err := d.plan(ctx, r, space, args)
		if err == nil && plan.Claim != nil {
			err = plan.Claim()
		}
		if err != nil {
			return nil, err
		}
		return d.together(ctx, space, plan, k)
	}
	if r.IdempotencyKey != "" {
		return d.once(ctx, r, space, args, run)
	}
	j, err := run(nil)
	if err != nil {
		return nil, err
	}
	return j.response(), nil
}
