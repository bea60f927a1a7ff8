package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/audit"
	"github.com/hivellm/synap-go/certs"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/fault"
)

// FrontConfig is what can be set about what stands before the doors, and about watching them.
type FrontConfig struct {
	MaxConnections           int `mapstructure:"max_connections"`
	MaxConnectionsPerAddress int `mapstructure:"max_connections_per_address"` // 0 is no limit
	MaxConnectionsPerKey     int `mapstructure:"max_connections_per_key"`     // 0 is no limit
	MaxBatch                 int `mapstructure:"max_batch"`                   // commands
	MaxKey                   int `mapstructure:"max_key"`                     // bytes of a key's name

	TLS struct {
		Cert       string   `mapstructure:"cert"` // "" is no TLS
		Key        string   `mapstructure:"key"`
		MinVersion string   `mapstructure:"min_version"`
		ClientCA   string   `mapstructure:"client_ca"`   // "" asks clients for no certificate
		ClientAuth string   `mapstructure:"client_auth"` // optional or require
		ClientCRL  string   `mapstructure:"client_crl"`  // "" looks nothing up
		Principals []string `mapstructure:"principals"`
	} `mapstructure:"tls"`

	Slowlog struct {
		Threshold time.Duration `mapstructure:"threshold"` // 0 keeps none
	} `mapstructure:"slowlog"`
	Hotkeys bool `mapstructure:"hotkeys"` // find the names that are called most

	Audit struct {
		Mode     string `mapstructure:"mode"`
		File     string `mapstructure:"file"` // "" is audit.jsonl in the data directory
		MaxMB    int    `mapstructure:"max_mb"`
		MaxFiles int    `mapstructure:"max_files"`
		MaxDays  int    `mapstructure:"max_days"` // 0 is any age
	} `mapstructure:"audit"`

	Admin string `mapstructure:"admin"` // where profiles are served; "" is nowhere

	CA      string `mapstructure:"ca"`       // of the client: whose servers it trusts; "" is whom the system does
	Cert    string `mapstructure:"cert"`     // of the client: a certificate to show
	CertKey string `mapstructure:"cert_key"` // its key
}

// frontSettings are the settings of FrontConfig.
func frontSettings() []setting {
	return []setting{
		{"max_connections", usualConnections, "most `connections` at once, of all doors", nil},
		{"max_connections_per_address", 20_000, "most `connections` at once from one address; 0 is no limit", nil},
		{"max_connections_per_key", 20_000, "most `connections` at once of one key or user; 0 is no limit", nil},
		{"max_batch", 1000, "most `commands` in one batch", nil},
		{"max_key", 1024, "longest key name in `bytes`", nil},
		{"tls.cert", "", "PEM `file` with the server's certificate; without one there is no TLS", nil},
		{"tls.key", "", "PEM `file` with the certificate's key", nil},
		{"tls.min_version", "1.2", "oldest version of TLS to speak", []string{"1.2", "1.3"}},
		{"tls.client_ca", "", "PEM `file` with the authorities of clients' certificates; without one none is asked for", nil},
		{"tls.client_auth", "optional", "whether clients must show a certificate", []string{"optional", "require"}},
		{"tls.client_crl", "", "`file` with lists of clients' certificates that their authorities have revoked, PEM or DER; without one nothing is looked up", nil},
		{"tls.principals", []string{}, "for whom certificates stand: `entries` such as uri:spiffe://example.org/planner=planner", nil},
		{"slowlog.threshold", 100 * time.Millisecond, "keep calls that take so long for server.slowlog; 0 keeps none", nil},
		{"hotkeys", true, "find the names that are called most, for server.hotkeys", nil},
		{"audit.mode", "off", "which calls to write down: admin is administration and refusals", audit.Modes},
		{"audit.file", "", "`file` to write them to (default: audit.jsonl in the data directory)", nil},
		{"audit.max_mb", 100, "`megabytes` after which the file is set aside and a new one begun", nil},
		{"audit.max_files", 10, "how many `files` that were set aside are kept", nil},
		{"audit.max_days", 0, "how many `days` they are kept; 0 is any time", nil},
		{"admin", "", "`address` to serve profiles at: unix:/path or one of loopback; without it none are served", nil},
		{"ca", "", "PEM `file` with the authority of the server's certificate, if the system does not know it", nil},
		{"cert", "", "PEM `file` with a certificate to show to the server", nil},
		{"cert_key", "", "PEM `file` with that certificate's key", nil},
	}
}

