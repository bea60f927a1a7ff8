package command

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// wireTypes are the types whose JSON is not what their Go structure suggests.
var wireTypes = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[value.Value](): {
		Types:       []string{"string", "object", "array", "number", "boolean", "null"},
		Description: `text as a string, other JSON as itself, bytes as {"$base64":"…"}`,
	},
	reflect.TypeFor[json.Number]():        {Type: "number"},
	reflect.TypeFor[journal.Position]():   {Types: []string{"string", "integer"}},
	reflect.TypeFor[journal.Durability](): {Type: "string", Enum: []any{"memory", "buffered", "fsynced", "replicated"}},
}

// describer is implemented by requests and responses whose schema needs what no tag can say.
type describer interface{ Describe(*jsonschema.Schema) }

// selfDescribed is implemented by field types that are not in JSON what their Go structure suggests, and are of some structure's
// own making. It is asked of the zero value.
type selfDescribed interface{ JSONSchema() *jsonschema.Schema }

// onWire reports whether the type has a schema of its own.
func onWire(t reflect.Type) bool { return wireTypes[t] != nil || describesItself(t) }

func describesItself(t reflect.Type) bool {
	return t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && t.Implements(reflect.TypeFor[selfDescribed]())
}

// addSelfDescribed adds the schemas of all self-described types that the type is made of.
func addSelfDescribed(to map[reflect.Type]*jsonschema.Schema, t reflect.Type) {
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type)
	visit = func(t reflect.Type) {
		if seen[t] {
			return
		}
		seen[t] = true
		if describesItself(t) {
			to[t] = reflect.Zero(t).Interface().(selfDescribed).JSONSchema()
		}
		if onWire(t) {
			return
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			visit(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				visit(t.Field(i).Type)
			}
		}
	}
	visit(t)
}

// schemas are those that were made, by the type: a process that builds several tables makes each once. They are never
// changed after that.
var schemas sync.Map

// schemaOf makes the schema of a request or response from its type and tags. It is shared: who wants to change it takes a copy.
func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	if s, ok := schemas.Load(t); ok {
		return s.(*jsonschema.Schema), nil
	}
	known := maps.Clone(wireTypes)
	addSelfDescribed(known, t)
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: known})
	if err == nil {
		err = refine(s, t)
	}
	if err != nil {
		return nil, err
	}
	first, _ := schemas.LoadOrStore(t, s)
	return first.(*jsonschema.Schema), nil
}

// refine adds what the tags of a struct say to its schema, and so on into the structs it contains.
func refine(s *jsonschema.Schema, t reflect.Type) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Slice {
			s = s.Items
		}
		t = t.Elem()
	}
	if onWire(t) || s == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, sf := range reflect.VisibleFields(t) {
		name, _ := jsonName(sf)
		p := s.Properties[name]
		if name == "" || p == nil {
			continue
		}
		dropNull(p)
		f, err := newField(name, sf, false)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, sf.Name, err)
		}
		f.refine(p, sf)
		if err := refine(p, sf.Type); err != nil {
			return err
		}
	}
	if d, ok := reflect.New(t).Interface().(describer); ok {
		d.Describe(s)
	}
	return nil
}

// dropNull forgets that Go's nil pointers and slices can be null in JSON: absent is how nothing is said here.
func dropNull(p *jsonschema.Schema) {
	if len(p.Types) == 2 && p.Types[0] == "null" {
		p.Type, p.Types = p.Types[1], nil
	}
}

func (f *field) refine(p *jsonschema.Schema, sf reflect.StructField) {
	for _, e := range f.enum {
		p.Enum = append(p.Enum, e)
	}
	if f.preset.IsValid() {
		p.Default = []byte(sf.Tag.Get("default"))
		if f.preset.Kind() == reflect.String {
			p.Default = strconv.AppendQuote(nil, f.preset.String())
		}
	}
	least, most := int(f.min), int(f.max)
	switch p.Type {
	case "integer", "number":
		if f.hasMin {
			p.Minimum = &f.min
		}
		if f.hasMax {
			p.Maximum = &f.max
		}
	case "string":
		// JSON Schema counts characters and the limit is in bytes, so this is the necessary half of it.
		if f.hasMin {
			p.MinLength = &least
		}
		if f.hasMax {
			p.MaxLength = &most
		}
	case "array":
		if f.hasMin {
			p.MinItems = &least
		}
		if f.hasMax {
			p.MaxItems = &most
		}
	}
}
