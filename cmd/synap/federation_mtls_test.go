package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivellm/synap-go/certs/certstest"
)

// demanding is a server that lets nobody in who shows no certificate; whom they stand for is said by their URIs.
func demanding(t *testing.T, ca *certstest.CA) *federated {
	t.Helper()
	there := federatedIn(t.TempDir())
	tls := &there.config.TLS
	tls.Cert, tls.Key = ca.Issue("server", "server", "")
	tls.ClientCA, tls.ClientAuth = ca.File("ca.pem"), "require"
	ca.Issue("revoked", "whoever", "spiffe://example.org/paris")
	tls.ClientCRL = ca.Revoke("clients.crl", time.Now().Add(time.Hour), "revoked")
	tls.Principals = []string{"uri:spiffe://example.org/paris=paris", "uri:spiffe://example.org/rome=rome", "uri:spiffe://example.org/gone=gone"}
	there.run(t)
	return there
}

// showing is a server that has certificates of an authority in its folder.
func showing(t *testing.T, ca *certstest.CA) *federated {
	t.Helper()
	here := federatedIn(t.TempDir())
	here.config.Peers.CA, here.config.Peers.Certs = ca.File("ca.pem"), ca.Dir
	here.run(t)
	return here
}

// peer is how a peer is listed.
func (f *federated) peer(name string) map[string]any {
	f.t.Helper()
	for _, item := range f.must("peer.list", fmt.Sprintf(`{"prefix":%q}`, name))["items"].([]any) {
		if line := item.(map[string]any); line["name"] == name {
			return line
		}
	}
	f.t.Fatalf("there is no peer %s", name)
	return nil
}

// urls are where the server is found over TLS, by the protocol.
func (f *federated) urls() map[string]string {
	return map[string]string{
		"umicps": "umicps://" + f.server.peers[0].Addr().String(), "wss": "wss://" + strings.TrimPrefix(f.url, "https://") + "/umicp",
	}
}

const mayExchange = `"permissions":["write:peer","write:stream:chat.*","read:server"]`

// authors are who wrote the events of a room.
func (f *federated) authors(room string) (all []string) {
	f.t.Helper()
	for _, e := range f.must("stream.read", fmt.Sprintf(`{"room":%q,"start":"earliest","limit":1000}`, room))["events"].([]any) {
		all = append(all, e.(map[string]any)["by"].(string))
	}
	return all
}

