package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/peer"
	"github.com/hivellm/synap-go/peer/link"
)

// PeersConfig is what can be set about links with other servers.
type PeersConfig struct {
	Keys string `mapstructure:"keys"` // a folder with the keys to show to peers; "" is none
	CA   string `mapstructure:"ca"`   // PEM file with authorities of peers' certificates; "" is whom the system trusts

	Links []string `mapstructure:"links"` // peers of the default namespace; see parseLink
}

// peerSettings are the settings of PeersConfig.
func peerSettings() []setting {
	return []setting{
		{"peers.keys", "", "`folder` with a file for each key to show to peers; their names are credentials", nil},
		{"peers.ca", "", "PEM `file` with the authorities of peers' certificates, if the system does not know them", nil},
		{"peers.links", []string{}, "peers of the default namespace: `entries` such as berlin=umicps://berlin.example.org credential=berlin rooms=chat.*:both", nil},
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
		if err := s.configurePeers(ctx); err != nil {
			return err
		}
		return s.links.Run(ctx, s.engine.Dispatcher(), s.engine.Namespaces)
	case <-ctx.Done():
		return nil
	}
}

// parseLink reads an entry of peers.links: name=URL, and then in any order and each after a space credential=NAME,
// namespace=NAME and, as often as need be, rooms=PATTERN:DIRECTION, collections=PATTERN:DIRECTION and
// topics=PATTERN:DIRECTION.
func parseLink(entry string) (*peer.AddRequest, error) {
	words := strings.Fields(entry)
	wrong := func(why string) error {
		return fault.New(fault.Invalid, "peers.links: %q: %s; an entry is such as berlin=umicps://berlin.example.org credential=berlin rooms=chat.*:both", entry, why)
	}
	if len(words) == 0 {
		return nil, wrong("it is empty")
	}
	name, url, ok := strings.Cut(words[0], "=")
	if !ok {
		return nil, wrong("it does not begin with a name and a URL")
	}
	r := &peer.AddRequest{Name: name, URL: url, Configured: true}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "credential":
			r.Credential = value
		case "namespace":
			r.Namespace = value
		case "rooms", "collections", "topics":
			at := strings.LastIndexByte(value, ':')
			if at < 0 {
				return nil, wrong(key + " say a direction: in, out or both")
			}
			rule := peer.RuleInput{Direction: value[at+1:]}
			*map[string]*string{"rooms": &rule.Rooms, "collections": &rule.Collections, "topics": &rule.Topics}[key] = value[:at]
			r.Rules = append(r.Rules, rule)
		default:
			return nil, wrong(key + " is none of credential, namespace, rooms, collections, topics")
		}
	}
	if err := r.Validate(); err != nil {
		return nil, wrong(fault.From(err).Message)
	}
	return r, nil
}

// validatePeers refuses links that cannot be.
func (c *Config) validatePeers() error {
	seen := map[string]bool{}
	for _, entry := range c.Peers.Links {
		r, err := parseLink(entry)
		if err != nil {
			return err
		}
		if seen[r.Name] {
			return fault.New(fault.Invalid, "peers.links: there are two peers %s", r.Name)
		}
		seen[r.Name] = true
	}
	return nil
}

// configurePeers makes the peers those of the configuration: it adds what is missing, replaces what is otherwise, and removes
// what stood in it once and does not any more. Peers that were added by command stay.
func (s *server) configurePeers(ctx context.Context) error {
	var list peer.ListResponse
	if err := s.local(ctx, "peer.list", &peer.ListRequest{}, &list); err != nil {
		return err
	}
	there := map[string]peer.Line{}
	for _, line := range list.Items {
		there[line.Name] = line
	}
	for _, entry := range s.config.Peers.Links {
		r, err := parseLink(entry)
		if err != nil {
			return err
		}
		line, known := there[r.Name]
		delete(there, r.Name)
		if known && line.Configured && line.URL == r.URL && line.Credential == r.Credential && line.Namespace == r.Namespace && slices.Equal(line.Rules, r.Rules) {
			continue
		}
		if known {
			if err := s.local(ctx, "peer.remove", &peer.NameRequest{Name: r.Name}, nil); err != nil {
				return err
			}
		}
		if err := s.local(ctx, "peer.add", r, nil); err != nil {
			return err
		}
	}
	for name, line := range there {
		if line.Configured {
			if err := s.local(ctx, "peer.remove", &peer.NameRequest{Name: name}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// local runs a command as the server itself, in the default namespace.
func (s *server) local(ctx context.Context, name string, args any, answer *peer.ListResponse) error {
	c, err := s.engine.Dispatcher().Table().Find(name)
	if err != nil {
		return err
	}
	found, err := s.engine.Dispatcher().Do(ctx, &command.Request{Caller: auth.Local(), Command: c, Args: args})
	if list, ok := found.(*peer.ListResponse); ok && answer != nil {
		*answer = *list
	}
	return err
}
