package main

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/umicp/client"
)

// adminKeyName is the file in a data directory that holds the key which a server made for itself at its first start.
const adminKeyName = "admin.key"

// A server on this machine leaves its first key where the command line of the same person finds it: in the data directory,
// and in the person's own configuration folder under the server's addresses, since there may be several servers.

// keptKey is where the key of the server at that address is kept for this person; "" when there is no such place.
func keptKey(server string) string {
	dir, err := os.UserConfigDir()
	u, bad := url.Parse(server)
	if err != nil || bad != nil || u.Host == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "umicp": client.DefaultPort, "umicps": client.DefaultPort}[u.Scheme]
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return filepath.Join(dir, "synap", "keys", strings.ReplaceAll(host, ":", "-")+"_"+port+".key")
}

// findKey returns the key to call a server with: the one that was given, or the one that a server on this machine left.
// "" is none. A key that was found goes to the server that left it and nowhere else.
func (c *Config) findKey() string {
	if c.Key != "" {
		return c.Key
	}
	if key := readKey(keptKey(c.Server)); key != "" {
		return key
	}
	if persistence.Who(vfs.OS, c.DataDir).Address == c.Server {
		return readKey(filepath.Join(c.DataDir, adminKeyName))
	}
	return ""
}

// readKey returns the key that a file holds; "" when it holds none.
func readKey(path string) string {
	if path == "" {
		return ""
	}
	text, err := os.ReadFile(filepath.Clean(path)) //nolint:gosec // where a server left it
	key := strings.TrimSpace(string(text))
	if _, ok := auth.ParseSecret(key); err != nil || !ok {
		return ""
	}
	return key
}

// writeKey keeps a key in a file that its owner alone can read, whole or not at all.
func writeKey(path, key string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".key-*") // readable by the owner only
	if err != nil {
		return err
	}
	_, err = fresh.WriteString(key + "\n")
	if err = errors.Join(err, fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		_ = os.Remove(fresh.Name()) // it is of no use
	}
	return err
}

// keyVerb prints the key that the command line uses, for programs that are not the command line.
func (a *app) keyVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use: "key", Short: "Print the API key that commands call a server with", Args: cobra.NoArgs,
		Long: "Print the API key that the subcommands call a server with: the one of --key or SYNAP_KEY, or the one that a server on this\n" +
			"machine made for itself at its first start. For curl and other programs: export SYNAP_KEY=$(synap key).",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			key := c.findKey()
			if key == "" {
				return fault.New(fault.NotFound, "no key is known for the server at %s: it has not left one on this machine for you; "+
					"give one with --key or SYNAP_KEY", c.Server)
			}
			tell(a.stdout, "%s\n", key)
			return nil
		},
	}
	addSettings(cmd, cmd.Flags(), "server", "key", "data_dir")
	cmd.AddCommand(a.newKeyVerb())
	return cmd
}