// TestLinksShowCertificates links with a server that demands them, by both protocols: who shows none, one from elsewhere, one that has expired or was
// revoked, or one that names nobody, is linked with nobody and says what to do; a link ends when whom its certificate stands for is nobody any more.
func TestLinksShowCertificates(t *testing.T) {
	ca, other := certstest.New(t), certstest.New(t)
	there, here := demanding(t, ca), showing(t, ca)
	there.key(`{"name":"paris",` + mayExchange + `}`)
	ca.Issue("good", "whoever", "spiffe://example.org/paris")
	ca.Issue("late", "whoever", "spiffe://example.org/paris", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	ca.Issue("unknown", "whoever", "spiffe://example.org/somebody")
	ca.Issue("gone", "whoever", "spiffe://example.org/gone")
	ca.Issue("forserversonly", "whoever", "spiffe://example.org/paris", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for _, ending := range []string{".pem", ".key"} { // where they are looked for
		copyFile(t, other.File("foreign"+ending), ca.File("foreign"+ending), func() { other.Issue("foreign", "whoever", "spiffe://example.org/paris") })
		copyFile(t, ca.File(map[string]string{".pem": "good", ".key": "late"}[ending]+ending), ca.File("mixed"+ending), func() {})
	}
	events := 0
	for scheme, url := range there.urls() {
		for certificate, says := range map[string]string{
			"":               "the peer asks for a certificate: it was shown none",
			"foreign":        `the peer refuses the certificate "foreign": it does not know the authority that the certificate is from`,
			"late":           `the peer refuses the certificate "late": the certificate has expired`,
			"forserversonly": `the peer refuses the certificate "forserversonly": `,
			"revoked":        `the peer refuses the certificate "revoked": the certificate is none that it takes: `,
			"unknown":        `the certificate "unknown" alone does not say who comes: `,
			"gone":           `the certificate names "gone", and there is no key or user of that name`,
			"none":           `there is no certificate "none": in ` + ca.Dir + " there is no file none.pem",
			"mixed":          "peers.certs: mixed.pem and mixed.key: ",
		} {
			peer := scheme + "." + certificate + "x"
			here.must("peer.add", fmt.Sprintf(`{"name":%q,"url":%q,"certificate":%q,"rules":[{"rooms":"chat.*"}]}`, peer, url, certificate))
			eventually(t, "the link "+peer+" says that "+says, func() bool {
				line := here.peer(peer)
				said, _ := line["last_error"].(string) // on a slow machine it may be another one at first: it tries again
				if line["state"] == "connected" {
					t.Fatalf("%s is %v, want an error with %q", peer, line, says)
				}
				return strings.Contains(said, says)
			})
			here.must("peer.remove", fmt.Sprintf(`{"name":%q}`, peer))
		}
		here.must("peer.add", fmt.Sprintf(`{"name":%q,"url":%q,"certificate":"good","rules":[{"rooms":"chat.*"}]}`, scheme, url))
		here.must("stream.append", `{"room":"chat.1","data":"here"}`)
		events++
		there.holds("chat.1", events)
		eventually(t, "the link "+scheme+" is up", func() bool { return here.peer(scheme)["state"] == "connected" })
		if line := here.peer(scheme); line["certificate"] != "good" {
			t.Errorf("%s is %v", scheme, line)
		}
	}
	if got := there.authors("chat.1"); slices.ContainsFunc(got, func(by string) bool { return by != "paris" }) {
		t.Errorf("events are by %q", got)
	}
	there.must("auth.key.revoke", `{"key":"paris"}`)
	for scheme := range there.urls() {
		eventually(t, "the link "+scheme+" ends", func() bool {
			said, _ := here.peer(scheme)["last_error"].(string)
			return strings.Contains(said, `the certificate names "paris", and there is no key or user of that name`) || strings.Contains(said, "too many")
		})
	}
	there.key(`{"name":"paris",` + mayExchange + `}`)
	there.must("stream.append", `{"room":"chat.1","data":"there"}`)
	here.holds("chat.1", events+1)
}

// copyFile copies a file, which is made first.
func copyFile(t *testing.T, from, to string, made func()) {
	t.Helper()
	if _, err := os.Stat(from); err != nil {
		made()
	}
	text, err := os.ReadFile(filepath.Clean(from))
	if err == nil {
		err = os.WriteFile(filepath.Clean(to), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCertificatesOfLinksAreReplaced replaces the link's certificate while events flow: the connection goes on, the next one shows the new
// certificate, and nothing is lost or comes twice.
func TestCertificatesOfLinksAreReplaced(t *testing.T) {
	ca := certstest.New(t)
	there, here := demanding(t, ca), showing(t, ca)
	there.key(`{"name":"paris",` + mayExchange + `}`)
	there.key(`{"name":"rome",` + mayExchange + `}`)
	ca.Issue("own", "whoever", "spiffe://example.org/paris")
	here.must("peer.add", fmt.Sprintf(`{"name":"there","url":%q,"certificate":"own","rules":[{"rooms":"chat.*","direction":"out"}]}`, there.urls()["umicps"]))
	var stop atomic.Bool
	var writing sync.WaitGroup
	n := 0
	writing.Go(func() {
		for ; !stop.Load(); n++ {
			here.must("stream.append", fmt.Sprintf(`{"room":"chat.1","data":"%06d"}`, n))
		}
	})
	defer writing.Wait()
	defer stop.Store(true)
	offset, last := 0.0, ""
	by := func(who string) func() bool {
		return func() bool {
			if rooms, _ := there.must("stream.list", `{}`)["items"].([]any); len(rooms) == 0 {
				return false
			}
			read := there.must("stream.read", fmt.Sprintf(`{"room":"chat.1","from_offset":%v,"limit":10000}`, offset))
			offset = read["next_offset"].(float64)
			if events := read["events"].([]any); len(events) > 0 {
				last = events[len(events)-1].(map[string]any)["by"].(string)
			}
			return last == who
		}
	}
	eventually(t, "paris writes", by("paris"))
	ca.Issue("own", "whoever", "spiffe://example.org/rome")
	for _, item := range there.must("server.clients", `{}`)["clients"].([]any) {
		there.must("server.disconnect", fmt.Sprintf(`{"id":%v}`, item.(map[string]any)["id"]))
	}
	eventually(t, "rome writes", by("rome"))
	stop.Store(true)
	writing.Wait()
	got := there.holds("chat.1", n)
	for i, text := range got {
		if text != fmt.Sprintf("%06d", i) {
			t.Fatalf("event %d of %d is %s", i, n, text)
		}
	}
}
