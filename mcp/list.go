package mcp

import (
	"bytes"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/hivellm/synap-go/core/command"
)

// ToolList returns the tools of a profile ("" is core) as a client is told of them, as indented JSON. The same table
// gives the same bytes.
func ToolList(table *command.Table, profile string) ([]byte, error) {
	c, err := newCatalog(table)
	if err != nil {
		return nil, err
	}
	p, err := c.profile(profile)
	if err != nil {
		return nil, err
	}
	text, err := encode(listed(p))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// listed is the answer to tools/list.
func listed(p *profile) mcp.ListToolsResult { return mcp.ListToolsResult{Tools: p.list()} }
