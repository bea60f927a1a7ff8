package umicp_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// counting counts what goes over a connection.
type counting struct {
	net.Conn
	in, out atomic.Int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.in.Add(int64(n))
	return n, err
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.out.Add(int64(n))
	return n, err
}

// TestTrafficIsCounted: what the metrics say has gone through the door is what went over its connections, in large and small
// frames, alone and together.
func TestTrafficIsCounted(t *testing.T) {
	l, door, stop := serving(t, umicp.Options{})
	conn := &counting{Conn: l.dial()}
	p := newPeer(t, conn)
	sent, got := 1, 1
	p.send(hello(func(h *umx.Hello) { h.MaxFrame = 64 << 10 }))
	p.bare(umx.KindWelcome)
	var together []byte
	for i := range 10 {
		together = append(together, p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": fmt.Sprint(i), "value": strings.Repeat("v", 20_000)}))...)
		sent++
	}
	p.write(together)
	for i := range 10 {
		p.expect(0, uint64(i+1))
		got++
	}
	p.send(p.ask(0, 0, "kv.mget", map[string]any{"keys": []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}}))
	sent++
	for { // an answer of 200 KB, in fragments
		f, err := p.reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		got++
		if f.Last() {
			break
		}
	}
	go stop() // says goodbye in one more frame, which a pipe takes when it is read
	if f := p.next(); f.Kind != umx.KindGoAway {
		t.Fatalf("kind %d", f.Kind)
	}
	got++
	stop() // returns when it has
	want := fmt.Sprintf(`
		# HELP synap_umicp_bytes_total Bytes of frames of UMICP, over any carrier.
		# TYPE synap_umicp_bytes_total counter
		synap_umicp_bytes_total{direction="in"} %d
		synap_umicp_bytes_total{direction="out"} %d
		# HELP synap_umicp_frames_total Frames of UMICP, over any carrier.
		# TYPE synap_umicp_frames_total counter
		synap_umicp_frames_total{direction="in"} %d
		synap_umicp_frames_total{direction="out"} %d
		# HELP synap_umicp_sessions Open sessions of UMICP, over TCP and WebSocket.
		# TYPE synap_umicp_sessions gauge
		synap_umicp_sessions 0
	`, conn.out.Load(), conn.in.Load(), sent, got)
	if err := testutil.CollectAndCompare(door, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
