package umicp_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// TestWhatAPeerAskedBeforeItLeft: when the answers cannot be sent any more, what has come of its requests is not run.
func TestWhatAPeerAskedBeforeItLeft(t *testing.T) { everyWay(t, testWhatAPeerAskedBeforeItLeft) }

func testWhatAPeerAskedBeforeItLeft(t *testing.T, serving opener) {
	l, door, _ := serving(t, umicp.Options{})
	other := greeted(t, l, nil)
	other.send(other.ask(0, 0, "kv.set", map[string]any{"key": "part", "value": strings.Repeat("x", 512<<10)}))
	other.expect(0, other.id, `[0,{"version"`)
	p := greeted(t, l, nil)
	var all []byte
	for range 200 { // a hundred MiB, of which no system takes half without somebody who reads
		all = append(all, p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "part"}))...)
	}
	all = append(all, p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": "last", "value": 1}))...)
	p.write(all)
	if _, err := io.ReadFull(p.conn, make([]byte, umx.HeaderBytes)); err != nil {
		t.Fatal(err)
	}
	_ = p.conn.Close()
	for door.Sessions() > 1 {
		runtime.Gosched()
	}
	other.send(other.ask(0, 0, "kv.get", map[string]any{"key": "last"}))
	other.expect(0, other.id, `"found":false`)
}
