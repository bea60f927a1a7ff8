package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// TestTheCommandLineOverUMICP: the same commands with the same answers, followed watches and exit codes; what is done over HTTP
// says so.
func TestTheCommandLineOverUMICP(t *testing.T) {
	server := wholeServer(t)
	for _, address := range []string{"umicp://" + server.peers, strings.Replace(server.url, "http", "ws", 1)} {
		for _, test := range []struct {
			name, args, out, err string
			code                 exitCode
		}{
			{name: "a write", args: "kv set greeting hello", out: "version"},
			{name: "a read", args: "kv get greeting", out: "hello"},
			{name: "JSON", args: `kv get greeting -o json`, out: `"found":true`},
			{name: "a wait", args: "queue receive jobs --wait 10ms -o json", out: `"messages":[]`},
			{name: "a namespace", args: "kv get greeting --namespace elsewhere -o json", out: `"found":false`, code: exitNotFound},
			{name: "a condition that fails", args: "kv set greeting 2 --if-version 99", code: exitConflict, err: "version 99"},
			{name: "HTTP alone", args: "health", code: exitUsage, err: "over HTTP"},
			{name: "and so is this", args: "mcp", code: exitUsage, err: "over HTTP"},
		} {
			r := synap(t, "", append(strings.Fields(test.args), "--server", address)...)
			if exitCode(r.code) != test.code || !strings.Contains(r.out, test.out) || !strings.Contains(r.err, test.err) {
				t.Errorf("%s at %s: exit code %d, %q, %q", test.name, address, r.code, r.out, r.err)
			}
		}
		// What happened after a position is followed until the limit.
		var now struct{ Position string }
		r := synap(t, "", "kv", "watch", "greeting", "--wait-ms", "1", "-o", "json", "--server", address)
		if err := json.Unmarshal([]byte(r.out), &now); err != nil || now.Position == "" {
			t.Fatalf("a watch that is answered once: %q, %q", r.out, r.err)
		}
		synap(t, "", "kv", "set", "greeting", "good morning", "--server", address)
		synap(t, "", "kv", "set", "greeting", "good evening", "--server", address)
		r = synap(t, "", "kv", "watch", "greeting", "--from", now.Position, "--limit", "2", "-o", "json", "--server", address)
		if r.code != 0 || strings.Count(r.out, "greeting") != 2 || !strings.Contains(r.out, "good evening") {
			t.Errorf("a watch at %s: exit code %d, %q, %q", address, r.code, r.out, r.err)
		}
	}
	if r := synap(t, "", "kv", "get", "a", "--server", "umicp://127.0.0.1:1"); exitCode(r.code) != exitUnavailable || !strings.Contains(r.err, "127.0.0.1:1") {
		t.Errorf("where nobody is: exit code %d, %q", r.code, r.err)
	}
	if r := synap(t, "", "kv", "get", "a", "--server", "gopher://127.0.0.1:1"); exitCode(r.code) != exitUsage || !strings.Contains(r.err, "umicp://") {
		t.Errorf("an unknown protocol: exit code %d, %q", r.code, r.err)
	}
}

// inPlace is a sink that says when the watch is in place.
type inPlace struct{ yes chan struct{} }

func (inPlace) Event(journal.Position, any) error { return nil }

func (p inPlace) Flush(journal.Position) error {
	select {
	case p.yes <- struct{}{}:
	default:
	}
	return nil
}

// TestAWatchOverUMICPEndsWithItsServer: whoever follows is told that the connection broke, as over HTTP, and decides how long to try again.
func TestAWatchOverUMICPEndsWithItsServer(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := newServer(&Config{HTTP: "127.0.0.1:0", Auth: "off"}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	table := tableForTests(t)
	server := newAsker(&Config{Server: "umicp://" + s.peers[0].Addr().String(), DataDir: t.TempDir()}, table)
	defer server.close()
	c, err := table.Find("kv.watch")
	if err != nil {
		t.Fatal(err)
	}
	over, place := make(chan error, 1), inPlace{make(chan struct{}, 1)}
	go func() {
		over <- server.Watch(t.Context(), &command.Request{Caller: auth.Local(), Command: c, Payload: command.JSON(`{"keys":["a"]}`)}, place)
	}()
	<-place.yes
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if err := <-over; fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, errBroken) {
		t.Errorf("the watch ended with %v", err)
	}
	if _, err := server.Do(t.Context(), &command.Request{Caller: auth.Local(), Command: c}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("and a call with %v", err)
	}
}
