package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hivellm/synap-go/certs/certstest"
)

// TestLinksOverTLS links with a server that has a certificate, by both protocols. Whoever does not know its authority is linked
// with nobody and says why.
func TestLinksOverTLS(t *testing.T) {
	ca := certstest.New(t)
	there := federatedIn(t.TempDir())
	there.config.TLS.Cert, there.config.TLS.Key = ca.Issue("server", "server", "")
	there.run(t)
	there.must("stream.append", `{"room":"chat.1","data":"there"}`)
	key := there.key(`{"name":"peers","permissions":["write:peer","read:stream","write:pubsub","read:server"]}`)
	t.Setenv("SYNAP_PEER_KEY_THERE", key)

	here, stranger := federatedIn(t.TempDir()), federatedIn(t.TempDir())
	here.config.Peers.CA = ca.File("ca.pem")
	here.run(t)
	stranger.run(t)
	raw := there.server.peers[0].Addr().String()
	web := strings.TrimPrefix(there.url, "https://")
	state := func(f *federated, peer string) (line map[string]any) {
		for _, item := range f.must("peer.list", `{}`)["items"].([]any) {
			if line = item.(map[string]any); line["name"] == peer {
				return line
			}
		}
		return nil
	}
	for i, url := range []string{"umicps://" + raw, "wss://" + web + "/umicp"} {
		here.must("peer.add", fmt.Sprintf(`{"name":"there","url":%q,"credential":"there","rules":[{"rooms":"chat.*","direction":"in"},{"topics":"peer.#"}]}`, url))
		there.must("stream.append", `{"room":"chat.1","data":"more"}`)
		if got := here.holds("chat.1", i+2); len(got) != i+2 {
			t.Errorf("%s: here is %q", url, got)
		}
		here.must("peer.remove", `{"name":"there"}`)
	}
	for name, url := range map[string]string{"raw": "umicps://" + raw, "web": "wss://" + web + "/umicp"} {
		stranger.must("peer.add", fmt.Sprintf(`{"name":%q,"url":%q,"credential":"there","rules":[{"rooms":"chat.*"}]}`, name, url))
		said := func() string {
			text, _ := state(stranger, name)["last_error"].(string)
			return text
		}
		eventually(t, "the link "+name+" says why it is none", func() bool { return said() != "" })
		if line := state(stranger, name); line["state"] == "connected" || !strings.Contains(said(), "failed to verify certificate") {
			t.Errorf("%s is %v", name, line)
		}
	}
}

// TestLinksRefuseWrongCertificates dials servers whose certificate has expired, or is for another name, by both protocols: no key
// goes there, the link says why, and tries again.
func TestLinksRefuseWrongCertificates(t *testing.T) {
	ca := certstest.New(t)
	t.Setenv("SYNAP_PEER_KEY_THERE", "sk_never_to_be_shown")
	here := federatedIn(t.TempDir())
	here.config.Peers.CA = ca.File("ca.pem")
	here.run(t)
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		says   string
	}{
		"expired": {func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "certificate has expired"},
		"other":   {func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 9, 8, 7)} }, "certificate is valid for 10.9.8.7, not 127.0.0.1"},
	} {
		address := badlyServed(t, ca, name, c.change)
		for _, scheme := range []string{"umicps", "wss"} {
			peer := name + "." + scheme
			here.must("peer.add", fmt.Sprintf(`{"name":%q,"url":"%s://%s","credential":"there","rules":[{"rooms":"chat.*"}]}`, peer, scheme, address))
			eventually(t, "the link "+peer+" tries again, and says that "+c.says, func() bool {
				line := here.must("peer.list", fmt.Sprintf(`{"prefix":%q}`, peer))["items"].([]any)[0].(map[string]any)
				attempts, _ := line["attempts"].(float64)
				said, _ := line["last_error"].(string) // on a slow machine it may be another one for a while
				if line["state"] == "connected" {
					t.Fatalf("%s is %v, want an error with %q", peer, line, c.says)
				}
				return attempts >= 2 && strings.Contains(said, c.says)
			})
		}
	}
}

// badlyServed listens with a certificate that nobody should trust, and fails the test when somebody does.
func badlyServed(t *testing.T, ca *certstest.CA, name string, change func(*x509.Certificate)) (address string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(ca.Issue(name, name, "", change))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if n, _ := conn.Read(make([]byte, 1)); n > 0 {
				t.Errorf("somebody speaks to the server whose certificate is wrong: %s", name)
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}
