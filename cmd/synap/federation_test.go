package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/fault"
)

// federated is a whole server with a data directory in this process, which can be ended and started again.
type federated struct {
	*asking
	config *Config
	log    bytes.Buffer
	stop   func()
}

func federate(t *testing.T, dir string, links ...string) *federated {
	t.Helper()
	f := federatedIn(dir, links...)
	if err := f.config.validatePeers(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(f.config.Peers.Keys, 0o700); err != nil {
		t.Fatal(err)
	}
	f.run(t)
	return f
}

// federatedIn is the server before it runs.
func federatedIn(dir string, links ...string) *federated {
	f := &federated{config: &Config{HTTP: "127.0.0.1:0", MaxBody: 16 << 20, Auth: "on", DataDir: filepath.Join(dir, "data")}}
	f.config.Persistence.Enabled = true
	f.config.Persistence.WAL.FsyncMode, f.config.Persistence.WAL.FsyncIntervalMS, f.config.Persistence.WAL.SegmentBytes = "always", 1000, 1<<20
	f.config.Peers.Keys, f.config.Peers.Links = filepath.Join(dir, "keys"), links
	return f
}

// run starts the server. Its ports are others each time.
func (f *federated) run(t *testing.T) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(&f.log)
	s, err := newServer(f.config, log)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan firstKey, 1)
	s.onReady = func(k firstKey) { ready <- k }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		ended <- nil
	}
	t.Cleanup(f.stop)
	<-ready
	f.asking = &asking{t: t, url: s.url(), server: s, executor: s.engine.Dispatcher()}
}

// peerURL is where its peers find it.
func (f *federated) peerURL() string { return "umicp://" + f.server.peers[0].Addr().String() }

// holds waits until a room has so many events, and returns their texts in order.
func (f *federated) holds(room string, n int) (all []string) {
	f.t.Helper()
	for offset := 0; len(all) < n; {
		read := f.must("stream.read", fmt.Sprintf(`{"room":%q,"from_offset":%d,"wait_ms":5000}`, room, offset))
		for _, e := range read["events"].([]any) {
			all = append(all, e.(map[string]any)["data"].(string))
		}
		offset = int(read["next_offset"].(float64))
	}
	slices.Sort(all)
	return all
}

// TestServersLinkWithEachOther has three whole servers in a ring, over TCP and with keys, one of which is started again; then
// their keys are looked for where they must not be.
func TestServersLinkWithEachOther(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	var all []*federated
	for _, dir := range dirs {
		all = append(all, federate(t, dir))
	}
	keys := make([]string, 3)
	for i, f := range all {
		keys[i] = f.key(`{"name":"peers","permissions":["write:peer","write:stream:chat.*","read:server"]}`)
	}
	link := func(i int) {
		next := (i + 1) % 3
		if err := os.WriteFile(filepath.Join(all[i].config.Peers.Keys, "next"), []byte(keys[next]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		all[i].must("peer.add", fmt.Sprintf(`{"name":"next","url":%q,"credential":"next","rules":[{"rooms":"chat.*"}]}`, all[next].peerURL()))
	}
	var want []string
	say := func(i int) {
		text := fmt.Sprintf("%d says %d", i, len(want))
		want = append(want, text)
		all[i].must("stream.append", fmt.Sprintf(`{"room":"chat.1","data":%q}`, text))
	}
	converge := func() {
		t.Helper()
		slices.Sort(want)
		for i, f := range all {
			if got := f.holds("chat.1", len(want)); !slices.Equal(got, want) {
				t.Fatalf("server %d holds %q, want %q", i, got, want)
			}
		}
	}
	for i := range all {
		say(i)
		link(i)
		say(i)
	}
	converge()

	all[1].stop()
	say(0)
	say(2)
	all[1].run(t)
	say(1)
	all[0].must("peer.update", fmt.Sprintf(`{"name":"next","url":%q}`, all[1].peerURL()))
	say(0)
	converge()

	for i, f := range all {
		if _, err := direct(t, f.executor).Play(t.Context(), "kv.set", []byte(`{"key":"a","value":"1"}`)); err != nil {
			t.Error(err)
		}
		told, err := json.Marshal(f.must("peer.list", `{}`))
		if err != nil {
			t.Fatal(err)
		}
		f.stop() // and then nobody writes to its log
		for _, key := range keys {
			if bytes.Contains(told, []byte(key)) || strings.Contains(f.log.String(), key) {
				t.Errorf("server %d tells a key", i)
			}
		}
		err = filepath.WalkDir(f.config.DataDir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			for _, key := range keys {
				if bytes.Contains(text, []byte(key)) {
					t.Errorf("there is a key in %s", path)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestPeersOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	shown := func(f *federated) (all []string) {
		for _, item := range f.must("peer.list", `{}`)["items"].([]any) {
			line := item.(map[string]any)
			all = append(all, fmt.Sprint(line["name"], " ", line["url"], " ", line["rules"], " ", line["configured"]))
		}
		return all
	}
	f := federate(t, dir, "a=umicps://a.invalid credential=a rooms=chat.*:both rooms=news:in", "b=umicps://b.invalid namespace=team")
	eventually(t, "the peers are there", func() bool { return len(shown(f)) == 2 })
	f.must("peer.add", `{"name":"c","url":"umicps://c.invalid","paused":true}`)
	f.stop()
	f.config.Peers.Links = []string{"a=umicps://a.invalid:1 credential=a rooms=chat.*:out"}
	f.run(t)
	want := []string{"a umicps://a.invalid:1 [map[direction:out rooms:chat.*]] true", "c umicps://c.invalid [] <nil>"}
	eventually(t, "the peers are those of the new configuration", func() bool { return slices.Equal(shown(f), want) })
	for _, entry := range []string{"", "a", "a=umicps://x extra=1", "a=umicps://x rooms=chat", "a=umicps://x rooms=chat:up", "A=umicps://x", "a=http://x"} {
		if _, err := parseLink(entry); fault.CodeOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "peers.links: ") {
			t.Errorf("%q: %v", entry, err)
		}
	}
	twice := &Config{}
	twice.Peers.Links = []string{"a=umicps://x", "a=umicps://y"}
	if err := twice.validatePeers(); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
}

func TestKeysOfPeers(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("file", "of the file\n")
	write("empty", " \n")
	write("large", strings.Repeat("x", maxKeyBytes+1))
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("not yours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SYNAP_PEER_KEY_NEW_YORK_2", "of the environment")
	c := &Config{}
	c.Peers.Keys = dir
	for name, want := range map[string]string{
		"file": "of the file", "new-york.2": "of the environment", "empty": "", "large": "", "folder": "", "link": "", "missing": "", "../secret": "",
	} {
		got, err := c.peerKey(name)
		if got != want || (want == "") != (fault.CodeOf(err) == fault.Unauthenticated) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := (&Config{}).peerKey("file"); fault.CodeOf(err) != fault.Unauthenticated {
		t.Error(err)
	}
}
