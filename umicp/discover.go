package umicp

import (
	"net/http"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

// discovery is the answer to GET /umicp/discover. It is made once: the table does not change.
type discovery struct {
	Protocol   string      `json:"protocol"`
	Version    string      `json:"version"`
	ServerInfo serverInfo  `json:"server_info"`
	Operations []operation `json:"operations"`
	Total      int         `json:"total_operations"`
}

type serverInfo struct {
	Server          string   `json:"server"`
	Version         string   `json:"version"`
	Protocol        string   `json:"protocol"`
	Features        []string `json:"features"`
	OperationsCount int      `json:"operations_count"`
	MCPCompatible   bool     `json:"mcp_compatible"`
	Metadata        metadata `json:"metadata"`
}

// metadata says what a HELLO would say, so that who only speaks HTTP need not say one, and what peers can do.
type metadata struct {
	UMX *umx.Hello `json:"umx"`
	// Federation is what can be exchanged with this server, and by which of the operations.
	Federation []command.Exchange `json:"federation,omitempty"`
}

// operation is one row of the table, as peers see it.
type operation struct {
	Name        string             `json:"name"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description"`
	Input       *jsonschema.Schema `json:"input_schema"`
	Output      *jsonschema.Schema `json:"output_schema"`
	Annotations annotations        `json:"annotations"`
}

type annotations struct {
	ReadOnly    bool `json:"read_only"`
	Idempotent  bool `json:"idempotent"`
	Destructive bool `json:"destructive"`
}

func (s *Server) describe(table *command.Table) discovery {
	d := discovery{Protocol: "UMICP", Version: Version}
	for _, c := range table.Commands() {
		d.Operations = append(d.Operations, operationOf(c))
	}
	d.Total = len(d.Operations)
	d.ServerInfo = serverInfo{
		Server: s.peer, Version: s.version, Protocol: "UMICP/2.0", OperationsCount: d.Total, MCPCompatible: true,
		Metadata: metadata{UMX: umx.NewHello(s.peer, s.limits)},
	}
	for _, structure := range table.Structures() {
		d.ServerInfo.Features = append(d.ServerInfo.Features, structure.Name)
		d.ServerInfo.Metadata.Federation = append(d.ServerInfo.Metadata.Federation, structure.Exchanges...)
	}
	return d
}

func operationOf(c *command.Command) operation {
	op := operation{
		Name: c.Name, Description: c.Summary, Input: c.RequestSchema(), Output: c.ResponseSchema(),
		Annotations: annotations{ReadOnly: c.ReadOnly(), Idempotent: c.Idempotent(), Destructive: c.Destructive()},
	}
	if c.Tool != nil {
		op.Title = c.Tool.Title
	}
	if c.Doc != "" {
		op.Description += " " + c.Doc
	}
	if c.Kind == command.KindWatch {
		op.Output = collected(c.ResponseSchema())
	}
	return op
}

// collected is the schema of what a watch is answered with when it is asked once.
func collected(event *jsonschema.Schema) *jsonschema.Schema {
	position := &jsonschema.Schema{Type: "string", Description: "pass this as from in order to go on"}
	found := &jsonschema.Schema{
		Type: "object", Required: []string{"position", "event"},
		Properties: map[string]*jsonschema.Schema{"position": position, "event": event},
	}
	return &jsonschema.Schema{
		Type: "object", Required: []string{"events", "position"},
		Properties: map[string]*jsonschema.Schema{"events": {Type: "array", Items: found}, "position": position},
	}
}

// discover answers GET /umicp/discover.
func (s *Server) discover(w http.ResponseWriter, r *http.Request) {
	if auth.FromContext(r.Context()) == nil {
		s.refuse(w, fault.New(fault.Unauthenticated, "who is calling is not known"))
		return
	}
	s.write(w, http.StatusOK, s.discovery)
}
