package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// maxClientConfig is the longest configuration of a client that is read; a longer one is refused.
const maxClientConfig = 16 << 20

// mcpClient is a program that starts MCP servers, and where it is told of them.
type mcpClient struct {
	name    string
	key     string                        // of the object in its file that holds servers
	path    func(home, dir string) string // the file, of the user or of the folder that one works in
	entry   func(command string, args []string) any
	project bool // the file belongs to the folder
}

// clientEntry is how most clients are told of a server.
func clientEntry(command string, args []string) any {
	return struct {
		Command string   `json:"command"`
		Args    []string `json:"args"`
	}{command, args}
}

// typedEntry is clientEntry for clients that want to be told that it is a program.
func typedEntry(command string, args []string) any {
	return struct {
		Type    string   `json:"type"`
		Command string   `json:"command"`
		Args    []string `json:"args"`
	}{"stdio", command, args}
}

var mcpClients = []mcpClient{
	{name: "claude-desktop", key: "mcpServers", path: func(home, _ string) string { return desktopConfig(runtime.GOOS, home, os.Getenv) }, entry: clientEntry},
	{name: "claude-code", key: "mcpServers", path: func(_, dir string) string { return filepath.Join(dir, ".mcp.json") }, entry: typedEntry, project: true},
	{name: "cursor", key: "mcpServers", path: func(home, _ string) string { return filepath.Join(home, ".cursor", "mcp.json") }, entry: clientEntry},
	{name: "vscode", key: "servers", path: func(_, dir string) string { return filepath.Join(dir, ".vscode", "mcp.json") }, entry: typedEntry, project: true},
}

// desktopConfig is where Claude Desktop keeps its configuration.
func desktopConfig(system, home string, env func(string) string) string {
	switch system {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "Claude", "claude_desktop_config.json")
	case "windows":
		return filepath.Join(env("APPDATA"), "Claude", "claude_desktop_config.json")
	}
	if config := env("XDG_CONFIG_HOME"); config != "" {
		return filepath.Join(config, "Claude", "claude_desktop_config.json")
	}
	return filepath.Join(home, ".config", "Claude", "claude_desktop_config.json")
}

func clientNames() []string {
	names := make([]string, len(mcpClients))
	for i, c := range mcpClients {
		names[i] = c.name
	}
	return names
}

func (a *app) mcpInstallVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "install CLIENT", Short: "Tell a client of this server: " + strings.Join(clientNames(), ", "),
		Long: "Write this server into the configuration of an MCP client: for claude-desktop and cursor that of the user, for claude-code and vscode\n" +
			"that of the current folder. What is in the file stays as it is, and a copy is kept beside it. A file that is not plain JSON, because it has\n" +
			"comments for instance, is left alone, and what to add to it is printed.",
		Args: exactly(1), ValidArgs: clientNames(),
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.IndexFunc(mcpClients, func(c mcpClient) bool { return c.name == args[0] })
			if i < 0 {
				return fault.New(fault.Invalid, "there is no client %q: it is one of %s", args[0], strings.Join(clientNames(), ", "))
			}
			name, _ := cmd.Flags().GetString("name")
			show, _ := cmd.Flags().GetBool("print")
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if err := a.install(&mcpClients[i], name, show, mcpArgs(config)); err != nil || show {
				return err
			}
			a.warnOfForgetting(cmd.Context(), config)
			return nil
		},
	}
	cmd.Flags().String("name", "synap", "what the client calls this server")
	cmd.Flags().Bool("print", false, "print what would be in the file, and write nothing")
	addSettings(cmd, cmd.Flags(), "server", "namespace", "profile", "agent", "data_dir")
	return cmd
}

// mcpArgs are the arguments with which the client is to start this program: those that were given.
func mcpArgs(c *Config) []string {
	args := []string{"mcp"}
	for _, s := range []struct{ key, flag, value string }{
		{"server", "--server", c.Server}, {"namespace", "--namespace", c.Namespace}, {"profile", "--profile", c.Profile}, {"agent", "--agent", c.Agent},
	} {
		if c.given[s.key] {
			args = append(args, s.flag, s.value)
		}
	}
	for _, s := range []struct{ key, flag, path string }{
		{"data_dir", "--data-dir", c.DataDir}, {"ca", "--ca", c.CA}, {"cert", "--cert", c.Cert}, {"cert_key", "--cert-key", c.CertKey},
	} {
		if !c.given[s.key] {
			continue
		}
		if whole, err := filepath.Abs(s.path); err == nil { // clients start programs wherever they are
			s.path = whole
		}
		args = append(args, s.flag, s.path)
	}
	return args
}

