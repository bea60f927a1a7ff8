package command

import (
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/value"
)

// Reference is all that the table says about a command.
type Reference struct {
	Name           string      `json:"name"`
	Kind           string      `json:"kind" jsonschema:"read, write, act or watch"`
	Op             uint16      `json:"op" jsonschema:"the command's number on binary protocols"`
	Summary        string      `json:"summary"`
	Doc            string      `json:"doc,omitempty"`
	Access         string      `json:"access" jsonschema:"what its caller needs: none, read, write or admin"`
	Idempotent     bool        `json:"idempotent" jsonschema:"the same request twice does no more than once"`
	Destructive    bool        `json:"destructive" jsonschema:"may overwrite or remove what was there"`
	Tool           string      `json:"tool,omitempty" jsonschema:"its name as a tool"`
	Routes         []string    `json:"routes,omitempty" jsonschema:"its HTTP routes besides the derived one"`
	RequestSchema  value.Value `json:"request_schema"`
	ResponseSchema value.Value `json:"response_schema"`
}

// Describe says that the schemas are objects.
func (*Reference) Describe(s *jsonschema.Schema) {
	s.Properties["request_schema"] = &jsonschema.Schema{Type: "object", Description: "JSON Schema of the request"}
	s.Properties["response_schema"] = &jsonschema.Schema{
		Type: "object", Description: "JSON Schema of the response; of a watch, of an event",
	}
}

// Reference returns all that the table says about the command. It writes both schemas out, which takes long: who wants to know a single
// thing asks for that.
func (c *Command) Reference() Reference {
	ref := Reference{
		Name: c.Name, Kind: c.Kind.String(), Op: c.Op, Summary: c.Summary, Doc: c.Doc, Access: c.Needs().String(),
		Idempotent:  c.Idempotent(),
		Destructive: c.Destructive(),
		Routes:      c.Routes,

		RequestSchema:  schemaValue(c.requestSchema),
		ResponseSchema: schemaValue(c.responseSchema),
	}
	if c.Tool != nil {
		ref.Tool = c.Tool.Name
	}
	return ref
}

// Idempotent reports whether the same request twice does no more than once.
func (c *Command) Idempotent() bool { return c.Hints&Idempotent != 0 || c.ReadOnly() }

// Destructive reports whether the command may overwrite or remove what was there.
func (c *Command) Destructive() bool { return c.Hints&Destructive != 0 }

// schemaValue returns a schema as a JSON value. A schema that was made from a type always has one.
func schemaValue(s *jsonschema.Schema) value.Value {
	text, err := json.Marshal(s)
	if err != nil {
		return value.Value{}
	}
	v, err := value.OfJSON(text)
	if err != nil {
		return value.Value{}
	}
	return v
}
