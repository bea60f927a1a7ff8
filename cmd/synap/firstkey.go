package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/auth/directory"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// directoryOf is who there is in an engine.
func directoryOf(e *core.Engine) *directory.Directory {
	for _, space := range e.Namespaces() {
		for _, state := range space.States {
			if d, ok := state.(*directory.Directory); ok {
				return d
			}
		}
	}
	return nil
}

// gate asks the directory who calls, once the server has its data: before, it knows nobody.
type gate struct {
	server    *server
	directory *directory.Directory
}

// Authenticate implements auth.Authenticator.
func (g gate) Authenticate(ctx context.Context, c *auth.Credential) (*auth.Identity, error) {
	who, err := g.directory.Authenticate(ctx, c)
	if err != nil && g.server.store != nil && !g.server.store.Progress().Ready {
		return nil, recovering(g.server.store)
	}
	return who, err
}

// firstKey is what came of looking for the key of a server's first start.
type firstKey struct {
	made bool
	path string // the file that holds it; "" when there is no such key
	lost string // the file that should hold it and does not, while there is somebody who may do everything; else ""
}

// provideKey makes a key that may do everything if there is nobody who may, and leaves it where the command line of whoever
// started the server finds it.
func (s *server) provideKey(ctx context.Context, c *Config) (first firstKey, err error) {
	who := directoryOf(s.engine)
	kept := []string{keptKey(s.url())}
	for _, l := range s.peers {
		kept = append(kept, keptKey("umicp://"+l.Addr().String()))
	}
	var beside string // the data
	if s.store != nil {
		beside = filepath.Join(c.DataDir, adminKeyName)
	}
	key := ""
	// The data may be a copy of what was served here before, and its key still be kept for this address.
	for _, path := range append([]string{beside}, kept...) {
		if key = readKey(path); key != "" {
			if _, err := who.Authenticate(ctx, &auth.Credential{Key: key}); err == nil {
				break
			}
			key = ""
		}
	}
	if key == "" {
		if who.HasAdmin() {
			first.lost = beside
			return first, nil // somebody has taken over, and knows the keys, or the data is a copy, and has hashes only
		}
		if key, err = makeAdminKey(ctx, s.engine); err != nil {
			return first, err
		}
		first.made = true
	}
	for _, path := range append([]string{beside}, kept...) {
		if path == "" {
			continue
		}
		if failed := writeKey(path, key); failed != nil {
			err = errors.Join(err, failed)
		} else if first.path == "" {
			first.path = path
		}
	}
	if first.path == "" {
		return first, fault.Wrap(fault.Unavailable, err, "the server's first key cannot be kept anywhere: give the process a data directory or a home directory, or "+
			"run with --auth=off")
	}
	return first, nil
}

// makeAdminKey makes a key that may do everything.
func makeAdminKey(ctx context.Context, e *core.Engine) (string, error) {
	create, err := e.Dispatcher().Table().Find("auth.key.create")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"admin", ""} { // the name may be taken, by one that is expired or may do less
		var made any
		made, err = e.Dispatcher().Do(ctx, &command.Request{
			Caller: auth.Local(), Command: create,
			Args: &directory.CreateKeyRequest{Name: name, Rights: directory.Rights{Roles: []string{"admin"}}},
		})
		if err == nil {
			return made.(*directory.KeySecretResponse).Secret, nil
		}
		if fault.CodeOf(err) != fault.AlreadyExists {
			break
		}
	}
	return "", err
}
