package http_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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

// BenchmarkGetOverHTTP compares what a caller sees, over connections kept alive. The two take turns within one
// run, so that what else the machine does falls on both; "ratio" is the bare handler's time over the door's.
func BenchmarkGetOverHTTP(b *testing.B) {
	peers := []*getter{newGetter(b, bare()), newGetter(b, kvDoor(b))}
	for i := 0; b.Loop(); i++ {
		peers[i%2].get(b) // who goes first changes too
		peers[(i+1)%2].get(b)
	}
	plain, door := float64(peers[0].took.Nanoseconds()), float64(peers[1].took.Nanoseconds())
	b.ReportMetric(plain/float64(b.N), "bare-ns/op")
	b.ReportMetric(door/float64(b.N), "door-ns/op")
	b.ReportMetric(plain/door, "ratio")
}

// getter asks for the key over and over.
type getter struct {
	conn net.Conn
	buf  [4096]byte
	took time.Duration
}

func newGetter(b *testing.B, h http.Handler) *getter {
	s := httptest.NewServer(h)
	b.Cleanup(s.Close)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &getter{conn: conn}
}

func (g *getter) get(b *testing.B) {
	const request = "GET /v1/kv/a HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
	begin := time.Now()
	if _, err := io.WriteString(g.conn, request); err != nil {
		b.Fatal(err)
	}
	n, err := g.conn.Read(g.buf[:])
	g.took += time.Since(begin)
	if got := g.buf[:n]; err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 200")) || !bytes.HasSuffix(got, []byte("hello")) {
		b.Fatalf("%v %q", err, got)
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
