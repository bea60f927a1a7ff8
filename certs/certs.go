// Package certs is the server's side of TLS: its certificate and key, the authorities that clients' certificates come
// from, and what these have revoked, read from files and read again when the files change.
//
// Files are looked at when somebody connects, at most once a second, so that an idle server does nothing and links that are
// moved (as Kubernetes does) need no watching. What cannot be read or does not fit together is told once, and what was
// read before stays in use. A connection keeps what it was made with.
//
// The package answers no request and decides nothing about access: it says under which name a certificate is known.
package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// recheck is how long files that were looked at are taken for unchanged.
const recheck = time.Second

// maxFileBytes bounds a file; nobody has so many authorities.
const maxFileBytes = 8 << 20

// Options say where the files are. Cert and Key are needed, in PEM.
type Options struct {
	Cert, Key string
	// ClientCA has the authorities whose certificates clients may show; "" asks for none. Require refuses clients that show
	// none.
	ClientCA string
	Require  bool
	// ClientCRL has lists of certificates that those authorities have revoked; "" is none. While an authority's list is out of date none
	// of its certificates is taken.
	ClientCRL string
	// MinVersion is the oldest version of TLS that is spoken; 0 is 1.2.
	MinVersion uint16
	// Note hears that files have changed: with nil when they are in use, otherwise with why they are not. It is called
	// from a handshake, so it must not block. May be nil.
	Note func(error)
}

// Files are the files, as they were last read.
type Files struct {
	o       Options
	current atomic.Pointer[tls.Config]
	expires atomic.Int64 // of the certificate, in Unix seconds

	mu      sync.Mutex // held while the files are looked at
	looked  time.Time  // when that was
	version string     // of the files that were tried last, whether they could be used or not
}

// Open reads the files.
func Open(o Options) (*Files, error) {
	switch {
	case o.Cert == "" || o.Key == "":
		return nil, errors.New("a certificate and its key belong together: both files are needed")
	case o.Require && o.ClientCA == "":
		return nil, errors.New("clients can show a certificate only if it is said whose: the file of client authorities is needed")
	case o.ClientCRL != "" && o.ClientCA == "":
		return nil, errors.New("revocation lists are of the authorities of clients: their file is needed")
	}
	o.MinVersion = max(o.MinVersion, tls.VersionTLS12)
	if o.Note == nil {
		o.Note = func(error) {}
	}
	f := &Files{o: o}
	if _, err := f.read(time.Now()); err != nil {
		return nil, err
	}
	return f, nil
}

// Config is for a server's listener. It stays right when the files change.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: f.o.MinVersion, // #nosec G402 -- Open has seen to it that it is 1.2 at least
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			f.look()
			return f.current.Load(), nil
		},
	}
}

// Expires is when the certificate in use ends.
func (f *Files) Expires() time.Time { return time.Unix(f.expires.Load(), 0) }

// Reload looks at the files now. It reports whether there was anything new, and why that is not in use.
func (f *Files) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read(time.Now())
}

// look reads the files if they have changed, unless they were looked at a moment ago or somebody else is at it.
func (f *Files) look() {
	if !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) >= recheck {
		if changed, err := f.read(now); changed {
			f.o.Note(err)
		}
	}
}

// read reads the files if they have changed. f.mu is held, or nobody else knows f yet.
func (f *Files) read(now time.Time) (changed bool, err error) {
	f.looked = now
	version := f.stat()
	if version == f.version {
		return false, nil
	}
	f.version = version
	config, expires, err := f.load()
	if version = f.stat(); version != f.version { // they were being replaced, and would be told of once more at the next look
		f.version = version
		config, expires, err = f.load()
	}
	if err != nil {
		return true, err
	}
	f.current.Store(config)
	f.expires.Store(expires.Unix())
	return true, nil
}

// stat says which files there are, in a form that changes with them.
func (f *Files) stat() string {
	var b bytes.Buffer
	for _, name := range []string{f.o.Cert, f.o.Key, f.o.ClientCA, f.o.ClientCRL} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintf(&b, "%v;", errors.Is(err, fs.ErrNotExist))
			continue
		}
		fmt.Fprintf(&b, "%d %d;", info.ModTime().UnixNano(), info.Size())
	}
	return b.String()
}

// load reads the files.
func (f *Files) load() (*tls.Config, time.Time, error) {
	cert, err := readFile(f.o.Cert)
	if err != nil {
		return nil, time.Time{}, err
	}
	key, err := readFile(f.o.Key)
	if err != nil {
		return nil, time.Time{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("%s and %s: %w", f.o.Cert, f.o.Key, err)
	}
	config := &tls.Config{
		MinVersion: f.o.MinVersion, // #nosec G402 -- as in Config
		NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair},
	}
	if f.o.ClientCA != "" {
		pem, err := readFile(f.o.ClientCA)
		if err != nil {
			return nil, time.Time{}, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, time.Time{}, fmt.Errorf("%s: there is no certificate in it", f.o.ClientCA)
		}
		config.ClientAuth = tls.VerifyClientCertIfGiven
		if f.o.Require {
			config.ClientAuth = tls.RequireAndVerifyClientCert
		}
		if f.o.ClientCRL != "" {
			lists, err := readRevoked(f.o.ClientCRL, parseAll(pem))
			if err != nil {
				return nil, time.Time{}, err
			}
			config.VerifyConnection = lists.check
		}
	}
	return config, pair.Leaf.NotAfter, nil
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("%s: it has %d bytes, which no certificate needs", name, info.Size())
	}
	return os.ReadFile(filepath.Clean(name))
}
