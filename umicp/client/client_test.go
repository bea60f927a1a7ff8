package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/client"
	"github.com/hivellm/synap-go/umicp/umx"
	"github.com/hivellm/synap-go/vector"
	"github.com/hivellm/synap-go/vector/matrix"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// there is a server behind all doors.
type there struct {
	peers, url string
	door       *umicp.Server
}

func serve(t *testing.T) there {
	t.Helper()
	engine, err := core.New(core.Options{Version: "test", Structures: append([]*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(),
		vector.Structure(),
	}, matrix.Structures()...)})
	if err != nil {
		t.Fatal(err)
	}
	door := umicp.New(umicp.Options{Executor: engine.Dispatcher(), Version: "test"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(ctx) })
	running.Go(func() {
		if err := door.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		door.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), auth.Local())))
	}))
	t.Cleanup(func() {
		cancel()
		running.Wait()
		web.CloseClientConnections()
		web.Close()
	})
	return there{"umicp://" + l.Addr().String(), web.URL, door}
}

func dial(t *testing.T, url string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// everywhere runs a test over every carrier.
func everywhere(t *testing.T, test func(t *testing.T, c *client.Client)) {
	s := serve(t)
	for name, url := range map[string]string{"tcp": s.peers, "websocket": strings.Replace(s.url, "http", "ws", 1), "http": s.url} {
		t.Run(name, func(t *testing.T) { test(t, dial(t, url, client.Options{})) })
	}
}

func TestTypedCalls(t *testing.T) {
	everywhere(t, func(t *testing.T, c *client.Client) {
		ctx := t.Context()
		set, err := c.KVSet(ctx, &client.KVSetRequest{Key: "typed", Value: value.OfText("v")})
		if err != nil || set.Version == 0 {
			t.Fatalf("%+v, %v", set, err)
		}
		got, err := c.KVGet(ctx, &client.KVGetRequest{Key: "typed"})
		if err != nil || !got.Found || got.Value.Data() != "v" || got.Version != set.Version {
			t.Errorf("%+v, %v", got, err)
		}
		_, err = c.KVSet(ctx, &client.KVSetRequest{Key: "typed", Value: value.OfText("w"), IfVersion: new(set.Version + 100)})
		if fault.CodeOf(err) != fault.Conflict {
			t.Errorf("a set of another version: %v", err)
		}
		var e *fault.Error
		if _, err = c.KVGet(ctx, &client.KVGetRequest{}); !errors.As(err, &e) || e.Details["field"] != "key" {
			t.Errorf("a get of nothing: %v", err)
		}
		large := strings.Repeat("x", 3<<20)
		if _, err := c.KVSet(ctx, &client.KVSetRequest{Key: "large", Value: value.OfText(large)}); err != nil {
			t.Fatal(err)
		}
		if got, err = c.KVGet(ctx, &client.KVGetRequest{Key: "large"}); err != nil || got.Value.Data() != large {
			t.Errorf("%d bytes, %v", got.Value.Len(), err)
		}
		first, err := c.KVIncrement(ctx, &client.KVIncrementRequest{Key: "once" + t.Name()}, client.IdempotencyKey("k"+t.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.KVIncrement(ctx, &client.KVIncrementRequest{Key: "once" + t.Name()}, client.IdempotencyKey("k"+t.Name())); err != nil || again.Version != first.Version {
			t.Errorf("%+v, %v", again, err)
		}
		if _, err = c.KVSet(ctx, &client.KVSetRequest{Key: "d", Value: value.OfText("")}, client.Durability("fsynced")); fault.CodeOf(err) != fault.Unsupported {
			t.Errorf("a durability that there is not: %v", err)
		}
	})
}

func TestManyCallersShareAConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, c *client.Client) {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for n := range 20 {
					key := fmt.Sprintf("k%d-%d", i, n)
					if _, err := c.KVSet(t.Context(), &client.KVSetRequest{Key: key, Value: value.OfText(key)}); err != nil {
						t.Error(err)
						return
					}
					if got, err := c.KVGet(t.Context(), &client.KVGetRequest{Key: key}); err != nil || got.Value.Data() != key {
						t.Errorf("%s is %+v, %v", key, got, err)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestPipelinedCalls(t *testing.T) {
	c := dial(t, serve(t).peers, client.Options{})
	responses := make([]client.KVIncrementResponse, 100)
	calls := make([]*client.Pending, len(responses))
	for i := range calls {
		calls[i] = c.Start(t.Context(), "kv.increment", &client.KVIncrementRequest{Key: "n"}, &responses[i])
	}
	for i, p := range calls {
		if err := p.Wait(t.Context()); err != nil || responses[i].Value.Data() != fmt.Sprint(i+1) {
			t.Fatalf("call %d: %+v, %v", i, responses[i], err)
		}
	}
}

func TestACallThatIsGivenUp(t *testing.T) {
	c := dial(t, serve(t).peers, client.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.QueueReceive(ctx, &client.QueueReceiveRequest{Queue: "q", WaitMS: 20_000})
		done <- err
	}()
	if _, err := c.KVGet(t.Context(), &client.KVGetRequest{Key: "a"}); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; fault.CodeOf(err) != fault.Canceled {
		t.Error(err)
	}
	late, end := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer end()
	if _, err := c.QueueReceive(late, &client.QueueReceiveRequest{Queue: "q", WaitMS: 20_000}); fault.CodeOf(err) != fault.Timeout {
		t.Error(err)
	}
	if _, err := c.KVGet(t.Context(), &client.KVGetRequest{Key: "a"}); err != nil {
		t.Error(err)
	}
}

func TestWatchesAreSequences(t *testing.T) {
	everywhere(t, func(t *testing.T, c *client.Client) {
		ctx := t.Context()
		at, err := c.KVSet(ctx, &client.KVSetRequest{Key: t.Name(), Value: value.OfText("0")})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if _, err := c.KVSet(ctx, &client.KVSetRequest{Key: t.Name(), Value: value.OfText(fmt.Sprint(i + 1))}); err != nil {
				t.Fatal(err)
			}
		}
		request := &client.KVWatchRequest{Keys: []string{t.Name()}}
		request.From.Seq = at.Version
		seen := 0
		for e, err := range c.KVWatch(ctx, request) {
			if err != nil || e.Value.Key != t.Name() {
				t.Fatalf("%+v, %v", e, err)
			}
			if seen++; seen == 5 {
				break
			}
		}
		for _, err := range c.KVWatch(ctx, &client.KVWatchRequest{Limit: -1}) {
			if fault.CodeOf(err) != fault.OutOfRange {
				t.Errorf("a watch of less than nothing: %v", err)
			}
		}
		// One that is limited ends by itself.
		request.Limit = 3
		seen = 0
		if strings.Contains(t.Name(), "http") {
			return // where it is asked for again and again
		}
		for _, err := range c.KVWatch(ctx, request) {
			if err != nil {
				t.Fatal(err)
			}
			seen++
		}
		if seen != 3 {
			t.Errorf("%d events of 3", seen)
		}
	})
}

// cutter is a proxy whose connections can be broken.
type cutter struct {
	net.Listener
	target string
	mu     sync.Mutex
	conns  []net.Conn
}

func newCutter(t *testing.T, target string) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, target: strings.TrimPrefix(target, "umicp://")}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", c.target)
			if err != nil {
				_ = conn.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, conn, server)
			c.mu.Unlock()
			running.Go(func() { _, _ = io.Copy(server, conn); _ = server.Close() })
			running.Go(func() { _, _ = io.Copy(conn, server); _ = conn.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); c.cut(); running.Wait() })
	return c
}

// cut breaks every connection.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

// TestWatchesGoOnAfterABreak: nothing is missed and nothing comes twice, however often the connection breaks.
func TestWatchesGoOnAfterABreak(t *testing.T) {
	s := serve(t)
	proxy := newCutter(t, s.peers)
	watcher, writer := dial(t, "umicp://"+proxy.Addr().String(), client.Options{}), dial(t, s.peers, client.Options{})
	const events = 200
	at, err := writer.KVSet(t.Context(), &client.KVSetRequest{Key: "a", Value: value.OfText("start")})
	if err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := range events {
			if _, err := writer.KVSet(t.Context(), &client.KVSetRequest{Key: "a", Value: value.OfText(fmt.Sprint(i))}); err != nil {
				t.Error(err)
			}
		}
	})
	request := &client.KVWatchRequest{Keys: []string{"a"}}
	request.From.Seq = at.Version
	seen := uint64(0)
	for e, err := range watcher.KVWatch(t.Context(), request) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		if e.Value.Version != at.Version+seen {
			t.Fatalf("event %d has version %d, want %d", seen, e.Value.Version, at.Version+seen)
		}
		if seen == events {
			break
		}
		if seen%50 == 0 {
			proxy.cut()
		}
	}
	writing.Wait()
	// A call on a broken connection says that its outcome is not known, or finds a new one.
	proxy.cut()
	for range 5 {
		_, err := watcher.KVGet(t.Context(), &client.KVGetRequest{Key: "a"})
		if err == nil {
			return
		}
		if fault.CodeOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
		t.Log(err)
	}
	t.Error("the connection is not made again")
}

