package dialect_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkEnvelopes measures an envelope in the dialect beside the native one that does the same, from the request that was read to the
// answer's bytes.
func BenchmarkEnvelopes(b *testing.B) {
	d := newDoor(b)
	for _, row := range []struct{ name, body string }{
		{"set/native", `{"type":"request","command":"kv.set","request_id":"1","payload":{"key":"k","value":"0123456789abcdef0123456789abcdef"}}`},
		{"set/dialect", `{"command":"kv.set","request_id":"1","payload":{"key":"k","value":"0123456789abcdef0123456789abcdef"}}`},
		{"get/native", `{"type":"request","command":"kv.get","request_id":"1","payload":{"key":"k"}}`},
		{"get/dialect", `{"command":"kv.get","request_id":"1","payload":{"key":"k"}}`},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/api/v1/command", strings.NewReader(row.body))
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				d.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
