package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer/link"
)

// PeersConfig is what can be set about links with other servers.
type PeersConfig struct {
	Keys string `mapstructure:"keys"` // a folder with the keys to show to peers; "" is none
	CA   string `mapstructure:"ca"`   // PEM file with authorities of peers' certificates; "" is whom the system trusts
}

// peerSettings are the settings of PeersConfig.
func peerSettings() []setting {
	return []setting{
		{"peers.keys", "", "`folder` with a file for each key to show to peers; their names are credentials", nil},
		{"peers.ca", "", "PEM `file` with the authorities of peers' certificates, if the system does not know them", nil},
	}
}

// maxKeyBytes bounds the file of a key.
const maxKeyBytes = 4 << 10

// peerKey finds the key to show to a peer: in the environment, or as a file. Only names that peers may have as credentials
// get here, so that nobody who administers peers reads other variables or files.
func (c *Config) peerKey(credential string) (string, error) {
	variable := "SYNAP_PEER_KEY_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(credential))
	if key := strings.TrimSpace(os.Getenv(variable)); key != "" {
		return key, nil
	}
	if c.Peers.Keys == "" {
		return "", fault.New(fault.Unauthenticated, "there is no key for the credential %q: set %s, or put it into a file of that name in the folder peers.keys",
			credential, variable)
	}
	root, err := os.OpenRoot(c.Peers.Keys)
	if err != nil {
		return "", fault.New(fault.Unauthenticated, "peers.keys: %v", err)
	}
	defer root.Close() //nolint:errcheck // it was only read
	info, err := root.Stat(credential)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.New(fault.Unauthenticated, "there is no key for the credential %q: neither %s is set nor is there a file of that name in %s",
			credential, variable, c.Peers.Keys)
	case err != nil:
		return "", fault.New(fault.Unauthenticated, "peers.keys: %v", err)
	case !info.Mode().IsRegular() || info.Size() > maxKeyBytes:
		return "", fault.New(fault.Unauthenticated, "peers.keys: %s is no file with a key", credential)
	}
	text, err := root.ReadFile(credential)
	if err != nil {
		return "", fault.New(fault.Unauthenticated, "peers.keys: %v", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fault.New(fault.Unauthenticated, "peers.keys: %s is empty", credential)
	}
	return key, nil
}

// newLinks readies the links with other servers.
func (c *Config) newLinks(log *logrus.Logger) (*link.Manager, error) {
	o := link.Options{Key: c.peerKey, Note: func(peer string, err error) {
		entry := log.WithField("peer", peer)
		if err != nil {
			entry.WithError(err).Warn("the link is down, and will be tried again")
			return
		}
		entry.Info("the link is up")
	}}
	if c.Peers.CA != "" {
		pem, err := os.ReadFile(filepath.Clean(c.Peers.CA))
		if err != nil {
			return nil, fault.New(fault.Invalid, "peers.ca: %v", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "peers.ca: there is no certificate in %s", c.Peers.CA)
		}
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	return link.New(o), nil
}

// federate keeps the links with other servers, once the data is there.
func (s *server) federate(ctx context.Context, there <-chan struct{}) error {
	select {
	case <-there:
		return s.links.Run(ctx, s.engine.Dispatcher(), s.engine.Namespaces)
	case <-ctx.Done():
		return nil
	}
}
