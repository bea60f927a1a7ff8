package http

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

type gauge = atomic.Int64

// metrics is what Prometheus may ask for. It counts connections itself and reads the rest from the table.
type metrics struct {
	connections, events, ndjson, sockets gauge

	table   *command.Table
	handler http.Handler
}

var (
	callsDesc = prometheus.NewDesc("synap_commands_total",
		"Calls of each command by how they ended.", []string{"command", "code"}, nil)
	durationDesc = prometheus.NewDesc("synap_command_duration_seconds",
		"How long commands took; of each command one call in 16 is timed.", []string{"command"}, nil)
	openDesc = prometheus.NewDesc("synap_connections",
		"Open connections; of those, by kind, the ones that stream.", []string{"kind"}, nil)
)

func newMetrics(t *command.Table) *metrics {
	m := &metrics{table: t}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// open counts a watch until the function it returns is called.
func (m *metrics) open(kind stream) (closed func()) {
	g := &m.events
	if kind == jsonLines {
		g = &m.ndjson
	}
	g.Add(1)
	return func() { g.Add(-1) }
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- callsDesc
	out <- durationDesc
	out <- openDesc
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	for kind, g := range map[string]*gauge{
		"tcp": &m.connections, "sse": &m.events, "ndjson": &m.ndjson, "websocket": &m.sockets,
	} {
		out <- prometheus.MustNewConstMetric(openDesc, prometheus.GaugeValue, float64(g.Load()), kind)
	}
	for _, c := range m.table.Commands() {
		collectCommand(out, c)
	}
}

// collectCommand reports a command that was called; one that was not has nothing to say but its zero.
func collectCommand(out chan<- prometheus.Metric, c *command.Command) {
	for code := range fault.NumCodes {
		calls := c.Stats().Calls(code)
		if code == 0 || calls > 0 {
			out <- prometheus.MustNewConstMetric(callsDesc, prometheus.CounterValue, float64(calls),
				c.Name, fault.Code(code).String())
		}
	}
	cumulative, count, sum := c.Stats().Latency().Snapshot()
	if count == 0 {
		return
	}
	buckets := make(map[float64]uint64, len(cumulative))
	for i, n := range cumulative {
		buckets[float64(command.Buckets[i])/1e9] = n
	}
	out <- prometheus.MustNewConstHistogram(durationDesc, count, sum.Seconds(), buckets, c.Name)
}

// serveMetrics serves GET /metrics.
func (d *Door) serveMetrics(x *exchange) error {
	if err := x.caller.Check(auth.Read, auth.Any("server")); err != nil {
		return err
	}
	d.metrics.handler.ServeHTTP(x.w, x.r)
	return nil
}
