package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/client"
)

// Config is everything that can be set. A flag wins over the environment, that over the file, and that over
// the defaults, with which everything works.
type Config struct {
	HTTP    string   `mapstructure:"http"`     // where the server listens
	UMICP   string   `mapstructure:"umicp"`    // where it listens for frames of UMICP over TCP; "" is two ports above, "off" is nowhere
	Hosts   []string `mapstructure:"hosts"`    // Host headers it answers to, besides its own address
	Origins []string `mapstructure:"origins"`  // browser origins that it answers
	MaxBody int64    `mapstructure:"max_body"` // bytes of a request's body

	Auth string `mapstructure:"auth"` // on, or off: whether callers must say who they are

	Server    string        `mapstructure:"server"`    // URL of the server that commands talk to
	Key       string        `mapstructure:"key"`       // to call it with; "" is one that is found
	Namespace string        `mapstructure:"namespace"` // "" is the caller's own
	Timeout   time.Duration `mapstructure:"timeout"`   // of one command
	Output    string        `mapstructure:"output"`    // table, json or raw
	Profile   string        `mapstructure:"profile"`   // the tools that an MCP client sees
	Agent     string        `mapstructure:"agent"`     // which of the principal's agents an MCP client is
	Memory    bool          `mapstructure:"memory"`    // keep nothing on disk; of synap mcp: and look for no server

	MCP struct {
		SSE bool `mapstructure:"sse"` // serve MCP's older transport as well
	} `mapstructure:"mcp"`

	DataDir        string `mapstructure:"data_dir"`         // where a server keeps its data
	AcceptDataLoss uint64 `mapstructure:"accept_data_loss"` // the damaged record from which on all may be lost; 0 is none
	Persistence    struct {
		Enabled bool `mapstructure:"enabled"`
		WAL     struct {
			FsyncMode       string `mapstructure:"fsync_mode"` // none, periodic or always
			FsyncIntervalMS int64  `mapstructure:"fsync_interval_ms"`
			SegmentBytes    int64  `mapstructure:"segment_bytes"`
			Compress        bool   `mapstructure:"compress"`
		} `mapstructure:"wal"`
		Snapshot struct {
			IntervalSecs int64 `mapstructure:"interval_secs"` // 0 is never
			LogBytes     int64 `mapstructure:"log_bytes"`     // 0 is never
		} `mapstructure:"snapshot"`
	} `mapstructure:"persistence"`

	Peers    PeersConfig      `mapstructure:"peers"`
	Embedder EmbedderConfig   `mapstructure:"embedder"`
	Language string           `mapstructure:"language"` // whose endings the words of memories have
	Limits   LimitsConfig     `mapstructure:"limits"`
	Quotas   map[string]int64 `mapstructure:"quotas"` // of namespaces that have none of their own, by name

	Log struct {
		Level  string `mapstructure:"level"`
		Format string `mapstructure:"format"`
	} `mapstructure:"log"`

	FrontConfig `mapstructure:",squash"`

	given map[string]bool // the settings that somebody made, as opposed to defaults
}

// defaultAddress is where the server listens and where commands look for it.
const defaultAddress = "127.0.0.1:15500"

// setting is one thing that can be set, under one name in all three places: max_body in the file,
// SYNAP_MAX_BODY in the environment, --max-body as a flag.
type setting struct {
	key    string
	preset any
	usage  string
	choice []string // the allowed values; nil allows any
}