// TestASingleConnectionIsNotMadeAgain: once it is broken every call says so.
func TestASingleConnectionIsNotMadeAgain(t *testing.T) {
	proxy := newCutter(t, serve(t).peers)
	c := dial(t, "umicp://"+proxy.Addr().String(), client.Options{Single: true})
	if _, err := c.KVSet(t.Context(), &client.KVSetRequest{Key: "a", Value: value.OfText("1")}); err != nil {
		t.Fatal(err)
	}
	proxy.cut()
	for range 5 {
		if _, err := c.KVGet(t.Context(), &client.KVGetRequest{Key: "a"}); fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "the connection was lost") {
			t.Errorf("a call on a broken connection: %v", err)
		}
	}
}

func TestConsumersReceiveAgainAndAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, c *client.Client) {
		name := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "."))
		for i := range 10 {
			if _, err := c.QueuePublish(t.Context(), &client.QueuePublishRequest{Queue: name, Message: value.OfText(fmt.Sprint(i))}); err != nil {
				t.Fatal(err)
			}
		}
		seen := 0
		for got, err := range c.QueueReceiveEach(t.Context(), &client.QueueReceiveRequest{Queue: name}) {
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range got.Messages {
				if m.Message.Data() != fmt.Sprint(seen) {
					t.Fatalf("message %d is %+v", seen, m)
				}
				seen++
			}
			if seen == 10 {
				break
			}
		}
	})
}

