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
	Keys  string `mapstructure:"keys"`  // a folder with the keys to show to peers; "" is none
	CA    string `mapstructure:"ca"`    // PEM file with authorities of peers' certificates; "" is whom the system trusts
	Certs string `mapstructure:"certs"` // a folder with certificates to show to peers; "" is none

	Links []string `mapstructure:"links"` // peers of the default namespace; see parseLink
}

// peerSettings are the settings of PeersConfig.
func peerSettings() []setting {
	return []setting{
		{"peers.keys", "", "`folder` with a file for each key to show to peers; their names are credentials", nil},
		{"peers.ca", "", "PEM `file` with the authorities of peers' certificates, if the system does not know them", nil},
		{"peers.certs", "", "`folder` with a certificate for each name, NAME.pem and NAME.key, to show to peers that ask for one", nil},
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
	text, err := readIn(c.Peers.Keys, credential, maxKeyBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.New(fault.Unauthenticated, "there is no key for the credential %q: neither %s is set nor is there a file of that name in %s",
			credential, variable, c.Peers.Keys)
	case err != nil:
		return "", fault.New(fault.Unauthenticated, "peers.keys: %v", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fault.New(fault.Unauthenticated, "peers.keys: %s is empty", credential)
	}
	return key, nil
}

// readIn reads a file of a folder, and none that lies elsewhere.
func readIn(folder, name string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	info, err := root.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > most:
		return nil, fault.New(fault.Invalid, "%s is no file of at most %d bytes", name, most)
	}
	return root.ReadFile(name)
}

// peerTLS is how a link is secured that shows the certificate of that name; "" shows none. The files are read each time that a link
// connects, so that what was replaced is used from then on.
func (c *Config) peerTLS(certificate string) (*tls.Config, error) {
	if c.Peers.CA == "" && certificate == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Peers.CA != "" {
		pem, err := os.ReadFile(filepath.Clean(c.Peers.CA))
		if err != nil {
			return nil, fault.New(fault.Invalid, "peers.ca: %v", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "peers.ca: there is no certificate in %s", c.Peers.CA)
		}
	}
	if certificate == "" {
		return config, nil
	}
	pair, err := c.peerCertificate(certificate)
	if err != nil {
		return nil, err
	}
	// It is shown even if the peer says that it knows other authorities only: the peer then says what is wrong with it.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return config, nil
}

// maxCertBytes bounds the files of a certificate.
const maxCertBytes = 1 << 20

// peerCertificate finds a certificate to show to a peer. As with keys, no other files are read for whoever administers peers.
func (c *Config) peerCertificate(name string) (pair tls.Certificate, err error) {
	if c.Peers.Certs == "" {
		return pair, fault.New(fault.Unauthenticated, "there is no certificate %q: put it into the folder peers.certs, as %s.pem and %s.key", name, name, name)
	}
	var files [2][]byte
	for i, ending := range []string{".pem", ".key"} {
		files[i], err = readIn(c.Peers.Certs, name+ending, maxCertBytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return pair, fault.New(fault.Unauthenticated, "there is no certificate %q: in %s there is no file %s%s", name, c.Peers.Certs, name, ending)
		case err != nil:
			return pair, fault.New(fault.Unauthenticated, "peers.certs: %v", err)
		}
	}
	if pair, err = tls.X509KeyPair(files[0], files[1]); err != nil {
		return pair, fault.New(fault.Unauthenticated, "peers.certs: %s.pem and %s.key: %v", name, name, err)
	}
	return pair, nil
}

// newLinks readies the links with other servers.
func (c *Config) newLinks(log *logrus.Logger) (*link.Manager, error) {
	if _, err := c.peerTLS(""); err != nil { // what is wrong from the start is said at the start
		return nil, err
	}
	return link.New(link.Options{Key: c.peerKey, TLS: c.peerTLS, Note: func(peer string, err error) {
		entry := log.WithField("peer", peer)
		if err != nil {
			entry.WithError(err).Warn("the link does not work, or carries not all that it should; it is tried again")
			return
		}
		entry.Info("the link is up")
	}}), nil
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
// certificate=NAME, namespace=NAME and, as often as need be, rooms=PATTERN:DIRECTION, collections=PATTERN:DIRECTION and
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
		case "certificate":
			r.Certificate = value
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
			return nil, wrong(key + " is none of credential, certificate, namespace, rooms, collections, topics")
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
		if known && line.Configured && line.URL == r.URL && line.Credential == r.Credential && line.Certificate == r.Certificate && line.Namespace == r.Namespace && slices.Equal(line.Rules, r.Rules) {
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
