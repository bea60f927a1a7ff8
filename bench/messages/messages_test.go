package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestEverythingRuns runs all of it, briefly, against Synap and whatever peers are installed.
func TestEverythingRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts servers")
	}
	var out bytes.Buffer
	o := options{rounds: 1, duration: 10 * time.Millisecond, connections: 2, idle: 20, idleFor: 10 * time.Millisecond, peers: true, out: &out}
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if want := len(scenarios()) + 1; strings.Count(out.String(), "  synap over HTTP") != want {
		t.Errorf("synap is not in all of %d tables:\n%s", want, out.String())
	}
}

// TestTheDiskRuns does the same for what is kept on disk.
func TestTheDiskRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts servers")
	}
	var out bytes.Buffer
	o := options{rounds: 1, duration: 10 * time.Millisecond, connections: 2, dir: t.TempDir(), writers: []int{2}, keys: 100, out: &out}
	if err := disk(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"synap --fsync always", "synap --fsync periodic", "from the log alone", "during a snapshot", "from a snapshot"} {
		if !strings.Contains(out.String(), "  "+want) {
			t.Errorf("there is nothing about %q:\n%s", want, out.String())
		}
	}
}

// show writes a reply as one would read it.
func show(r reply) string {
	if r.list == nil {
		return string(r.text)
	}
	parts := make([]string, len(r.list))
	for i, item := range r.list {
		parts[i] = show(item)
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func TestReadReply(t *testing.T) {
	for _, c := range []struct{ name, in, want, err string }{
		{name: "a simple string", in: "+OK\r\n", want: "OK"},
		{name: "a number", in: ":42\r\n", want: "42"},
		{name: "a bulk string", in: "$5\r\na\r\nbc\r\n", want: "a\r\nbc"},
		{name: "an empty bulk string", in: "$0\r\n\r\n", want: ""},
		{name: "nothing", in: "$-1\r\n", want: ""},
		{name: "no list", in: "*-1\r\n", want: ""},
		{name: "a list of lists", in: "*2\r\n*1\r\n$1\r\na\r\n:7\r\n", want: "[[a] 7]"},
		{name: "an error", in: "-ERR no\r\n", err: "ERR no"},
		{name: "an error in a list", in: "*1\r\n-ERR no\r\n", err: "ERR no"},
		{name: "another kind", in: "!1\r\n", err: "no reply"},
		{name: "no kind", in: "\r\n", err: "no reply"},
		{name: "a line that ends otherwise", in: "+OK\n", err: "no reply"},
		{name: "a length that is none", in: "$x\r\n", err: "invalid syntax"},
		{name: "a length below nothing", in: "$-2\r\n", err: "no reply"},
		{name: "a length beyond bounds", in: "$99999999\r\n", err: "no reply"},
		{name: "a list beyond bounds", in: "*99999999\r\n", err: "no reply"},
		{name: "lists without end", in: strings.Repeat("*1\r\n", 20), err: "no reply"},
		{name: "cut off", in: "$5\r\nabc", err: "unexpected EOF"},
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(c.in)), maxReplyDepth)
		if (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
		if err == nil && show(got) != c.want {
			t.Errorf("%s: %q, want %q", c.name, show(got), c.want)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\na\r\n:7\r\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = readReply(bufio.NewReader(bytes.NewReader(data)), maxReplyDepth) // it must not panic
	})
}

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct{ name, in, want, err string }{
		{name: "a body", in: "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 2\r\n\r\nhi", want: "hi"},
		{name: "no body", in: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: ""},
		{name: "a failure", in: "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", err: "404"},
		{name: "no length", in: "HTTP/1.1 200 OK\r\n\r\n", err: "not how long"},
		{name: "a length that is none", in: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", err: "invalid syntax"},
		{name: "a length beyond bounds", in: "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", err: "not how long"},
		{name: "another protocol", in: "SSH\r\nContent-Length: 0\r\n\r\n", err: "SSH"},
		{name: "cut off", in: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", err: "unexpected EOF"},
	} {
		conn := &httpConn{in: bufio.NewReader(strings.NewReader(c.in))}
		got, err := conn.answer()
		if (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q, %q", c.name, got, err, c.want, c.err)
		}
	}
}

func TestField(t *testing.T) {
	const answer = `{"messages":[{"receipt":"a-1","attempt":1}],"ready":0}`
	for name, want := range map[string]string{"receipt": "a-1", "attempt": "1", "ready": "0"} {
		if got, err := field([]byte(answer), name); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
	if got, err := field([]byte(answer), "missing"); err == nil {
		t.Errorf("what is missing is %q", got)
	}
}

// TestArrivals publishes to subscribers that hear at different times.
func TestArrivals(t *testing.T) {
	const subscribers, burst = 3, 4
	a := &arrivals{all: make(chan struct{}, 1)}
	var hear []func()
	for range subscribers {
		hear = append(hear, a.listener())
	}
	sent := 0
	publisher := &client{step: func() error {
		sent++
		for _, h := range hear {
			h()
		}
		return nil
	}}
	for round := 1; round <= 3; round++ {
		if err := a.burst(t.Context(), []*client{publisher}, burst, subscribers); err != nil || sent != round*burst {
			t.Errorf("round %d: %d sent, %v", round, sent, err)
		}
	}
	broken := &client{step: func() error { return fmt.Errorf("broken") }}
	if err := a.burst(t.Context(), []*client{broken}, burst, subscribers); err == nil {
		t.Error("a publisher that breaks is no error")
	}
}