// TestVectorsTravelAsTensors: ids as numbers and as texts, rows of any element type, and what does not fit.
func TestVectorsTravelAsTensors(t *testing.T) {
	everywhere(t, func(t *testing.T, c *client.Client) {
		ctx, name := t.Context(), strings.ReplaceAll(t.Name(), "/", ".")
		if _, err := c.VectorCollectionCreate(ctx, &client.VectorCollectionCreateRequest{Collection: name, Dimension: 3}); err != nil {
			t.Fatal(err)
		}
		rows := umx.NewTensor(umx.Float32, umx.Bytes([]float32{1, 0, 0, 0, 1, 0}), 2, 3)
		ids := umx.NewTensor(umx.Uint64, umx.Bytes([]uint64{7, 9}), 2)
		here := &client.VectorUpsertRequest{Collection: name}
		if got, err := c.VectorUpsert(ctx, here, client.Tensor("ids", ids), client.Tensor("rows", rows)); err != nil || got.Created != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		// Half as long, and as texts.
		half := umx.NewTensor(umx.Float16, umx.Bytes([]uint16{0, 0, 0x3c00, 0x3800, 0, 0xbc00}), 2, 3)
		if got, err := c.VectorUpsert(ctx, here, client.Texts("ids", []string{"a", "bé"}), client.Tensor("rows", half)); err != nil || got.Created != 2 {
			t.Fatalf("%+v, %v", got, err)
		}
		query := umx.NewTensor(umx.Float32, umx.Bytes([]float32{0.1, 0, 0.9}), 3)
		found, err := c.VectorSearch(ctx, &client.VectorSearchRequest{Collection: name, Limit: 1}, client.Tensor("vector", query))
		if err != nil || len(found.Hits) != 1 || string(found.Hits[0].ID) != `"a"` {
			t.Errorf("%+v, %v", found, err)
		}
		a := umx.NewTensor(umx.Float32, umx.Bytes([]float32{1, 2, 3, 4}), 2, 2)
		b := umx.NewTensor(umx.Float32, umx.Bytes([]float32{5, 6, 7, 8}), 2, 2)
		apart := map[string]umx.Tensor{}
		product, err := c.MatrixMultiply(ctx, &client.MatrixAddRequest{}, client.Tensor("a", a), client.Tensor("b", b), client.AsTensors(apart))
		if err != nil || len(product.Result) != 0 || !slices.Equal(umx.View[float32](apart["result"].Data), []float32{19, 22, 43, 50}) {
			t.Errorf("%+v, %+v, %v", product, apart, err)
		}
		if product, err = c.MatrixMultiply(ctx, &client.MatrixAddRequest{}, client.Tensor("a", a), client.Tensor("b", b)); err != nil || product.Result[1][1] != 50 {
			t.Errorf("%+v, %v", product, err)
		}
		for what, opts := range map[string][]client.Option{
			"a row too few":      {client.Tensor("ids", ids), client.Tensor("rows", umx.NewTensor(umx.Float32, umx.Bytes([]float32{1, 2, 3}), 1, 3))},
			"another rank":       {client.Tensor("ids", ids), client.Tensor("rows", umx.NewTensor(umx.Float32, umx.Bytes([]float32{1, 2, 3, 4}), 1, 2, 2))},
			"integers":           {client.Tensor("ids", ids), client.Tensor("rows", umx.NewTensor(umx.Int64, umx.Bytes([]int64{1, 2, 3}), 1, 3))},
			"fractions for ids":  {client.Tensor("ids", umx.NewTensor(umx.Float64, umx.Bytes([]float64{1, 2}), 2)), client.Tensor("rows", rows)},
			"texts without text": {client.Tensor("ids.off", umx.NewTensor(umx.Uint32, umx.Bytes([]uint32{0, 1, 2}), 3)), client.Tensor("rows", rows)},
			"columns":            {client.Tensor("ids", ids), client.Tensor("rows", umx.Tensor{DType: umx.Float32, Rank: 2, Layout: umx.ColumnMajor, Dims: rows.Dims, Data: rows.Data})},
			"a field without":    {client.Tensor("collection", ids)},
		} {
			if _, err := c.VectorUpsert(ctx, here, opts...); fault.CodeOf(err) != fault.Invalid && fault.CodeOf(err) != fault.Unsupported {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// TestOverTLS: the same calls under umicps, wss and https, and nobody is believed who has the wrong certificate.
func TestOverTLS(t *testing.T) {
	s := serve(t)
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.door.ServeHTTP(w, r.WithContext(auth.NewContext(r.Context(), auth.Local())))
	}))
	defer web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS13})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // the proxy's
	var running sync.WaitGroup
	defer running.Wait()
	defer l.Close() //nolint:errcheck // it ends the goroutine, and may be closed twice
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", strings.TrimPrefix(s.peers, "umicp://"))
			if err != nil {
				t.Error(err)
				return
			}
			running.Go(func() { _, _ = io.Copy(server, conn); _ = server.Close() })
			running.Go(func() { _, _ = io.Copy(conn, server); _ = conn.Close() })
		}
	})
	trusting := web.Client().Transport.(*http.Transport).TLSClientConfig
	trusting.ServerName = "example.com" // what the certificate is for
	for _, url := range []string{"umicps://" + l.Addr().String(), strings.Replace(web.URL, "https", "wss", 1), web.URL} {
		c, err := client.Dial(t.Context(), url, client.Options{TLS: trusting})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if _, err := c.KVSet(t.Context(), &client.KVSetRequest{Key: "a", Value: value.OfText("1")}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := client.Dial(t.Context(), url, client.Options{Retries: -1}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s without knowing the certificate: %v", url, err)
		}
	}
}

