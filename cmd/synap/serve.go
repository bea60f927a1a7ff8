package main

import (
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

// partTimeout bounds how long a part of the server may take to stop.
const partTimeout = 2 * time.Second

func (a *app) serveVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a server for HTTP, MCP and UMICP on one port", Args: cobra.NoArgs,
		Long: "Run a server. It holds everything in memory and keeps it in the folder data, so that it is there again after a restart,\n" +
			"whatever ended the server; --fsync says what a power failure may cost: always nothing, periodic (the default) a\n" +
			"second, none what the system has not written. With --memory nothing is kept. MCP clients connect to /mcp, UMICP peers to /umicp,\n" +
			"and everybody else finds all there is in /openapi.json. Callers show a key: at its first start the server makes one that may do\n" +
			"everything, in the file admin.key of its data, and the subcommands on this machine find it. It stops cleanly on SIGTERM and at Ctrl-C,\n" +
			"and reads its configuration and certificates again on SIGHUP; docs/config.md and `synap config show --defaults` say what can be set.",
		Example: "  synap serve                                          # on this machine only, data in ./data\n" +
			"  synap serve --data-dir /var/lib/synap --fsync always # nothing that was answered is ever lost\n" +
			"  synap serve --memory --auth=off                      # keep nothing, ask nobody: to try things out\n" +
			"  synap serve --http 0.0.0.0:15500 --tls-cert server.pem --tls-key server.key",
		RunE: a.serve,
	}
	addSettings(cmd, cmd.Flags(), without(serverKeys(), "log.level", "log.format")...)
	return cmd
}

func (a *app) serve(cmd *cobra.Command, _ []string) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	log, err := a.newLog(config)
	if err != nil {
		return err
	}
	for _, sentence := range strayEnvironment() {
		log.Warn(sentence)
	}
	if room := config.roomFor(mostFiles()); room < config.MaxConnections {
		level := logrus.WarnLevel
		if config.MaxConnections == usualConnections { // which nobody asked for
			level = logrus.InfoLevel
		}
		log.Logf(level, "at most %d connections are taken, and not %d (max_connections): the system lets this process open %d files (ulimit -n, LimitNOFILE)",
			room, config.MaxConnections, mostFiles())
	}
	s, err := newServer(config, log)
	if err != nil {
		return err
	}
	s.reload = &reloader{server: s, log: log, read: func() (*Config, error) { return loadConfig(cmd) }, started: config, current: config}
	url, hint := s.url(), ""
	if url != "http://"+defaultAddress {
		hint = " --server " + url
	}
	if s.certs != nil {
		hint += " --ca FILE"
		if config.TLS.ClientAuth == "require" {
			hint += " --cert FILE --cert-key FILE"
		}
	}
	s.onReady = func(key firstKey) {
		tell(a.stdout, "synap %s listens on %s%s (%s); try: synap kv set greeting hello%s\n", version, url, s.alsoOn(), config.where(), hint)
		switch {
		case config.authOff():
			tell(a.stdout, "nobody is asked for a key (--auth=off): everybody on this machine may do everything\n")
		case key.made:
			tell(a.stdout, "made a key that may do everything, in %s; `synap` on this machine finds it by itself.\n"+
				"For others: export SYNAP_KEY=$(synap key%s), then curl -H \"Authorization: Bearer $SYNAP_KEY\" %s/v1/kv/greeting\n",
				key.path, hint, url)
		case key.lost != "":
			tell(a.stdout, "keys that were made before are good; %s has none for `synap` on this machine. To make one, stop the server and run: "+
				"synap key new --data-dir %s\n", key.lost, config.DataDir)
		}
	}
	if err := config.withMemory(func() error { return s.run(cmd.Context()) }); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// where says, for people, where a server keeps its data.
func (c *Config) where() string {
	if !c.durable() {
		return "in memory"
	}
	return "data in " + c.DataDir + ", fsync " + c.Persistence.WAL.FsyncMode
}
