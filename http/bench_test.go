package http_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// blackhole takes an answer as cheaply as possible, so that what is measured is the handler.
type blackhole struct {
	header http.Header
	status int
}

func (w *blackhole) Header() http.Header               { return w.header }
func (w *blackhole) WriteHeader(status int)            { w.status = status }
func (w *blackhole) Write(b []byte) (int, error)       { return len(b), nil }
func (w *blackhole) WriteString(s string) (int, error) { return len(s), nil }

// bare is the least that gin can do: a handler with a constant answer.
func bare() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/v1/kv/:key", func(c *gin.Context) { c.String(http.StatusOK, "hello") })
	return e
}

func kvDoor(b *testing.B) http.Handler {
	d := newDoor(b, nil)
	if got := call(d, "PUT", "/v1/kv/a", "hello"); got.status != 200 {
		b.Fatal(got)
	}
	return d
}

// BenchmarkGetInProcess compares the handlers alone.
func BenchmarkGetInProcess(b *testing.B) {
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare()}, {"door", kvDoor(b)}} {
		b.Run(c.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "http://127.0.0.1/v1/kv/a", nil)
			w := &blackhole{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				c.handler.ServeHTTP(w, r)
			}
			if w.status != 200 {
				b.Fatal(w.status)
			}
		})
	}
}

// BenchmarkGetOverHTTP compares what a caller sees, over a connection kept alive.
func BenchmarkGetOverHTTP(b *testing.B) {
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare()}, {"door", kvDoor(b)}} {
		b.Run(c.name, func(b *testing.B) {
			s := httptest.NewServer(c.handler)
			defer s.Close()
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			const request = "GET /v1/kv/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
			buf := make([]byte, 4096)
			for b.Loop() {
				if _, err := io.WriteString(conn, request); err != nil {
					b.Fatal(err)
				}
				n, err := conn.Read(buf)
				if err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 200") || !strings.HasSuffix(string(buf[:n]), "hello") {
					b.Fatalf("%v %q", err, buf[:n])
				}
			}
		})
	}
}

// BenchmarkAnswer is an answer in MessagePack beside the same in JSON.
func BenchmarkAnswer(b *testing.B) {
	d := kvDoor(b)
	for _, accept := range []string{"application/json", "application/msgpack"} {
		b.Run(accept, func(b *testing.B) {
			r := httptest.NewRequest("POST", "http://127.0.0.1/v1/kv/stats", nil)
			r.Header.Set("Accept", accept)
			w := &blackhole{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				d.ServeHTTP(w, r)
			}
		})
	}
}
