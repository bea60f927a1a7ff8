// Command synap is the whole of Synap in one binary: the server, the bridge that
// lets a desktop client speak MCP to it, and a subcommand for every command of the
// table.
//
// This is the only place where the names meet: which structures there are, which
// doors, and which address. Configuration is read here and nowhere else. What a
// command does, how it is checked and what it answers is never decided here.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when a release is built.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a clean end; with nobody listening any more, the second one kills.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
