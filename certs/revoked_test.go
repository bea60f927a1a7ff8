package certs_test

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/certs"
	"github.com/hivellm/synap-go/certs/certstest"
)

// TestRevoked is a server with a revocation list, which another one takes the place of.
func TestRevoked(t *testing.T) {
	ca, stranger := certstest.New(t), certstest.New(t)
	cert, key := ca.Issue("server", "server", "")
	clients := map[string]*tls.Config{}
	for _, name := range []string{"ada", "bob"} {
		pair, err := tls.LoadX509KeyPair(ca.Issue(name, name, ""))
		if err != nil {
			t.Fatal(err)
		}
		clients[name] = &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{pair}, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	}
	later := time.Now().Add(time.Hour)
	list := ca.Revoke("clients.crl", later)
	f, err := certs.Open(certs.Options{Cert: cert, Key: key, ClientCA: ca.File("ca.pem"), ClientCRL: list})
	if err != nil {
		t.Fatal(err)
	}
	want := func(when, taken string) {
		t.Helper()
		for name, c := range clients {
			if _, _, err := shake(t, f, c); (err == nil) != strings.Contains(taken, name) {
				t.Errorf("%s: %s comes in: %v", when, name, err)
			}
		}
		if _, _, err := shake(t, f, &tls.Config{RootCAs: ca.Pool()}); err != nil {
			t.Errorf("%s: without a certificate: %v", when, err)
		}
	}
	reload := func(wrong string) {
		t.Helper()
		changed, err := f.Reload()
		if !changed || (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("read anew: %v, %v; want %q", changed, err, wrong)
		}
	}
	write := func(data string) {
		t.Helper()
		if err := os.WriteFile(list, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want("nobody is revoked", "ada bob")
	ca.Revoke("clients.crl", later, "bob")
	reload("")
	want("after the start", "ada") // bob's session could be resumed
	write("-----BEGIN NONSENSE-----")
	reload("there is no revocation list in it")
	want("a broken file", "ada")
	foreign, err := os.ReadFile(stranger.Revoke("foreign.crl", later))
	if err != nil {
		t.Fatal(err)
	}
	write(string(foreign))
	reload("is signed by none of the authorities of clients")
	want("of another authority of the same name", "ada")
	write("\x30\x82nonsense")
	reload("cannot be read")
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	reload("no such file")
	want("without a file", "ada")
	ca.Revoke("clients.crl", time.Now().Add(-time.Minute))
	reload("")
	want("out of date", "")
	// Of two lists of one authority the later one counts, wherever it stands.
	first, err := os.ReadFile(ca.Revoke("first.crl", later, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(ca.Revoke("second.crl", later, "bob"))
	if err != nil {
		t.Fatal(err)
	}
	write(string(second) + string(first))
	reload("")
	want("two lists", "ada")
}

func TestRevocationNeedsAuthorities(t *testing.T) {
	ca := certstest.New(t)
	cert, key := ca.Issue("server", "server", "")
	list := ca.Revoke("clients.crl", time.Now().Add(time.Hour))
	if _, err := certs.Open(certs.Options{Cert: cert, Key: key, ClientCRL: list}); err == nil {
		t.Error("lists without authorities were taken")
	}
	if _, err := certs.Open(certs.Options{Cert: cert, Key: key, ClientCA: ca.File("ca.pem"), ClientCRL: cert}); err == nil {
		t.Error("a certificate was taken for a list")
	}
}
