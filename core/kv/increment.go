package kv

import (
	"context"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// IncrementRequest asks for a number to be added to the one that a key holds.
type IncrementRequest struct {
	Key     string      `json:"key" jsonschema:"the key to add to; it is made if it does not exist"`
	By      value.Value `json:"by,omitzero" jsonschema:"what to add, perhaps negative: integers are added exactly, others as floats"`
	Initial value.Value `json:"initial,omitzero" jsonschema:"what a key that does not exist holds before"`
	Lifetime
}

// Describe says that by and initial are numbers.
func (r *IncrementRequest) Describe(s *jsonschema.Schema) {
	r.Lifetime.Describe(s)
	for name, preset := range map[string]string{"by": "1", "initial": "0"} {
		s.Properties[name] = &jsonschema.Schema{
			Type: "number", Description: s.Properties[name].Description, Default: []byte(preset),
		}
	}
	for _, name := range []string{"ttl", "ttl_ms", "expires_at"} {
		s.Properties[name].Description += "; only if this creates it"
	}
}

// Resource is the key.
func (r *IncrementRequest) Resource() auth.Resource { return auth.Name(structureName, r.Key) }

// Validate refuses what is not a number.
func (r *IncrementRequest) Validate() error {
	if _, _, err := r.numbers(); err != nil {
		return err
	}
	return r.Lifetime.Validate()
}

// numbers reads by and initial.
func (r *IncrementRequest) numbers() (by, initial number, err error) {
	by = number{integer: 1}
	if !r.By.IsZero() {
		if by, err = parseNumber(r.By, `"by"`); err != nil {
			return by, initial, inField("by", err)
		}
	}
	if !r.Initial.IsZero() {
		initial, err = parseNumber(r.Initial, `"initial"`)
	}
	return by, initial, inField("initial", err)
}

func inField(name string, err error) error {
	if err == nil {
		return nil
	}
	return fault.From(err).With("field", name)
}

// IncrementResponse is the number that the key holds now.
type IncrementResponse struct {
	command.Receipt
	Value   value.Value `json:"value" jsonschema:"the number that the key holds now"`
	Created bool        `json:"created" jsonschema:"true when the key did not exist before"`
}

// Describe says that the value is a number.
func (*IncrementResponse) Describe(s *jsonschema.Schema) {
	s.Properties["value"] = &jsonschema.Schema{Type: "number", Description: s.Properties["value"].Description}
}

func (s *Store) increment(_ context.Context, tx *command.Tx, r *IncrementRequest) (resp IncrementResponse, err error) {
	if err := s.checkKey(r.Key); err != nil {
		return resp, err
	}
	by, n, err := r.numbers()
	if err != nil {
		return resp, err
	}
	expires, err := r.deadline(tx)
	if err != nil {
		return resp, err
	}
	sh := &s.writing()[s.place(r.Key)]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	kind := value.JSON
	it := sh.current(tx, r.Key)
	if it != nil {
		kind, expires = it.value.Kind(), it.expires
		if n, err = parseNumber(it.value, "what the key holds"); err != nil {
			return resp, fault.From(err).With("key", r.Key)
		}
	}
	if n, err = n.plus(by); err != nil {
		return resp, fault.From(err).With("key", r.Key)
	}
	resp.Created, resp.Value = it == nil, value.Restore(value.JSON, n.String())
	_, err = tx.Commit(&put{key: r.Key, value: value.Restore(kind, n.String()), expires: expires})
	return resp, err
}
