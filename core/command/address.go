package command

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Address declares that what a Read answers has an address, so that doors can offer it to be read and followed like a
// page. Addresses are permanent.
type Address struct {
	// URI is fixed, or has variables, each of which is a field of the command's request: {name} is one part of a path,
	// {+name} all of the rest, {?name,other} what may stand behind a question mark.
	URI         string
	Name        string // what it is called in lists, unlike any other
	Title       string // for people
	Description string // for people and models

	Fields map[string]string // the fields of variables that are called otherwise
	With   map[string]any    // what else the request says
	Value  string            // the field of the answer that is the thing itself; "" is all of the answer
	Found  string            // the field of the answer that is false when there is no such thing; "" when there always is
	Follow *Watched          // how to hear that it changed; nil when one cannot
}

// Watched says with which Watch one hears that something at an address changed.
type Watched struct {
	Command string
	Fields  map[string]string // the fields of its request that take the address's variables: variable -> field
	Under   map[string]string // the same for an address that ends with the separator of the structure's things, and so is all below
	With    map[string]any    // what else its request says
}

// Variables are the variables of the address, in order.
func (a *Address) Variables() (all []string) {
	for _, part := range addressVariable.FindAllStringSubmatch(a.URI, -1) {
		all = append(all, nameInVariable.FindAllString(part[1], -1)...)
	}
	return all
}

// Field is the field of the command's request that takes the variable.
func (a *Address) Field(variable string) string {
	if field := a.Fields[variable]; field != "" {
		return field
	}
	return variable
}

var (
	addressForm     = regexp.MustCompile(`^synap://[a-z]+(/([a-z]+|\{\+?[a-z_]+\}))*(\{\?[a-z_]+(,[a-z_]+)*\})?$`)
	addressVariable = regexp.MustCompile(`\{[+?]?([a-z_,]+)\}`)
	nameInVariable  = regexp.MustCompile(`[a-z_]+`)
)

// checkAddresses wants addresses that are of one form and like no other, of commands and fields that there are.
func (t *Table) checkAddresses() error {
	var wrong []error
	uris, names := map[string]bool{}, map[string]bool{}
	for _, c := range t.commands {
		for _, a := range c.Addresses {
			err := t.checkAddress(c, a)
			if err == nil && (uris[a.URI] || names[a.Name]) {
				err = errors.New("declared twice")
			}
			if err != nil {
				wrong = append(wrong, fmt.Errorf("%s: the address %s: %w", c.Name, a.URI, err))
			}
			uris[a.URI], names[a.Name] = true, true
		}
	}
	return errors.Join(wrong...)
}

func (t *Table) checkAddress(c *Command, a *Address) error {
	switch {
	case c.Kind != KindRead:
		return errors.New("only a Read has one")
	case !addressForm.MatchString(a.URI):
		return errors.New("it is not of the form synap://structure/{field}")
	case a.Name == "" || a.Title == "" || a.Description == "":
		return errors.New("it has no name, title or description")
	case a.Value != "" && c.responseSchema.Properties[a.Value] == nil, a.Found != "" && c.responseSchema.Properties[a.Found] == nil:
		return errors.New("the answer does not have its field")
	}
	fields := slices.Collect(maps.Keys(a.With))
	for _, v := range a.Variables() {
		fields = append(fields, a.Field(v))
	}
	if err := c.hasFields(fields); err != nil {
		return err
	}
	if a.Follow == nil {
		return nil
	}
	w := t.byName[a.Follow.Command]
	if w == nil || w.Kind != KindWatch {
		return fmt.Errorf("there is no Watch %q", a.Follow.Command)
	}
	fields = slices.Collect(maps.Keys(a.Follow.With))
	for _, of := range []map[string]string{a.Follow.Fields, a.Follow.Under} {
		for v, field := range of {
			if !slices.Contains(a.Variables(), v) {
				return fmt.Errorf("it has no variable %q", v)
			}
			fields = append(fields, field)
		}
	}
	return w.hasFields(fields)
}

// hasFields wants the command's request to have the fields.
func (c *Command) hasFields(fields []string) error {
	for _, field := range fields {
		if _, ok := c.fields.byName[field]; !ok {
			return fmt.Errorf("%s has no field %q", c.Name, field)
		}
	}
	return nil
}
