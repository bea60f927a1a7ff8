package core

import (
	"context"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// txnID is the permanent number of the structure of transactions in one call.
const txnID = 6

// transactions are the structures that run commands of the others as one.
func (e *Engine) transactions() []*command.Structure {
	return []*command.Structure{e.txn(), e.interactive()}
}

// txn is the structure of transactions in one call.
func (e *Engine) txn() *command.Structure {
	return &command.Structure{
		Name: "txn", ID: txnID,
		Summary: "Several commands as one: all of them or none, if what they depend on is so.",
		New:     func(command.Env) command.State { return &txn{engine: e} },
		Commands: []*command.Command{
			command.Compose(command.Info{
				Name: "txn.exec", Op: 0x0601, Open: true, Hints: command.Destructive,
				Args: "do...", Routes: []string{"POST /transactions"},
				Summary: "Run several commands as one, all of them or none.",
				Doc: "First every condition of if is checked; one that does not hold ends it with conflict, and the error's details say which " +
					"(condition, counted from 0) and what was found. Then the commands of do run in order, each seeing what those before " +
					"it did and nobody else seeing the middle. They may read and write keys, queues, streams and topics of one namespace; " +
					"if one fails, none has happened, and the details say which (index and command). All changes are one record with one " +
					"version. Commands that wait do not wait in here. A condition is a request of kv.check, queue.check or " +
					"stream.check. With an idempotency key a repeat is answered as the first call was.",
			}, (*txn).exec),
		},
	}
}

// txn is the State of that structure; it holds no data.
type txn struct {
	command.NoData
	engine *Engine
}

// ExecRequest is a transaction.
type ExecRequest struct {
	If command.Conditions `json:"if,omitempty" max:"100" jsonschema:"what has to be so, or nothing happens: each names a key, a queue or a room and what is expected of it"`
	Do []Step             `json:"do" min:"1" max:"1000" jsonschema:"the commands, in order"`
}

// Step is a command in a transaction. It is written as in a batch of envelopes.
type Step struct {
	Command   string      `json:"command" jsonschema:"the command's name, such as kv.set"`
	Payload   value.Value `json:"payload,omitzero" jsonschema:"the command's request"`
	Type      string      `json:"type,omitempty" enum:"request" jsonschema:"may be there, as in a batch: request"`
	RequestID string      `json:"request_id,omitempty" jsonschema:"may be there, as in a batch; results come in order, so it is not repeated"`
}

// Describe says that the payload is an object, not any value.
func (*Step) Describe(s *jsonschema.Schema) { describePayload(s) }

// exec finds out what the transaction consists of.
func (t *txn) exec(ctx context.Context, r *ExecRequest) (*command.Plan, error) {
	call := command.CallOf(ctx)
	clauses, err := t.engine.table.Clauses(r.If)
	if err != nil {
		return nil, err
	}
	plan := &command.Plan{If: make([]*command.Request, len(clauses)), Do: make([]*command.Request, len(r.Do))}
	for i, c := range clauses {
		if err := c.Expects(); err != nil {
			return nil, command.InCondition(err, i)
		}
		plan.If[i] = c.Call(call)
	}
	for i := range r.Do {
		if plan.Do[i], err = t.engine.step(call, &r.Do[i]); err != nil {
			return nil, command.InCommand(err, i, r.Do[i].Command)
		}
	}
	return plan, nil
}

// step makes the call of a command in a transaction, on behalf of outer's caller.
func (e *Engine) step(outer *command.Request, s *Step) (*command.Request, error) {
	switch {
	case s.Command == "":
		return nil, fault.New(fault.Invalid, `"command" is required`).With("field", "do")
	case s.Type != "" && s.Type != "request":
		return nil, fault.New(fault.Invalid, "its type is %q; a transaction holds requests", s.Type).With("field", "do")
	}
	return e.inner(outer, s.Command, s.Payload)
}