var settings = slices.Concat([]setting{
	{"http", defaultAddress, "`address` to listen on", nil},
	{"umicp", "", "`address` to listen on for UMICP over TCP, or off (default: two ports above --http)", nil},
	{"hosts", []string{}, "further Host `names` to answer to", nil},
	{"origins", []string{}, "browser `origins` to answer, such as https://app.example", nil},
	{"max_body", 16 << 20, "largest request body in `bytes`", nil},
	{"auth", "on", "whether callers must show a key; off only on this machine", []string{"on", "off"}},
	{"server", "http://" + defaultAddress, "`URL` of the server to talk to", nil},
	{"key", "", "API `key` to call the server with; one that a server on this machine made is found by itself", nil},
	{"namespace", "", "`namespace` to work in", nil},
	{"timeout", 30 * time.Second, "how long a command may take", nil},
	{"output", "table", "how to print results", []string{"table", "json", "raw"}},
	{"profile", "", "which `tools` to offer (default: core)", nil},
	{"agent", "", "the `name` of this agent among those of its principal, to which others write; what the client calls itself when empty", nil},
	{"memory", false, "keep everything in memory, nothing on disk, and talk to no server", nil},
	{"mcp.sse", false, "serve MCP at /sse too, over the transport of 2024-11-05, for clients that know no other", nil},
	{"data_dir", "data", "`folder` to keep the data in", nil},
	{"accept_data_loss", 0, "start without this `record` of a damaged log and all that follow it", nil},
	{"persistence.enabled", true, "keep the data on disk", nil},
	{"persistence.wal.fsync_mode", "periodic", "when to force writes to disk", []string{"none", "periodic", "always"}},
	{"persistence.wal.fsync_interval_ms", 1000, "`milliseconds` between two fsyncs, if periodic", nil},
	{"persistence.wal.segment_bytes", 64 << 20, "`bytes` of a file of the log", nil},
	{"persistence.wal.compress", true, "compress full files of the log where it pays", nil},
	{"persistence.snapshot.interval_secs", 300, "`seconds` between two snapshots; 0 takes none by time", nil},
	{"persistence.snapshot.log_bytes", 512 << 20, "`bytes` of log after which a snapshot is taken; 0 takes none by size", nil},
	{"embedder.kind", "none", "where the vectors of memories come from", []string{"none", "openai", "ollama"}},
	{"embedder.url", "", "`URL` of the embedder, such as http://127.0.0.1:11434 or https://api.openai.com/v1", nil},
	{"embedder.model", "", "`name` of its model", nil},
	{"embedder.dimension", 0, "how many `dimensions` its vectors must have; 0 takes what comes", nil},
	{"embedder.timeout", 10 * time.Second, "how long one call of it may take", nil},
	{"embedder.patience", 2 * time.Second, "how long a command waits for it before it does without", nil},
	{"embedder.cache_bytes", 32 << 20, "`bytes` of vectors to keep for texts that come again", nil},
	{"embedder.query_prefix", "", "`text` that its model wants before what is looked for", nil},
	{"embedder.document_prefix", "", "`text` that its model wants before what is to be found", nil},
	{"language", "english", "`language` whose word endings make no difference in searches; none for all of them", nil},
	{"log.level", "info", "what to log", []string{"error", "warn", "info", "debug"}},
	{"log.format", "auto", "how to log; auto is text on a terminal", []string{"auto", "text", "json"}},
}, limitSettings(), frontSettings(), peerSettings())

func (s setting) env() string { return "SYNAP_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_")) }
func (s setting) flag() string {
	switch s.key {
	case "persistence.wal.fsync_mode":
		return "fsync"
	case "limits.memory":
		return "max-memory"
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
}

// short is the one letter that the flag may be given by.
func (s setting) short() string {
	if s.key == "output" {
		return "o"
	}
	return ""
}

// settingKey marks a flag as a setting, since a command's own field may have the same name.
const settingKey = "synap-setting"

// addSettings gives a command the flags of some settings.
func addSettings(cmd *cobra.Command, flags *pflag.FlagSet, keys ...string) {
	if slices.Contains(keys, "server") {
		keys = append(keys, "ca", "cert", "cert_key") // whoever talks to a server may have to do so over TLS
	}
	for _, s := range settings {
		if !slices.Contains(keys, s.key) {
			continue
		}
		usage := s.usage
		if s.choice != nil {
			usage += ": " + strings.Join(s.choice, ", ")
		}
		switch preset := s.preset.(type) {
		case string:
			flags.StringP(s.flag(), s.short(), preset, usage)
		case []string:
			flags.StringSlice(s.flag(), preset, usage)
		case bool:
			flags.Bool(s.flag(), preset, usage)
		case int:
			flags.Int64(s.flag(), int64(preset), usage)
		case time.Duration:
			flags.Duration(s.flag(), preset, usage)
		}
		flags.Lookup(s.flag()).Annotations = map[string][]string{settingKey: {s.key}}
		if s.choice != nil {
			complete(cmd, s.flag(), s.choice)
		}
	}
}

// complete offers the values of a flag to the shell.
func complete(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was not defined, or completed before
	}
}

// loadConfig reads the configuration for a command whose flags were parsed.
func loadConfig(cmd *cobra.Command) (*Config, error) {
	v := viper.New()
	c := &Config{given: map[string]bool{}}
	file, err := readFile(v, cmd)
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		v.SetDefault(s.key, s.preset)
		if err := v.BindEnv(s.key, s.env()); err != nil {
			return nil, err
		}
		c.given[s.key] = os.Getenv(s.env()) != "" || slices.Contains(file, s.key)
		if f := cmd.Flags().Lookup(s.flag()); f != nil && f.Annotations[settingKey] != nil {
			if err := v.BindPFlag(s.key, f); err != nil {
				return nil, err
			}
			c.given[s.key] = c.given[s.key] || f.Changed
		}
	}
	if err := v.Unmarshal(c); err != nil {
		return nil, fault.New(fault.Invalid, "the configuration cannot be read: %s", oneLine(err))
	}
	return c, c.validate()
}

