package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/klauspost/compress/gzip"
)

// mostHeap is what refusing a bomb may cost.
const mostHeap = 16 << 20

// zstdBomb is a frame of 32 KiB that inflates to a gigabyte: blocks that say "128 KiB of this byte".
func zstdBomb() []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xFD2FB528)
	b = append(b, 0x00, 0x38) // no content size, a window of 128 KiB
	const block, blocks = 128 << 10, 8192
	for i := range blocks {
		header := uint32(block<<3 | 1<<1) // run-length encoded
		if i == blocks-1 {
			header |= 1
		}
		b = append(b, byte(header), byte(header>>8), byte(header>>16), ' ')
	}
	return b
}

// gzipBomb inflates to a thousand times its size.
func gzipBomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	blank := bytes.Repeat([]byte{' '}, 1<<20)
	for range 64 {
		if _, err := w.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBombs: what is small and means to become large is refused at every door, for little memory.
func TestBombs(t *testing.T) {
	t.Setenv("SYNAP_AUTH", "off")
	c := &Config{HTTP: "127.0.0.1:0", MaxBody: 16 << 20, Auth: "off"}
	c.Log.Level, c.Log.Format = "error", "text"
	log, err := (&app{stderr: io.Discard}).newLog(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(c, log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.close() }()
	const million = 1_000_000
	deep := strings.Repeat("[", million) + strings.Repeat("]", million)
	envelope := `{"type":"request","command":"kv.set","payload":{"key":"a","value":` + deep + `}}`
	long := func(head ...byte) []byte { return append(head, 0xff, 0xff, 0xff, 0xff, 1, 2, 3) }
	for _, bomb := range []struct {
		name, path, kind, encoding string
		body                       []byte
		statuses                   []int
	}{
		{"zstd, a gigabyte", "/api/v1/command", "application/json", "zstd", zstdBomb(), []int{413}},
		{"zstd, a gigabyte, to a resource", "/v1/kv/set", "application/json", "zstd", zstdBomb(), []int{413}},
		{"zstd, a gigabyte, to MCP", "/mcp", "application/json", "zstd", zstdBomb(), []int{413, 400}},
		{"zstd, a gigabyte, to UMICP", "/umicp", "application/json", "zstd", zstdBomb(), []int{413}},
		{"gzip, a thousandfold", "/api/v1/command", "application/json", "gzip", gzipBomb(t), []int{413}},
		{"gzip, a thousandfold, to MCP", "/mcp", "application/json", "gzip", gzipBomb(t), []int{413, 400}},
		{"gzip, a thousandfold, to UMICP", "/umicp", "application/json", "gzip", gzipBomb(t), []int{413}},
		{"JSON a million deep", "/api/v1/command", "application/json", "", []byte(envelope), []int{400}},
		{"JSON a million deep, from its beginning", "/api/v1/command", "application/json", "", []byte(deep), []int{400}},
		{"JSON a million deep, to a command", "/v1/kv/set", "application/json", "", []byte(`{"key":"a","value":` + deep + `}`), []int{400}},
		{"JSON a million deep, to a resource", "/v1/transactions", "application/json", "", []byte(`{"do":[{"command":"kv.set","payload":` + deep + `}]}`), []int{400}},
		{"JSON a million deep, to UMICP", "/umicp", "application/json", "", []byte(`{"v":"1.0","capabilities":{"operation":"kv.set","value":` + deep + `}}`), []int{400}},
		{"JSON a million deep, to MCP", "/mcp", "application/json", "", []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + deep + `}`), []int{400}},
		{"an array of 2^32", "/api/v1/command", "application/msgpack", "", long(0xdd), []int{400}},
		{"a map of 2^32", "/api/v1/command", "application/msgpack", "", long(0xdf), []int{400}},
		{"a text of 2^32", "/api/v1/command", "application/msgpack", "", long(0xdb), []int{400}},
		{"bytes of 2^32", "/api/v1/command", "application/msgpack", "", long(0xc6), []int{400}},
		{"an extension of 2^32", "/api/v1/command", "application/msgpack", "", long(0xc9), []int{415}},
		{"MessagePack a million deep", "/api/v1/command", "application/msgpack", "", append(bytes.Repeat([]byte{0x91}, million), 0xc0), []int{400}},
		{"a value of 2^32", "/v1/kv/set", "application/msgpack", "", append([]byte("\x82\xa3key\xa1a\xa5value"), long(0xdd)...), []int{400}},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, bomb.path, bytes.NewReader(bomb.body))
			r.Host = "localhost"
			r.Header.Set("Content-Type", bomb.kind)
			r.Header.Set("Accept", "application/json, text/event-stream")
			if bomb.encoding != "" {
				r.Header.Set("Content-Encoding", bomb.encoding)
			}
			w := httptest.NewRecorder()
			cost := allocated(func() { s.http.ServeHTTP(w, r) })
			right := false
			for _, status := range bomb.statuses {
				right = right || w.Code == status
			}
			if !right {
				t.Errorf("status %d %.300s, want %v", w.Code, w.Body, bomb.statuses)
			}
			if cost > mostHeap {
				t.Errorf("refusing %d bytes cost %d bytes of heap", len(bomb.body), cost)
			}
		})
	}
}

// TestBombsOverAWebSocket: each is answered or ends the connection, and the server lives.
func TestBombsOverAWebSocket(t *testing.T) {
	url := serve(t)
	deep := strings.Repeat("[", 1_000_000)
	for name, message := range map[string]string{
		"JSON a million deep": `{"type":"request","request_id":"1","command":"kv.set","payload":` + deep,
		"more than the limit": `{"type":"request","request_id":"1","command":"kv.get","payload":{"key":"` + strings.Repeat("x", 17<<20) + `"}}`,
	} {
		ws, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"/v1/ws", nil) //nolint:bodyclose // there is none
		if err != nil {
			t.Fatal(err)
		}
		_ = ws.Write(t.Context(), websocket.MessageText, []byte(message)) // it may be cut off
		if _, answer, err := ws.Read(t.Context()); err == nil && !bytes.Contains(answer, []byte(`"code":"invalid"`)) {
			t.Errorf("%s: %s", name, answer)
		}
		_ = ws.CloseNow()
	}
	if got := synap(t, "", "kv", "count", "--server", url); got.code != 0 {
		t.Errorf("after that: %+v", got)
	}
}

// allocated is how much heap f allocates, all in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
