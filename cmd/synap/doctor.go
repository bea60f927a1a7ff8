package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/mcp"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

func (a *app) mcpDoctorVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is wrong between MCP clients and this server", Args: cobra.NoArgs,
		Long: "Look where a client would, without changing anything: which memory `synap mcp` would use with the same flags, whether it answers, which tools\n" +
			"the client would see, and which clients know of this program. Ends with 1 when something is wrong.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return a.examine(cmd.Context(), config)
		},
	}
	addSettings(cmd, cmd.Flags(), "server", "key", "namespace", "profile", "agent", "memory", "data_dir")
	return cmd
}

// examine prints a line for everything that was looked at, and fails when one of them is bad.
func (a *app) examine(ctx context.Context, c *Config) error {
	wrong := 0
	say := func(good bool, format string, args ...any) {
		mark := "ok    "
		if !good {
			mark = "WRONG "
			wrong++
		}
		tell(a.stdout, "%s%s\n", mark, fmt.Sprintf(format, args...))
	}
	say(true, "synap %s", version)
	a.examineMemory(ctx, c, say)
	a.examineTools(c, say)
	a.examineClients(say)
	if wrong > 0 {
		return fault.New(fault.Unavailable, "%d things are wrong", wrong)
	}
	return nil
}

func (a *app) examineMemory(ctx context.Context, c *Config, say func(bool, string, ...any)) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	switch {
	case c.Memory:
		say(true, "the memory is the client's own, and ends with it (--memory)")
	case c.given["data_dir"]:
		a.examineFolder(ctx, c, say)
	case newRemote(c, a.table).answers(ctx):
		say(true, "the memory is that of the server at %s, which answers", c.Server)
		a.examineServer(ctx, newRemote(c, a.table), c, say)
	case c.given["server"]:
		say(false, "no server answers at %s: start it with synap serve, or correct --server", c.Server)
	default:
		say(true, "no server answers at %s: a client has a memory of its own that ends with it; give --data-dir to keep it", c.Server)
	}
}

// examineFolder looks at a data directory without opening it.
func (a *app) examineFolder(ctx context.Context, c *Config, say func(bool, string, ...any)) {
	info, err := os.Stat(c.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		say(true, "the memory is kept in %s, which will be made", c.DataDir)
		return
	case err != nil || !info.IsDir():
		say(false, "the memory cannot be kept in %s: it is no folder (%v)", c.DataDir, err)
		return
	}
	probe, err := os.CreateTemp(c.DataDir, ".doctor-")
	if err != nil {
		say(false, "the memory cannot be kept in %s: %v", c.DataDir, err)
		return
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	owner := persistence.Who(vfs.OS, c.DataDir)
	if owner.Address == "" {
		say(true, "the memory is kept in %s", c.DataDir)
		return
	}
	server := newRemoteAt(c, owner.Address, a.table)
	defer server.close()
	if server.answers(ctx) {
		say(true, "the memory is kept in %s, which process %d has and shares at %s", c.DataDir, owner.PID, owner.Address)
		a.examineServer(ctx, server, c, say)
		return
	}
	say(true, "the memory is kept in %s; process %d had it last, and is gone", c.DataDir, owner.PID)
}

// examineServer asks a server who it takes us for.
func (a *app) examineServer(ctx context.Context, server *remote, c *Config, say func(bool, string, ...any)) {
	status, err := a.table.Find("server.status")
	if err != nil {
		say(false, "%v", err)
		return
	}
	caller, err := auth.Local().In(c.Namespace)
	if err == nil {
		_, err = server.Do(ctx, &command.Request{Caller: caller, Command: status})
	}
	if err != nil {
		say(false, "it does not answer commands: %v", err)
		return
	}
	say(true, "it answers commands")
}

// examineTools builds the door as a client would have it.
func (a *app) examineTools(c *Config, say func(bool, string, ...any)) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	if _, err := mcp.New(mcp.Options{Executor: newRemote(c, a.table), Version: version, Log: log, Profile: c.Profile}); err != nil {
		say(false, "the tools cannot be offered: %v", err)
		return
	}
	text, err := mcp.ToolList(a.table, c.Profile)
	if err != nil {
		say(false, "%v", err)
		return
	}
	say(true, "a client sees %d tools", strings.Count(string(text), `"inputSchema"`))
}

// examineClients looks which clients know of this program, and whether what they know can be started.
func (a *app) examineClients(say func(bool, string, ...any)) {
	home, err := os.UserHomeDir()
	if err != nil {
		say(false, "%v", err)
		return
	}
	dir, err := os.Getwd()
	if err != nil {
		say(false, "%v", err)
		return
	}
	for _, c := range mcpClients {
		path := c.path(home, dir)
		text, err := readClientConfig(path)
		switch {
		case err != nil:
			say(false, "%s: %v", c.name, err)
			continue
		case text == nil:
			say(true, "%s: there is no %s", c.name, path)
			continue
		}
		servers, err := memberOf(text, c.key)
		var all []pair
		if err == nil && servers != nil {
			all, err = members(servers)
		}
		if err != nil {
			say(true, "%s: %s cannot be looked into: %v", c.name, path, err)
			continue
		}
		known := false
		for _, s := range all {
			known = examineEntry(c.name, s, say) || known
		}
		if !known {
			say(true, "%s: %s does not name synap; synap mcp install %s adds it", c.name, path, c.name)
		}
	}
}

// examineEntry looks at what a client knows of one server, and reports whether that is a synap.
func examineEntry(client string, s pair, say func(bool, string, ...any)) bool {
	program, err := memberOf(s.value, "command")
	if err != nil || program == nil {
		return false
	}
	path := strings.Trim(string(program), `"`)
	if !strings.HasPrefix(filepath.Base(path), "synap") {
		return false
	}
	if !filepath.IsAbs(path) {
		say(true, "%s: %q starts %s, found on its path", client, s.name, path)
		return true
	}
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
		say(false, "%s: %q starts %s, which cannot be started: run synap mcp install %s again", client, s.name, path, client)
		return true
	}
	say(true, "%s: %q starts %s", client, s.name, path)
	return true
}
