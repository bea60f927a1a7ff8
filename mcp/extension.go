package mcp

import (
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// extension is what a build adds to every door, besides what the table gives. The program adds nothing; the build for the
// conformance suite (conformance.go) adds the tools, prompts and resources that the suite asks for, so that they go through
// the front, the transports and the options that are everybody's.
var extension struct {
	options []server.ServerOption
	add     func(*server.MCPServer)
	tools   []mcp.Tool
	owns    func(uri string) bool // resources that are not pages
}

// foreign reports whether the address is one of the extension's.
func foreign(uri string) bool { return extension.owns != nil && extension.owns(uri) }
