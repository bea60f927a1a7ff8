package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// connection is what one call of Watch does: it delivers events at these positions, 0 being a Flush of none, and ends.
type connection struct {
	events []uint64
	err    error
}

// flaky is a server with one connection after the other; the last one stands for all that follow.
type flaky struct {
	command.Executor
	connections []connection
	asked       []string        // what each call asked for
	after       []time.Duration // when each was made
	began       time.Time
}

func (f *flaky) Watch(_ context.Context, r *command.Request, sink command.Sink) error {
	payload, err := payloadOf(r)
	if err != nil {
		return err
	}
	f.asked, f.after = append(f.asked, string(payload)), append(f.after, time.Since(f.began))
	c := f.connections[0]
	if len(f.connections) > 1 {
		f.connections = f.connections[1:]
	}
	for _, seq := range c.events {
		if err := sink.Event(journal.Position{Seq: seq}, json.RawMessage(fmt.Sprint(seq))); err != nil {
			return err
		}
	}
	return c.err
}

// seqs is a sink that remembers where its events were.
type seqs struct{ all []uint64 }

func (s *seqs) Event(at journal.Position, _ any) error {
	s.all = append(s.all, at.Seq)
	return nil
}
func (s *seqs) Flush(journal.Position) error { return nil }

var (
	errCut  = fault.Wrap(fault.Unavailable, errBroken, "cut")
	errGone = fault.Wrap(fault.Unavailable, errNoServer, "gone")
	errOver = fault.New(fault.Unavailable, "shutting down")
	errLate = fault.New(fault.OutOfRange, "too long ago")
)

func TestFollowing(t *testing.T) {
	tests := []struct {
		name        string
		request     string
		connections []connection
		got         []uint64
		err         error
		asked       []string
	}{
		{
			name: "a watch that ends", request: `{"key":"a"}`,
			connections: []connection{{[]uint64{1, 2}, nil}},
			got:         []uint64{1, 2}, asked: []string{`{"key":"a"}`},
		},
		{
			name: "a broken one goes on where it was", request: `{"key":"a","from":"7"}`,
			connections: []connection{{[]uint64{8, 9}, errCut}, {nil, errGone}, {[]uint64{10}, errCut}, {[]uint64{11}, nil}},
			got:         []uint64{8, 9, 10, 11},
			asked: []string{
				`{"key":"a","from":"7"}`, `{"from":"9","key":"a"}`, `{"from":"9","key":"a"}`, `{"from":"10","key":"a"}`,
			},
		},
		{
			name: "the limit counts all events", request: `{"limit":3}`,
			connections: []connection{{[]uint64{1, 2}, errCut}, {[]uint64{3}, nil}},
			got:         []uint64{1, 2, 3}, asked: []string{`{"limit":3}`, `{"from":"2","limit":1}`},
		},
		{
			name: "one that breaks when it is done is done", request: `{"limit":2}`,
			connections: []connection{{[]uint64{1, 2}, errCut}},
			got:         []uint64{1, 2}, asked: []string{`{"limit":2}`},
		},
		{
			name: "numbers come through whole", request: `{"from_offset":9007199254740993}`,
			connections: []connection{{[]uint64{1}, errCut}, {nil, nil}},
			got:         []uint64{1}, asked: []string{`{"from_offset":9007199254740993}`, `{"from":"1","from_offset":9007199254740993}`},
		},
		{
			name: "no server to begin with", request: `{}`,
			connections: []connection{{nil, errGone}}, err: errGone, asked: []string{`{}`},
		},
		{
			name: "events without positions", request: `{}`,
			connections: []connection{{[]uint64{0, 0}, errCut}},
			got:         []uint64{0, 0}, err: errCut, asked: []string{`{}`},
		},
		{
			name: "the server says that it is over", request: `{}`,
			connections: []connection{{[]uint64{1}, errOver}},
			got:         []uint64{1}, err: errOver, asked: []string{`{}`},
		},
		{
			name: "away too long for the server's memory", request: `{}`,
			connections: []connection{{[]uint64{1}, errCut}, {nil, errLate}},
			got:         []uint64{1}, err: errLate, asked: []string{`{}`, `{"from":"1"}`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, sink := &flaky{connections: test.connections}, new(seqs)
				f := &follower{server: server, sink: sink, patience: time.Minute, stderr: io.Discard}
				err := f.follow(t.Context(), &command.Request{Caller: auth.Local(), Payload: command.JSON(test.request)})
				if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
					t.Errorf("it ends with %v, want %v", err, test.err)
				}
				if !slices.Equal(sink.all, test.got) || !slices.Equal(server.asked, test.asked) {
					t.Errorf("events %v, want %v\nasked %s\nwant  %s", sink.all, test.got, server.asked, test.asked)
				}
			})
		})
	}
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &flaky{connections: []connection{{[]uint64{1}, errCut}, {nil, errGone}}, began: time.Now()}
		var said bytes.Buffer
		f := &follower{server: server, sink: new(seqs), patience: 5 * time.Second, stderr: &said}
		err := f.follow(t.Context(), &command.Request{Caller: auth.Local(), Payload: command.JSON(`{}`)})
		if !errors.Is(err, errNoServer) {
			t.Errorf("it ends with %v, want %v", err, errGone)
		}
		want := []time.Duration{0, 0, 100, 300, 700, 1500, 3100}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(server.after, want) {
			t.Errorf("it tries at %v, want %v", server.after, want)
		}
		if said.String() != "synap: cut; going on from there\n" {
			t.Errorf("it says %q", said.String())
		}
	})
}

func TestPatienceEndsWhenInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		server := &flaky{connections: []connection{{[]uint64{1}, errCut}, {nil, errGone}}}
		f := &follower{server: server, sink: new(seqs), patience: time.Hour, stderr: io.Discard}
		began := time.Now()
		err := f.follow(ctx, &command.Request{Caller: auth.Local(), Payload: command.JSON(`{}`)})
		if err == nil || time.Since(began) != time.Second {
			t.Errorf("it ends after %v with %v, want at once when it is interrupted", time.Since(began), err)
		}
	})
}

// wire is a connection to a server that can be cut.
type wire struct {
	listener net.Listener
	target   string
	pumps    sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	over  bool // no more are made
}

// newWire listens in front of the server.
func newWire(t *testing.T, url string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, target: strings.TrimPrefix(url, "http://")}
	w.pumps.Go(w.accept)
	t.Cleanup(func() {
		_ = l.Close()
		w.mu.Lock()
		w.over = true // also for one that is being made
		w.mu.Unlock()
		w.cut()
		w.pumps.Wait()
	})
	return w
}

func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

func (w *wire) accept() {
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		w.mu.Lock()
		if w.conns = append(w.conns, in, out); w.over {
			_, _ = in.Close(), out.Close()
		}
		w.mu.Unlock()
		for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
			w.pumps.Go(func() {
				_, _ = io.Copy(pair[0], pair[1]) // ends when either end does
				_ = pair[0].Close()
				_ = pair[1].Close()
			})
		}
	}
}

// cut breaks every connection there is. New ones can be made.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// printed collects what a program prints, line by line.
type printed chan string

func (p printed) Write(data []byte) (int, error) {
	for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
		p <- line
	}
	return len(data), nil
}

// TestAFollowerSurvivesABrokenConnection prints every event once, in order, whatever happens to the connection.
func TestAFollowerSurvivesABrokenConnection(t *testing.T) {
	url := serve(t)
	w := newWire(t, url)
	add := func(text string) {
		t.Helper()
		if got := synap(t, "", "stream", "append", "room", text, "--server", url); got.code != 0 {
			t.Fatal(got)
		}
	}
	add("0")
	out, said := make(printed, 100), make(printed, 100)
	done := make(chan int, 1)
	go func() {
		done <- run(t.Context(), strings.Fields("stream watch room --from-offset 0 --limit 5 -o json --server "+w.url()), strings.NewReader(""), out, said)
	}()
	for i := range 5 {
		var event struct {
			Offset uint64
			Data   string
		}
		line := <-out
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Offset != uint64(i) || event.Data != fmt.Sprint(i) {
			t.Fatalf("line %d is %s, %v", i, line, err)
		}
		if i%2 == 0 {
			w.cut()
		}
		if i < 4 {
			add(fmt.Sprint(i + 1))
		}
	}
	if code := <-done; code != 0 || len(out) != 0 {
		t.Errorf("it ends with %d, and %d lines more", code, len(out))
	}
	if line := <-said; !strings.Contains(line, "in the middle; going on from there") {
		t.Errorf("it says %q", line)
	}
}
