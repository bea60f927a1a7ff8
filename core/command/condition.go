package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
)

// Condition says how a transaction can depend on the data of a structure. There is no list of conditions anywhere: a
// condition is a request of the structure's check, without the command's name.
type Condition struct {
	// Check is a Read that fails with Conflict when what its request expects is not so, and answers what is.
	Check string
	// Field is the field of Check's request that names the thing: by it a condition is known to be this structure's.
	Field string
	// Marks are fields of Check's request and of its response that together change whenever the thing does, so that it
	// can be watched; none when it cannot.
	Marks []string
}

// Conditions is a field of a request that takes conditions of any structures.
type Conditions []value.Value

// Clause is a condition whose structure was found.
type Clause struct {
	*Condition
	Command *Command // the check
	text    []byte   // its request, in JSON
}

// Clauses finds out what conditions are about. What is wrong with them besides is found when they are called.
func (t *Table) Clauses(conditions Conditions) ([]*Clause, error) {
	all := make([]*Clause, len(conditions))
	for i, c := range conditions {
		var err error
		if all[i], err = t.clause(c); err != nil {
			return nil, InCondition(err, i)
		}
	}
	return all, nil
}

// InCondition says in an error's details and in its message which condition it is about.
func InCondition(err error, index int) error {
	e := fault.From(err).With("condition", index)
	e.Message = fmt.Sprintf("condition[%d]: %s", index, e.Message)
	return e
}

func (t *Table) clause(v value.Value) (*Clause, error) {
	fields, err := objectOf(v)
	if err != nil {
		return nil, err
	}
	var found []*Condition
	var known []string
	for _, s := range t.structures {
		if s.Condition == nil {
			continue
		}
		known = append(known, s.Condition.Field)
		if _, ok := fields[s.Condition.Field]; ok {
			found = append(found, s.Condition)
		}
	}
	switch len(found) {
	case 0:
		return nil, nameless(fields, known)
	case 1:
		return &Clause{found[0], t.byName[found[0].Check], []byte(v.Data())}, nil
	}
	return nil, fault.New(fault.Invalid, "it has both %q and %q: make it two conditions", found[0].Field, found[1].Field).
		With("field", found[1].Field)
}

// nameless is the error for a condition that does not say what it is about.
func nameless(fields map[string]json.RawMessage, known []string) error {
	err := fault.New(fault.Invalid, "it does not say what it is about: it has exactly one of the fields %s", strings.Join(known, ", "))
	for name := range fields {
		if near := nearest(name, known); near != "" {
			return fault.New(fault.Invalid, "there is no field %q; did you mean %q?", clip(name), near).With("nearest", near)
		}
	}
	return err
}

func objectOf(v value.Value) (fields map[string]json.RawMessage, err error) {
	if v.Kind() == value.JSON && v.Data() != "null" && json.Unmarshal([]byte(v.Data()), &fields) == nil {
		return fields, nil
	}
	text, _ := v.MarshalJSON()
	return nil, fault.New(fault.Invalid, `a condition is an object such as {"key":"a","version":3}, not %s`, clip(string(text)))
}

// Call returns the call that checks the condition, on behalf of outer's caller.
func (c *Clause) Call(outer *Request) *Request { return outer.Inner(c.Command, JSON(c.text)) }

// Expects refuses a condition that cannot fail because it only names a thing.
func (c *Clause) Expects() error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.text, &fields) != nil || len(fields) > 1 {
		return nil //nolint:nilerr // who calls it will say what is wrong
	}
	rest := slices.DeleteFunc(slices.Clone(c.Command.requestSchema.PropertyOrder), func(name string) bool { return name == c.Field })
	return fault.New(fault.Invalid, "it says nothing about %s %s that could fail: give one of %s",
		c.Field, clip(string(fields[c.Field])), strings.Join(rest, ", ")).With("allowed", rest)
}

// Pin returns the condition that the thing is still as it was found by the call, whose response that is.
func (c *Clause) Pin(response any) (*Clause, error) {
	if len(c.Marks) == 0 {
		return nil, fault.New(fault.Unsupported, "a %s cannot be watched; make it a condition of txn.exec", c.Field)
	}
	text, err := json.Marshal(response)
	if err != nil {
		return nil, err
	}
	var fields, found map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(c.text, &fields), json.Unmarshal(text, &found)); err != nil {
		return nil, err
	}
	for _, mark := range c.Marks {
		fields[mark] = found[mark]
	}
	pinned := *c
	pinned.text, err = json.Marshal(fields)
	return &pinned, err
}

// Size is about how many bytes the condition takes.
func (c *Clause) Size() int { return len(c.text) }

// linkConditions checks what structures declare, and tells in the schema of every request that takes conditions what
// these look like.
func (t *Table) linkConditions() error {
	var wrong []error
	var shapes []*jsonschema.Schema
	fields := map[string]string{}
	for _, s := range t.structures {
		if s.Condition == nil {
			continue
		}
		if err := t.checkCondition(s, fields); err != nil {
			wrong = append(wrong, fmt.Errorf("the condition of %s: %w", s.Name, err))
			continue
		}
		shapes = append(shapes, t.byName[s.Condition.Check].requestSchema)
	}
	for _, c := range t.commands {
		for name, field := range c.fields.byName {
			if field.Type == reflect.TypeFor[Conditions]() {
				c.requestSchema = c.requestSchema.CloneSchemas() // it is shared with other tables, which have other structures
				c.requestSchema.Properties[name].Items = &jsonschema.Schema{Type: "object", AnyOf: shapes}
			}
		}
	}
	return errors.Join(wrong...)
}

// checkCondition wants a Read of the structure with these fields, and no other structure that is told by the same one.
func (t *Table) checkCondition(s *Structure, fields map[string]string) error {
	c := t.byName[s.Condition.Check]
	if c == nil || c.Kind != KindRead || c.structure != s {
		return fmt.Errorf("there is no Read %q of it", s.Condition.Check)
	}
	if other := fields[s.Condition.Field]; other != "" {
		return fmt.Errorf("it is told by the same field as that of %s", other)
	}
	fields[s.Condition.Field] = s.Name
	for _, name := range append(slices.Clone(s.Condition.Marks), s.Condition.Field) {
		if _, ok := c.fields.byName[name]; !ok {
			return fmt.Errorf("%s has no field %q", c.Name, name)
		}
	}
	for _, name := range s.Condition.Marks {
		if !slices.Contains(c.responseSchema.Required, name) {
			return fmt.Errorf("%s does not always answer %q", c.Name, name)
		}
	}
	return nil
}

// Unmet is the error of a check that expected something of a thing and found something else.
func Unmet(field string, wanted, found any, format string, args ...any) error {
	return fault.New(fault.Conflict, format, args...).With("field", field).With("wanted", wanted).With("found", found)
}
