package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// crowd is how many connections a server has to bear in every test run. Two loopback addresses are where they come from.
const crowd = 10_000

// mostBytesEach is what an idle subscriber may cost the server, all in all. Of an event stream's 19 KB and a WebSocket's 25 KB a third
// are the stacks of its two goroutines, which is why they are kept small (http/apart.go, http/socket.go).
const mostBytesEach = 30 << 10

// watchBody asks for the changes of a key that nobody changes.
const watchBody = `{"type":"request","request_id":"w","command":"kv.watch","payload":{"keys":["quiet"]}}`

// subscribe makes a connection a subscriber and returns when the server has said that it is one.
var subscribe = map[string]func(conn net.Conn, r *bufio.Reader) error{
	"event stream": func(conn net.Conn, r *bufio.Reader) error {
		_, err := fmt.Fprintf(conn, "POST /api/v1/command HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"+
			"Content-Length: %d\r\n\r\n%s", len(watchBody), watchBody)
		if err != nil {
			return err
		}
		return awaitLine(r, ": ready")
	},
	"WebSocket": func(conn net.Conn, r *bufio.Reader) error {
		_, err := io.WriteString(conn, "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		if err != nil {
			return err
		}
		if err := awaitLine(r, "101 Switching"); err != nil {
			return err
		}
		// One masked frame of text; a mask of zeros leaves it as it is.
		if _, err := io.WriteString(conn, "\x81\xfe"+string([]byte{byte(len(watchBody) >> 8), byte(len(watchBody))})+"\x00\x00\x00\x00"+watchBody); err != nil {
			return err
		}
		for {
			part, err := r.ReadSlice('}')
			if err != nil || strings.Contains(string(part), `"watching":true`) {
				return err
			}
		}
	},
}

// awaitLine reads lines until one has the text in it.
func awaitLine(r *bufio.Reader, text string) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if strings.Contains(string(line), text) {
			return nil
		}
	}
}

// TestACrowdOfSubscribers: ten thousand of them are idle on one server, which goes on serving others and takes little memory.
func TestACrowdOfSubscribers(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	n := min(crowd, int(min(limit.Cur, 1<<20))-500)
	if n < crowd {
		t.Logf("this system allows %d open files: a crowd of %d has to do", limit.Cur, n)
	}
	for kind, subscribe := range subscribe {
		t.Run(kind, func(t *testing.T) {
			server, url := startWith(t, file(t, "memory: true\n"))
			get(t, url+"/metrics")
			before := resident(t, server)
			conns := gather(t, strings.TrimPrefix(url, "http://"), n, subscribe)
			each := (resident(t, server) - before) / int64(n)
			t.Logf("%d subscribers cost %d bytes each", n, each)
			if each > mostBytesEach && !underRace {
				t.Errorf("a subscriber costs %d bytes, more than %d", each, mostBytesEach)
			}
			if metrics := get(t, url+"/metrics"); !strings.Contains(metrics, fmt.Sprintf(`synap_connections{door="http"} %d`, n+1)) {
				t.Errorf("they are not counted: %s", metrics[max(0, strings.Index(metrics, "synap_connections")):][:300])
			}
			if got := synap(t, "", "kv", "set", "other", "1", "--server", url); got.code != 0 {
				t.Errorf("in the crowd nobody else is served: %+v", got)
			}
			for _, conn := range conns {
				_ = conn.Close()
			}
			eventually(t, "all have gone", func() bool {
				return strings.Contains(get(t, url+"/metrics"), `synap_connections{door="http"} 1`+"\n")
			})
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// gather opens so many connections, from two addresses, and makes them subscribers.
func gather(t *testing.T, address string, n int, subscribe func(net.Conn, *bufio.Reader) error) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	var all sync.WaitGroup
	const workers = 32
	for w := range workers {
		all.Go(func() {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+w%2))}}
			r := bufio.NewReader(nil)
			for i := w; i < n; i += workers {
				conn, err := dialer.DialContext(t.Context(), "tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				conns[i] = conn
				r.Reset(conn)
				if err := subscribe(conn, r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
		t.FailNow()
	}
	return conns
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url) //nolint:gosec // of a server that the test has started
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// resident is how much memory a process takes.
func resident(t *testing.T, c *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Skip("what a process takes can be seen on Linux only")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
