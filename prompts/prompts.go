// Package prompts is the recipes that MCP clients offer to their users: Markdown
// files, one a prompt, that tell a model exactly which tools to call, in which order,
// and when to stop.
//
// A file begins with its title, description and arguments as YAML between two lines
// of three dashes. What follows is a text/template over the arguments; {{has "tool"}}
// tells whether the client has a tool. The door offers a prompt only to clients that
// have every tool that the text names.
package prompts

import "embed"

// Files are the prompts.
//
//go:embed *.md
var Files embed.FS
