package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hivellm/synap-go/core/fault"
)

// Bounds of a benchmark.
const (
	maxBenchTime        = time.Minute
	maxBenchConnections = 10_000
	maxBenchKeys        = 1_000_000
	maxBenchValueBytes  = 1 << 20
)

// bench is what `synap bench` was asked to do.
type bench struct {
	mode        string
	connections int
	duration    time.Duration
	keys        int
	valueBytes  int
	key         string
	urlPath     string
}

// measured is what came out.
type measured struct {
	Mode         string  `json:"mode"`
	Connections  int     `json:"connections"`
	Seconds      float64 `json:"seconds"`
	Operations   uint64  `json:"operations"`
	OpsPerSecond float64 `json:"ops_per_second"`
	P50          float64 `json:"p50_us"`
	P95          float64 `json:"p95_us"`
	P99          float64 `json:"p99_us"`
	Max          float64 `json:"max_us"`
}

var benchModes = []string{"get", "set", "mixed"}

func (a *app) benchVerb() *cobra.Command {
	b := &bench{}
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server with GETs and SETs of keys over HTTP", Args: cobra.NoArgs,
		Long: "Measure a server with GETs and SETs of keys over HTTP, in a closed loop on plain connections. The keys begin with\n" +
			"bench: and are set first. With --url-path it GETs that path instead, of any HTTP server.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bench(cmd, b) },
	}
	cmd.Flags().StringVar(&b.mode, "mode", "get", "what to measure: "+strings.Join(benchModes, ", "))
	cmd.Flags().IntVar(&b.connections, "connections", 16, "how many connections")
	cmd.Flags().DurationVar(&b.duration, "duration", 5*time.Second, "for how long, at most a minute")
	cmd.Flags().IntVar(&b.keys, "keys", 1000, "how many keys")
	cmd.Flags().IntVar(&b.valueBytes, "value-bytes", 32, "size of the values")
	cmd.Flags().StringVar(&b.urlPath, "url-path", "", "GET this `path` instead of keys")
	addSettings(cmd, cmd.Flags(), "server", "key", "output")
	complete(cmd, "mode", benchModes)
	return cmd
}

func (b *bench) validate() error {
	between := func(name string, n, most int) error {
		if n < 1 || n > most {
			return fault.New(fault.Invalid, "%s: %d is not between 1 and %d", name, n, most)
		}
		return nil
	}
	switch {
	case !slices.Contains(benchModes, b.mode):
		return fault.New(fault.Invalid, "mode: %q is not one of %s", b.mode, strings.Join(benchModes, ", "))
	case b.duration <= 0 || b.duration > maxBenchTime:
		return fault.New(fault.Invalid, "duration: %v is not between 0 and %v", b.duration, maxBenchTime)
	case b.urlPath != "" && !strings.HasPrefix(b.urlPath, "/"), strings.ContainsAny(b.urlPath, " \r\n"):
		return fault.New(fault.Invalid, "url-path: %q is not a path like /v1/kv/a", b.urlPath)
	}
	return errors.Join(
		between("connections", b.connections, maxBenchConnections),
		between("keys", b.keys, maxBenchKeys),
		between("value-bytes", b.valueBytes, maxBenchValueBytes),
	)
}

// bench runs the benchmark and prints what it measured.
func (a *app) bench(cmd *cobra.Command, b *bench) error {
	config, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if err := b.validate(); err != nil {
		return err
	}
	server, err := url.Parse(config.Server)
	if err != nil || server.Scheme != "http" {
		return fault.New(fault.Invalid, "bench speaks plain HTTP: %q is not a URL like http://%s", config.Server, defaultAddress)
	}
	b.key = config.findKey()
	l, err := b.load(cmd.Context(), server)
	if err != nil {
		return a.benchFailed(cmd.Context(), config, err)
	}
	times, took, err := l.run(cmd.Context())
	if err != nil {
		return a.benchFailed(cmd.Context(), config, err)
	}
	result := b.result(&times, took)
	if config.Output == "table" {
		tell(a.stdout, "%s: %.0f operations a second on %d connections for %.1f s\n"+
			"latency in µs: p50 %.0f  p95 %.0f  p99 %.0f  max %.0f\n", result.Mode, result.OpsPerSecond, result.Connections,
			result.Seconds, result.P50, result.P95, result.P99, result.Max)
		return nil
	}
	raw, err := encodeJSON(result)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(raw, '\n'))
	return err
}

func (a *app) benchFailed(ctx context.Context, c *Config, err error) error {
	switch {
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case errors.Is(err, errNoServer):
		return fault.Wrap(fault.Unavailable, err, "no server answers at %s", c.Server)
	}
	return fmt.Errorf("the benchmark broke off: %w", err)
}

func (b *bench) result(times *latencies, took time.Duration) measured {
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	mode := b.mode
	if b.urlPath != "" {
		mode = "GET " + b.urlPath
	}
	return measured{
		Mode: mode, Connections: b.connections, Seconds: took.Seconds(), Operations: times.total,
		OpsPerSecond: float64(times.total) / took.Seconds(),
		P50:          us(times.quantile(.50)), P95: us(times.quantile(.95)), P99: us(times.quantile(.99)), Max: us(times.max),
	}
}

// load makes the requests, and the keys that they want to find.
func (b *bench) load(ctx context.Context, server *url.URL) (*load, error) {
	l := &load{address: server.Host, connections: b.connections, duration: b.duration}
	if server.Port() == "" {
		l.address = net.JoinHostPort(server.Hostname(), "80")
	}
	base := strings.TrimSuffix(server.Path, "/")
	if b.urlPath != "" {
		l.requests = [][]byte{b.get(server.Host, base+b.urlPath)}
		return l, nil
	}
	body := strings.Repeat("x", b.valueBytes)
	var gets, sets [][]byte
	for i := range b.keys {
		path := fmt.Sprintf("%s/v1/kv/bench:%d", base, i)
		gets = append(gets, b.get(server.Host, path))
		sets = append(sets, b.put(server.Host, path, body))
	}
	switch b.mode {
	case "get":
		l.requests = gets
	case "set":
		l.requests = sets
		return l, nil
	default:
		for i := range gets {
			l.requests = append(l.requests, gets[i], sets[(i*7)%len(sets)])
		}
	}
	return l, b.fill(ctx, l.address, sets)
}

// fill sets every key once.
func (b *bench) fill(ctx context.Context, address string, sets [][]byte) error {
	dialer := net.Dialer{Timeout: dialTimeout}
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoServer, err)
	}
	defer c.Close() //nolint:errcheck // nothing is unsent
	return drain(ctx, c, sets)
}

func (b *bench) get(host, path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, host, b.authorization())
}

func (b *bench) put(host, path, body string) []byte {
	return fmt.Appendf(nil, "PUT %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
		path, host, b.authorization(), len(body), body)
}

// authorization is the header that says who calls, if that is known.
func (b *bench) authorization() string {
	if b.key == "" {
		return ""
	}
	return "Authorization: Bearer " + b.key + "\r\n"
}