// validateFront refuses nonsense, with the name of the setting.
func (c *Config) validateFront() error {
	for _, s := range []struct {
		key             string
		value, min, max int
	}{
		{"max_connections", c.MaxConnections, 1, 10_000_000},
		{"max_connections_per_address", c.MaxConnectionsPerAddress, 0, 10_000_000},
		{"max_connections_per_key", c.MaxConnectionsPerKey, 0, 10_000_000},
		{"max_batch", c.MaxBatch, 1, 100_000},
		{"max_key", c.MaxKey, 1, 64 << 10},
		{"audit.max_mb", c.Audit.MaxMB, 1, 100_000},
		{"audit.max_files", c.Audit.MaxFiles, 1, 10_000},
		{"audit.max_days", c.Audit.MaxDays, 0, 36_500},
	} {
		if s.value < s.min || s.value > s.max {
			return fault.New(fault.Invalid, "%s: %d is not between %d and %d", s.key, s.value, s.min, s.max)
		}
	}
	switch {
	case c.Slowlog.Threshold < 0:
		return fault.New(fault.Invalid, "slowlog.threshold: %v is negative", c.Slowlog.Threshold)
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		return fault.New(fault.Invalid, "tls.cert, tls.key: a certificate and its key belong together")
	case c.TLS.ClientCA != "" && c.TLS.Cert == "":
		return fault.New(fault.Invalid, "tls.client_ca: clients show certificates over TLS only: set tls.cert and tls.key")
	case c.TLS.ClientAuth == "require" && c.TLS.ClientCA == "":
		return fault.New(fault.Invalid, "tls.client_auth: whose certificates is said by tls.client_ca")
	case c.TLS.ClientCRL != "" && c.TLS.ClientCA == "":
		return fault.New(fault.Invalid, "tls.client_crl: revocation lists are of the authorities in tls.client_ca")
	case len(c.TLS.Principals) > 0 && c.TLS.ClientCA == "":
		return fault.New(fault.Invalid, "tls.principals: clients are asked for certificates only with tls.client_ca")
	case (c.Cert == "") != (c.CertKey == ""):
		return fault.New(fault.Invalid, "cert, cert_key: a certificate and its key belong together")
	}
	if _, err := certs.ParsePrincipals(c.TLS.Principals); err != nil {
		return fault.New(fault.Invalid, "tls.principals: %v", err)
	}
	if c.Admin == "" {
		return nil
	}
	_, _, err := adminPlace(c.Admin)
	return err
}

// secured reports whether the server speaks TLS.
func (c *Config) secured() bool { return c.TLS.Cert != "" }

// connectionLimits are what the registry of connections heeds.
func (c *Config) connectionLimits() clients.Limits {
	return clients.Limits{Connections: c.roomFor(mostFiles()), PerAddress: c.MaxConnectionsPerAddress, PerKey: c.MaxConnectionsPerKey}
}

// usualConnections is how many there may be unless somebody says otherwise.
const usualConnections = 100_000

// keptFiles are for what is no connection: the log, snapshots, backups that are read, links, and a connection that is told that there is no room.
const keptFiles = 64

// roomFor is how many connections there may be in a process that may have so many files open: what was set, and never so many that the log
// could not open its next file.
func (c *Config) roomFor(files int) int {
	return min(c.MaxConnections, max(files-keptFiles, files/2, 1))
}

// openCerts reads the server's certificate; nil without TLS.
func (c *Config) openCerts(log *logrus.Logger) (*certs.Files, error) {
	if !c.secured() {
		return nil, nil
	}
	o := certs.Options{
		Cert: c.TLS.Cert, Key: c.TLS.Key, ClientCA: c.TLS.ClientCA, Require: c.TLS.ClientAuth == "require", ClientCRL: c.TLS.ClientCRL,
		Note: func(err error) { noteCerts(log, err) },
	}
	if c.TLS.MinVersion == "1.3" {
		o.MinVersion = tls.VersionTLS13
	}
	files, err := certs.Open(o)
	if err != nil {
		return nil, fault.New(fault.Invalid, "tls: %v", err)
	}
	return files, nil
}

func noteCerts(log *logrus.Logger, err error) {
	if err != nil {
		log.WithError(err).Error("the new certificate cannot be used; the one before stays in use")
		return
	}
	log.Info("a new certificate is in use")
}

// principalOf says by which name of a key or user a verified certificate is known: as tls.principals say or else, when they
// say nothing at all, by its common name; "" is by none.
func (c *Config) principalOf() func(*x509.Certificate) string {
	principals, _ := certs.ParsePrincipals(c.TLS.Principals) // validate has parsed them
	return func(cert *x509.Certificate) string {
		if len(principals) == 0 {
			return cert.Subject.CommonName
		}
		name, _ := principals.Of(cert)
		return name
	}
}

// clientTLS is how a client secures its connections.
func (c *Config) clientTLS() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(filepath.Clean(c.CA))
		if err != nil {
			return nil, fault.New(fault.Invalid, "ca: %v", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "ca: there is no certificate in %s", c.CA)
		}
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.CertKey)
		if err != nil {
			return nil, fault.New(fault.Invalid, "cert, cert_key: %v", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// openAudit opens the audit log; nil when nothing is to be written. It is opened in mode off, too, if a file is named, so that
// it can be turned on without a restart.
func (c *Config) openAudit(log *logrus.Logger) (*audit.Log, error) {
	path := c.Audit.File
	switch {
	case (c.Audit.Mode == "" || c.Audit.Mode == string(audit.Off)) && path == "":
		return nil, nil
	case path == "" && !c.durable():
		return nil, fault.New(fault.Invalid, "audit.file: a server that keeps nothing on disk has no data directory to write audit.jsonl to: name a file")
	case path == "":
		path = filepath.Join(c.DataDir, "audit.jsonl")
	}
	l, err := audit.Open(audit.Options{
		Path: path, Mode: audit.Mode(c.Audit.Mode), MaxMB: c.Audit.MaxMB, MaxFiles: c.Audit.MaxFiles, MaxDays: c.Audit.MaxDays,
		Failed: func(err error) {
			log.WithError(err).Error("the audit log cannot be written: calls go on, and are not in it")
		},
	})
	if err != nil {
		return nil, fault.New(fault.Invalid, "audit.file: %v", err)
	}
	return l, nil
}

// loopbackHost reports whether a host is this machine, and no other can reach it.
func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return (err == nil && ip.IsLoopback()) || host == "localhost"
}

// clientSettings are the settings of commands that talk to a server; a server does not have them.
var clientSettings = []string{"server", "key", "namespace", "timeout", "output", "ca", "cert", "cert_key"}

// serverKeys are the settings of a server.
func serverKeys() (keys []string) {
	for _, s := range settings {
		if !slices.Contains(clientSettings, s.key) {
			keys = append(keys, s.key)
		}
	}
	return keys
}
