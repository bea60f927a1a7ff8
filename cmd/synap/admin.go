package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"time"

	"github.com/hivellm/synap-go/core/fault"
)

// adminPlace is where an address of the admin listener leads. Profiles show everything that a process holds, keys and
// values too: they are served to this machine only, best by a socket that only its owner can open.
func adminPlace(address string) (network, place string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" {
			return "", "", fault.New(fault.Invalid, "admin: unix: needs a path, such as unix:/run/synap/admin.sock")
		}
		return "unix", path, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil || !loopbackHost(host) {
		return "", "", fault.New(fault.Invalid, "admin: %q is neither unix:/path nor an address of loopback such as 127.0.0.1:6060", address)
	}
	return "tcp", address, nil
}

// listenAdmin opens the admin listener; nil when there is none.
func listenAdmin(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	network, place, err := adminPlace(address)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		// One that a process left behind that did not end well; nobody can listen there any more.
		if conn, err := net.DialTimeout("unix", place, time.Second); err == nil {
			_ = conn.Close()
			return nil, fault.New(fault.Unavailable, "admin: another process serves %s", place)
		}
		if info, err := os.Lstat(place); err == nil && info.Mode()&os.ModeSocket != 0 {
			_ = os.Remove(place)
		}
	}
	l, err := net.Listen(network, place)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		if err := os.Chmod(place, 0o600); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

// serveAdmin serves profiles on the listener until the context ends.
func serveAdmin(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: local(mux), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	<-ctx.Done()
	err := s.Close()
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}

// local refuses requests under a foreign name: a web page could make a browser on this machine send them.
func local(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if host != "" && !loopbackHost(strings.Trim(host, "[]")) || r.Header.Get("Origin") != "" {
			http.Error(w, "profiles are for this machine", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}