// oneLine joins the lines that a library spreads an error over.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// readFile reads the configuration file, if one is named, and returns the keys in it.
func readFile(v *viper.Viper, cmd *cobra.Command) (keys []string, err error) {
	path := os.Getenv("SYNAP_CONFIG")
	if f := cmd.Flags().Lookup("config"); f != nil && f.Changed {
		path = f.Value.String()
	}
	if path == "" {
		return nil, nil
	}
	text, err := os.Open(filepath.Clean(path)) //nolint:gosec // whoever starts the program says which file
	if err != nil {
		return nil, fault.New(fault.Invalid, "the configuration file: %v", err)
	}
	defer text.Close() //nolint:errcheck // it was only read
	v.SetConfigType("yaml")
	if err := v.ReadConfig(text); err != nil {
		return nil, fault.New(fault.Invalid, "%s: %s", path, oneLine(err))
	}
	known := make([]string, len(settings))
	for i, s := range settings {
		known[i] = s.key
	}
	keys = v.AllKeys()
	slices.Sort(keys)
	for _, key := range keys {
		if slices.Contains(known, key) {
			continue
		}
		if near := command.Nearest(key, known); near != "" {
			return nil, fault.New(fault.Invalid, "%s: there is no setting %q; did you mean %q?", path, key, near)
		}
		return nil, fault.New(fault.Invalid, "%s: there is no setting %q; `synap config show --defaults` lists all there are", path, key)
	}
	return keys, nil
}

// validate refuses nonsense, with the name of the setting.
func (c *Config) validate() error {
	for _, s := range settings {
		if value := c.choice(s.key); s.choice != nil && !slices.Contains(s.choice, value) {
			return fault.New(fault.Invalid, "%s: %q is not one of %s", s.key, value, strings.Join(s.choice, ", "))
		}
	}
	switch u, err := url.Parse(c.Server); {
	case err != nil || u.Host == "" || !slices.Contains(serverSchemes, u.Scheme):
		return fault.New(fault.Invalid, "server: %q is not a URL like http://%s or umicp://127.0.0.1:%s", c.Server, defaultAddress, client.DefaultPort)
	case c.Timeout <= 0:
		return fault.New(fault.Invalid, "timeout: %v is not a time to wait", c.Timeout)
	case c.MaxBody <= 0:
		return fault.New(fault.Invalid, "max_body: %d leaves room for nothing", c.MaxBody)
	case c.DataDir == "":
		return fault.New(fault.Invalid, "data_dir: the empty name is no folder; --memory keeps everything in memory")
	}
	if err := c.validatePersistence(); err != nil {
		return err
	}
	if err := c.validateEmbedder(); err != nil {
		return err
	}
	if err := c.validateLimits(); err != nil {
		return err
	}
	if err := c.validatePeers(); err != nil {
		return err
	}
	c.Server = strings.TrimSuffix(c.Server, "/")
	return c.validateFront()
}

// serverSchemes are the protocols in which a server can be asked.
var serverSchemes = []string{"http", "https", "umicp", "umicps", "ws", "wss"}

// validatePersistence refuses nonsense about the disk.
func (c *Config) validatePersistence() error {
	p := &c.Persistence
	for _, s := range []struct {
		key             string
		value, min, max int64
	}{
		{"persistence.wal.fsync_interval_ms", p.WAL.FsyncIntervalMS, 1, 3_600_000},
		{"persistence.wal.segment_bytes", p.WAL.SegmentBytes, 64 << 10, 4 << 30},
		{"persistence.snapshot.interval_secs", p.Snapshot.IntervalSecs, 0, 30 * 86_400},
		{"persistence.snapshot.log_bytes", p.Snapshot.LogBytes, 0, 1 << 50},
	} {
		if s.value < s.min || s.value > s.max {
			return fault.New(fault.Invalid, "%s: %d is not between %d and %d", s.key, s.value, s.min, s.max)
		}
	}
	return nil
}

// choice returns the value of a setting that has a fixed set of them.
func (c *Config) choice(key string) string {
	text, _ := c.value(key).(string)
	return text
}

// authOff reports whether nobody is asked who they are.
func (c *Config) authOff() bool { return c.Auth == "off" }

// checkExposure refuses to listen where strangers could come unless they are asked who they are, and nobody in between can
// listen or change what is said.
func checkExposure(address string, asked, encrypted bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.New(fault.Invalid, "http: %q is not an address like %s", address, defaultAddress)
	}
	if ip, err := netip.ParseAddr(host); (err == nil && ip.IsLoopback()) || host == "localhost" {
		return nil
	}
	switch {
	case !asked:
		return fault.New(fault.Invalid, "http: %s can be reached from other machines, and with --auth=off everybody there could do everything: "+
			"leave that out, or listen on %s", address, defaultAddress)
	case !encrypted:
		return fault.New(fault.Invalid, "http: %s can be reached from other machines, and without TLS keys could be read on the way: "+
			"give --tls-cert and --tls-key, or listen on %s and let a proxy with TLS or an SSH tunnel reach it", address, defaultAddress)
	}
	return nil
}

// newLog returns the log that the configuration asks for. It goes to where errors go.
func (a *app) newLog(c *Config) (*logrus.Logger, error) {
	log := logrus.New()
	log.SetOutput(a.stderr)
	level, err := logrus.ParseLevel(c.Log.Level)
	if err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	log.SetLevel(level)
	if c.Log.Format == "json" || (c.Log.Format == "auto" && !isTerminal(a.stderr)) {
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true})
	}
	return log, nil
}
