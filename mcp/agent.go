package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
)

// headerAgent is how a client over HTTP says which of its principal's agents it is; ?agent= on the URL is the same.
const headerAgent = "Synap-Agent"

// maxAgentName is how much of a client's own name becomes an agent's.
const maxAgentName = 64

// agentOf makes an agent's name of what a client calls itself: "Claude Desktop" is claude-desktop. "" when nothing of it
// can be one.
func agentOf(client string) string {
	var name strings.Builder
	for _, r := range strings.ToLower(client) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			name.WriteRune(r)
		case name.Len() > 0 && !strings.HasSuffix(name.String(), "-"):
			name.WriteByte('-')
		}
	}
	text := strings.TrimLeft(name.String(), "._-")
	return strings.TrimRight(text[:min(len(text), maxAgentName)], "-")
}

// asAgent is the caller as the agent that its request says it is: by name, or else by what the client calls itself.
func asAgent(id *auth.Identity, r *http.Request, query url.Values, client string) (*auth.Identity, error) {
	name := r.Header.Get(headerAgent)
	if name == "" && len(query) > 0 {
		name = query.Get("agent")
	}
	switch {
	case name != "":
		return id.As(name)
	case id.Agent != "":
		return id, nil
	}
	return id.As(agentOf(client))
}

var clientInfoKey = []byte(`"io.modelcontextprotocol/clientInfo"`)

// clientIn is what a message of the revisions without sessions says of the client that sends it.
func clientIn(message []byte) string {
	at := bytes.Index(message, clientInfoKey)
	if at < 0 {
		return ""
	}
	rest := bytes.TrimLeft(message[at+len(clientInfoKey):], " \t\r\n:")
	var info struct {
		Name string `json:"name"`
	}
	_ = json.NewDecoder(bytes.NewReader(rest)).Decode(&info) // what cannot be read says nothing
	return info.Name
}

// toolsOf is the profile that the client chose, without the tools that its credential can never call.
func (s *Server) toolsOf(ctx context.Context) *profile {
	return profileOf(ctx).of(s.catalog, auth.FromContext(ctx))
}

// of is the profile as the caller may use it.
func (p *profile) of(c *catalog, id *auth.Identity) *profile {
	if id.Everywhere(auth.Admin) {
		return p
	}
	less := &profile{name: p.name, byCommand: map[string]*tool{}}
	for _, t := range p.tools {
		if t.may(id) {
			less.tools = append(less.tools, t)
			less.byCommand[t.command.Name] = t
		}
	}
	if len(less.tools) == len(p.tools) {
		return p
	}
	less.instructions = less.instruct(c.table)
	return less
}

// may reports whether there is anything that the caller could do with the tool.
func (t *tool) may(id *auth.Identity) bool { return id.May(t.command.Needs(), t.command.Structure()) }

// hidden is the error for a tool that the caller is not shown, and may not call either.
func (t *tool) hidden(id *auth.Identity, p *profile) error {
	return fault.New(fault.Denied, "%s may not %s %s, as %s does", id.Name, t.command.Needs(), t.command.Structure(), t.name()).
		With("allowed", p.names())
}