// nobody lets nobody in.
type nobody struct{}

func (nobody) Authenticate(context.Context, *auth.Credential) (*auth.Identity, error) {
	return nil, fault.New(fault.Unauthenticated, "the key is not known")
}

func TestWhoIsNotLetInIsToldWhy(t *testing.T) {
	engine, err := core.New(core.Options{Structures: []*command.Structure{kv.Structure(kv.Options{})}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		_ = umicp.New(umicp.Options{Executor: engine.Dispatcher(), Authenticator: nobody{}}).Serve(ctx, l)
	})
	_, err = client.Dial(t.Context(), "umicp://"+l.Addr().String(), client.Options{APIKey: "wrong"})
	if fault.CodeOf(err) != fault.Unauthenticated || err.Error() != "the key is not known" {
		t.Errorf("a wrong key: %v", err)
	}
}

func TestWhatCannotBeDialled(t *testing.T) {
	for url, code := range map[string]fault.Code{
		"nonsense": fault.Invalid, "ftp://127.0.0.1": fault.Invalid, "umicp://127.0.0.1:1": fault.Unavailable, "http://127.0.0.1:1": fault.Unavailable,
	} {
		if _, err := client.Dial(t.Context(), url, client.Options{Retries: -1}); fault.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", url, err, code)
		}
	}
}

// TestWhoeverElseAnswers dials something that speaks another language, and something that says nothing at all.
func TestWhoeverElseAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says, want string
		within     time.Duration
	}{
		{"SSH-2.0-something, and much more of it than a header of a frame has, which is all that is read", "does not speak UMICP: the frame has no magic", time.Hour},
		{"", "it took the connection and said nothing for 2s", 2 * time.Second},
	} {
		answered := make(chan net.Conn, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = conn.Write([]byte(c.says))
			}
			answered <- conn
		}()
		_, err := client.Dial(t.Context(), "umicp://"+l.Addr().String(), client.Options{Retries: -1, DialWithin: c.within})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.says, err, c.want)
		}
		if conn := <-answered; conn != nil {
			_ = conn.Close()
		}
	}
	_ = l.Close()
}

func TestConn(t *testing.T) {
	s := serve(t)
	c, err := client.DialConn(t.Context(), s.peers, client.Options{Limits: umx.Limits{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's
	for i := range 100 {
		if err := c.Send(0x0102, map[string]any{"key": fmt.Sprint("k", i), "value": i}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send(0x01ff, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := c.Receive(); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	if _, err := c.Receive(); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a command that there is not: %v", err)
	}
}
