package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/mcp"
)

// probeTimeout is how long a server has to say that it is there.
const probeTimeout = time.Second

func (a *app) mcpVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "mcp", Short: "Speak MCP over standard input and output, for desktop clients", Args: cobra.NoArgs,
		Long: "Speak MCP over standard input and output. Where a server answers, its memory is used, so that all clients share it;\n" +
			"otherwise this process has a memory of its own, which ends with it. A server that was named must be there. With --data-dir\n" +
			"no server is looked for: the memory is in that folder, is shared by all processes that were given it, and is there again the next time.",
		RunE: a.serveMCP,
	}
	cmd.AddCommand(a.mcpInstallVerb(), a.mcpDoctorVerb())
	addSettings(cmd, cmd.Flags(), "server", "key", "namespace", "profile", "agent", "memory", "data_dir", "embedder.kind", "embedder.url", "embedder.model")
	return cmd
}

func (a *app) serveMCP(cmd *cobra.Command, _ []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	log, err := a.newLog(config)
	if err != nil {
		return err
	}
	caller, err := auth.Local().In(config.Namespace)
	if err != nil {
		return err
	}
	if caller, err = caller.As(config.Agent); err != nil {
		return err
	}
	executor, memory, err := a.findMemory(cmd.Context(), config, log)
	if err != nil {
		return err
	}
	if server, ok := executor.(*remote); ok {
		caller = server.asThere(cmd.Context(), caller, log)
	}
	door, err := mcp.New(mcp.Options{Executor: executor, Version: version, Log: log, Profile: config.Profile, Identity: caller})
	if err != nil {
		return fault.New(fault.Invalid, "%v", err)
	}
	var g group
	g.add(memory)
	g.add(func(ctx context.Context) error { return door.ServeStdio(ctx, a.stdin, a.stdout) })
	return g.run(cmd.Context())
}

// findMemory returns the executor that tools use, and what has to run meanwhile.
func (a *app) findMemory(ctx context.Context, c *Config, log *logrus.Logger) (command.Executor, func(context.Context) error, error) {
	if c.Memory {
		return a.ownMemory(c, log, "as asked")
	}
	if c.given["data_dir"] {
		return a.keptMemory(ctx, c, log)
	}
	if !overHTTP(c.Server) {
		return nil, nil, newRemote(c, a.table).broken
	}
	server := newRemote(c, a.table)
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if server.answers(probe) {
		log.Infof("using the memory of the server at %s", c.Server)
		return server, until(func(context.Context) error { server.close(); return nil }), nil
	}
	if c.given["server"] {
		return nil, nil, fault.Wrap(fault.Unavailable, errNoServer, "no server answers at %s", c.Server)
	}
	return a.ownMemory(c, log, "as no server answers at "+c.Server)
}

// asThere is the caller with the rights that its credential has at the server, so that tools which the server would refuse are
// not shown either. A server that does not say leaves the caller as it is, and refuses by itself; the log then says what to do.
func (s *remote) asThere(ctx context.Context, caller *auth.Identity, log *logrus.Logger) *auth.Identity {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	ask, err := s.table.Find("auth.whoami")
	if err != nil {
		return caller
	}
	answer, err := s.Do(ctx, &command.Request{Caller: caller, Command: ask})
	if fault.CodeOf(err) == fault.Unauthenticated {
		log.Warnf("every tool will fail: %v. Give this program a key of the server at %s, as SYNAP_KEY in the client's configuration "+
			"(\"env\":{\"SYNAP_KEY\":\"sk_…\"}); without one, see synap key new --help", err, s.url)
	}
	if err != nil {
		return caller
	}
	var who struct {
		Permissions []string
		Profile     string
	}
	text, ok := answer.(json.RawMessage)
	if !ok || json.Unmarshal(text, &who) != nil {
		return caller
	}
	var may []auth.Permission
	for _, p := range who.Permissions {
		permission, err := auth.ParsePermission(p)
		if err != nil {
			return caller // it is newer than we are
		}
		may = append(may, permission)
	}
	there := caller.With(may)
	there.Profile = who.Profile
	return there
}

// ownMemory is an engine in this process.
func (a *app) ownMemory(c *Config, log *logrus.Logger, why string) (command.Executor, func(context.Context) error, error) {
	m, err := c.newMemory()
	if err != nil {
		return nil, nil, err
	}
	engine, err := newEngine(log, core.Options{Structures: structures(m, kv.Options{}, nil)})
	if err != nil {
		return nil, nil, err
	}
	log.Infof("using a memory of its own, %s; it ends with this process", why)
	var g group
	g.add(engine.Run)
	g.add(embedding(m.Embedder))
	return engine.Dispatcher(), g.run, nil
}

// keptMemory is the memory in a folder, which all processes that were given the folder share.
func (a *app) keptMemory(ctx context.Context, c *Config, log *logrus.Logger) (command.Executor, func(context.Context) error, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	shared, err := share(life, c, log, a.table)
	if err != nil {
		end()
		return nil, nil, err
	}
	return shared, until(func(context.Context) error { end(); shared.close(); return nil }), nil
}
