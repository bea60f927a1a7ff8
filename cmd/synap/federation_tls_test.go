package main

import (
	"fmt"
	"strings"
	"testing"

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
