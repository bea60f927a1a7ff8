package certs_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/certs"
	"github.com/hivellm/synap-go/certs/certstest"
)

// shake does a handshake with the files' configuration and returns the common name of the server's certificate.
func shake(t *testing.T, f *certs.Files, client *tls.Config) (name string, state tls.ConnectionState, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			s := tls.Server(conn, f.Config())
			if err = s.Handshake(); err == nil {
				state = s.ConnectionState()
				_, err = s.Write([]byte("x"))
			}
			_ = conn.Close()
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), client)
	if err == nil {
		name = conn.ConnectionState().PeerCertificates[0].Subject.CommonName
		_, err = io.ReadFull(conn, make([]byte, 1))
		_ = conn.Close()
	}
	err = errors.Join(err, <-served)
	return name, state, err
}

// TestReload stands still in time, so that no handshake looks at the files by itself.
func TestReload(t *testing.T) { synctest.Test(t, testReload) }

func testReload(t *testing.T) {
	ca := certstest.New(t)
	cert, key := ca.Issue("server", "one", "")
	f, err := certs.Open(certs.Options{Cert: cert, Key: key, Note: func(err error) { t.Errorf("a handshake looked at the files so soon: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{RootCAs: ca.Pool()}
	want := func(name string) {
		t.Helper()
		if got, _, err := shake(t, f, client); got != name || err != nil {
			t.Errorf("the server is %q, %v; want %q", got, err, name)
		}
	}
	want("one")
	// A certificate without its key is not taken in, whoever looks.
	later := func(file string) {
		t.Helper()
		at := time.Now().Add(time.Minute) // whatever the file system's clock can tell apart
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	ca.Issue("server", "two", "")
	fresh, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, old, 0o600); err != nil {
		t.Fatal(err)
	}
	later(cert)
	if changed, err := f.Reload(); !changed || err == nil || !strings.Contains(err.Error(), "server.key") {
		t.Errorf("a certificate that is not the key's: %v, %v", changed, err)
	}
	if changed, err := f.Reload(); changed || err != nil {
		t.Errorf("told twice: %v, %v", changed, err)
	}
	want("one")
	if err := os.WriteFile(key, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	later(key)
	if changed, err := f.Reload(); !changed || err != nil {
		t.Errorf("both are there: %v, %v", changed, err)
	}
	want("two")
	if left := time.Until(f.Expires()); left < 50*time.Minute || left > time.Hour {
		t.Errorf("it expires in %v", left)
	}
	// Files that are gone change nothing.
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Reload(); !changed || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without its file: %v, %v", changed, err)
	}
	want("two")
}

// TestHandshakesNoticeWhatChanged, a second later and not before, and tell of it once.
func TestHandshakesNoticeWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := certstest.New(t)
		cert, key := ca.Issue("server", "one", "")
		notes := make(chan error, 10)
		f, err := certs.Open(certs.Options{Cert: cert, Key: key, Note: func(err error) { notes <- err }})
		if err != nil {
			t.Fatal(err)
		}
		ca.Issue("server", "second", "")
		for _, look := range []struct {
			after time.Duration
			want  string
		}{{0, "one"}, {999 * time.Millisecond, "one"}, {time.Millisecond, "second"}, {time.Minute, "second"}} {
			time.Sleep(look.after)
			if name, _, err := shake(t, f, &tls.Config{RootCAs: ca.Pool()}); name != look.want || err != nil {
				t.Errorf("%v later the handshake is with %q, %v; want %q", look.after, name, err, look.want)
			}
		}
		if len(notes) != 1 {
			t.Fatalf("it was told of %d times", len(notes))
		}
		if err := <-notes; err != nil {
			t.Error(err)
		}
	})
}

func TestVersions(t *testing.T) {
	ca := certstest.New(t)
	cert, key := ca.Issue("server", "one", "")
	for _, c := range []struct {
		least, client uint16
		ok            bool
	}{
		{0, tls.VersionTLS13, true}, {0, tls.VersionTLS12, true}, {0, tls.VersionTLS11, false},
		{tls.VersionTLS13, tls.VersionTLS13, true}, {tls.VersionTLS13, tls.VersionTLS12, false},
	} {
		f, err := certs.Open(certs.Options{Cert: cert, Key: key, MinVersion: c.least})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = shake(t, f, &tls.Config{RootCAs: ca.Pool(), MinVersion: c.client, MaxVersion: c.client})
		if (err == nil) != c.ok {
			t.Errorf("from %x, a client of %x: %v", c.least, c.client, err)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	ca, stranger := certstest.New(t), certstest.New(t)
	cert, key := ca.Issue("server", "server", "")
	own, err := tls.LoadX509KeyPair(ca.Issue("planner", "planner-1", "spiffe://example.org/planner"))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := tls.LoadX509KeyPair(stranger.Issue("planner", "planner-1", "spiffe://example.org/planner"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := certs.ParsePrincipals([]string{"uri:spiffe://example.org/planner=planner", "cn:planner-1=other"})
	if err != nil {
		t.Fatal(err)
	}
	for _, require := range []bool{false, true} {
		f, err := certs.Open(certs.Options{Cert: cert, Key: key, ClientCA: ca.File("ca.pem"), Require: require})
		if err != nil {
			t.Fatal(err)
		}
		_, state, err := shake(t, f, &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{own}})
		if err != nil {
			t.Fatal(err)
		}
		if name, ok := p.Of(state.VerifiedChains[0][0]); name != "planner" || !ok {
			t.Errorf("the client is %q, %v", name, ok)
		}
		// One that sends what nobody asked it for: the library would keep a foreign certificate to itself.
		insist := &tls.Config{RootCAs: ca.Pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign, nil }}
		if _, _, err := shake(t, f, insist); err == nil {
			t.Errorf("require %v: a stranger's certificate was taken", require)
		}
		if _, _, err := shake(t, f, &tls.Config{RootCAs: ca.Pool()}); (err == nil) == require {
			t.Errorf("require %v: without a certificate: %v", require, err)
		}
	}
	if name, ok := (certs.Principals{"cn:planner-1": "by-cn"}).Of(own.Leaf); name != "by-cn" || !ok {
		t.Errorf("by its common name it is %q", name)
	}
	if _, ok := p.Of(nil); ok {
		t.Error("nobody is somebody")
	}
}

func TestNonsense(t *testing.T) {
	ca := certstest.New(t)
	cert, key := ca.Issue("server", "one", "")
	for name, o := range map[string]certs.Options{
		"no key":                   {Cert: cert},
		"no such file":             {Cert: filepath.Join(ca.Dir, "none"), Key: key},
		"a key for a certificate":  {Cert: key, Key: key},
		"required of nobody":       {Cert: cert, Key: key, Require: true},
		"authorities that are not": {Cert: cert, Key: key, ClientCA: key},
	} {
		if _, err := certs.Open(o); err == nil {
			t.Errorf("%s: it was opened", name)
		}
	}
	for _, entry := range []string{"", "=", "cn=x", "cn:=x", "cn:a=", "nobody:a=b", "cn:a"} {
		if _, err := certs.ParsePrincipals([]string{entry}); err == nil {
			t.Errorf("%q was understood", entry)
		}
	}
	if _, err := certs.ParsePrincipals([]string{"cn:a=b", "cn:a=c"}); err == nil {
		t.Error("a name has two principals")
	}
}