// warnOfForgetting says so when what the client stores would end with it.
func (a *app) warnOfForgetting(ctx context.Context, c *Config) {
	if c.given["data_dir"] || c.given["server"] {
		return
	}
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	server := newRemote(c, a.table)
	defer server.close()
	if !server.answers(probe) {
		tell(a.stdout, "no server runs at %s now: while none does, the client forgets everything when it ends; start one with synap serve, "+
			"or install it again with --data-dir DIR, which keeps it without a server\n", c.Server)
	}
}

func (a *app) install(c *mcpClient, name string, show bool, args []string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if filepath.Base(filepath.Dir(self)) == "exe" && strings.Contains(self, "go-build") { // where go run puts what it runs
		return fault.New(fault.Unsupported, "%s is a program that go run removes when it ends: build one that stays with make build, and install that", self)
	}
	path := c.path(home, dir)
	entry, err := encodeJSON(c.entry(self, args))
	if err != nil {
		return err
	}
	old, err := readClientConfig(path)
	if err != nil {
		return err
	}
	text, err := withServer(old, c.key, name, entry)
	if err != nil {
		return fault.New(fault.Invalid, "%s is left alone: %v. Add this to its %q by hand:\n%q: %s", path, err, c.key, name, bytes.TrimSpace(entry))
	}
	if show {
		_, err = a.stdout.Write(text)
		return err
	}
	if bytes.Equal(old, text) {
		tell(a.stdout, "%s has it already\n", path)
		return nil
	}
	backup, err := writeClientConfig(path, old, text)
	if err != nil {
		return err
	}
	tell(a.stdout, "wrote %s\n", path)
	if backup != "" {
		tell(a.stdout, "what was there before is in %s\n", backup)
	}
	tell(a.stdout, "restart %s to use it; synap mcp doctor says whether it works\n", c.name)
	return nil
}

// readClientConfig returns what is in the file; nil when there is none.
func readClientConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Size() > maxClientConfig:
		return nil, fault.New(fault.TooLarge, "%s has %d bytes: that is no configuration", path, info.Size())
	}
	return os.ReadFile(path)
}

// withServer returns the configuration with the server in it, everything else being what it was and where it was. Text that is
// not plain JSON is refused: rewriting it would lose what is not JSON.
func withServer(old []byte, key, name string, entry json.RawMessage) ([]byte, error) {
	if len(bytes.TrimSpace(old)) == 0 {
		old = []byte("{}")
	}
	servers, err := memberOf(old, key)
	if err != nil {
		return nil, err
	}
	if servers == nil {
		servers = json.RawMessage("{}")
	}
	if servers, err = withMember(servers, name, bytes.TrimSpace(entry)); err != nil {
		return nil, fmt.Errorf("its %q: %w", key, err)
	}
	whole, err := withMember(old, key, servers)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, whole, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// pair is a member of an object, in its place.
type pair struct {
	name  string
	value json.RawMessage
}

// members takes an object apart, in order.
func members(object []byte) (all []pair, err error) {
	if !json.Valid(object) {
		return nil, errors.New("it is not plain JSON, perhaps because it has comments")
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("it is not an object")
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, err
		}
		text, _ := name.(string)
		all = append(all, pair{text, v})
	}
	return all, nil
}

func memberOf(object []byte, name string) (json.RawMessage, error) {
	all, err := members(object)
	for _, p := range all {
		if p.name == name {
			return p.value, err
		}
	}
	return nil, err
}

// withMember sets a member, in its place or at the end.
func withMember(object []byte, name string, value json.RawMessage) (json.RawMessage, error) {
	all, err := members(object)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(p pair) bool { return p.name == name }); i >= 0 {
		all[i].value = value
	} else {
		all = append(all, pair{name, value})
	}
	out := []byte("{")
	for i, p := range all {
		if i > 0 {
			out = append(out, ',')
		}
		quoted, err := json.Marshal(p.name)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, quoted...), ':'), p.value...)
	}
	return append(out, '}'), nil
}

// writeClientConfig puts the text in place of what was there, of which it keeps a copy: at no moment is there half a file.
func writeClientConfig(path string, old, text []byte) (backup string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // #nosec G301 -- as clients make it themselves
		return "", err
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
		backup = path + ".before-synap"
		if err := os.WriteFile(backup, old, mode); err != nil {
			return "", err
		}
	}
	partial := path + ".synap-partial"
	if err := os.WriteFile(partial, text, mode); err != nil {
		return backup, err
	}
	return backup, os.Rename(partial, path)
}
