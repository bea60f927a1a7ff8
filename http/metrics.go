package http

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/clients"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

type gauge = atomic.Int64

// metrics is what Prometheus may ask for. It counts open streams itself and reads the rest from the table and the registry
// of connections.
type metrics struct {
	events, ndjson, sockets gauge

	table   *command.Table
	clients *clients.Registry
	handler http.Handler
}

var (
	callsDesc = prometheus.NewDesc("synap_commands_total",
		"Calls of each command by how they ended.", []string{"command", "code"}, nil)
	durationDesc = prometheus.NewDesc("synap_command_duration_seconds",
		"How long commands took; of each command one call in 16 is timed.", []string{"command"}, nil)
	connectionsDesc = prometheus.NewDesc("synap_connections",
		"Open connections, by the door that they came through.", []string{"door"}, nil)
	refusedDesc = prometheus.NewDesc("synap_connections_refused_total",
		"Connections for which there was no room: in all, from one address, or of one caller.", nil, nil)
	callersDesc = prometheus.NewDesc("synap_callers",
		"How many different callers the open connections belong to.", nil, nil)
	streamsDesc = prometheus.NewDesc("synap_streams",
		"Open event streams of the HTTP door, by kind.", []string{"kind"}, nil)
)

func newMetrics(o Options) (*metrics, error) {
	m := &metrics{table: o.Executor.Table(), clients: o.Clients}
	registry := prometheus.NewRegistry()
	all := []prometheus.Collector{m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
	for _, c := range append(all, o.Collectors...) {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("Collectors: %w", err)
		}
	}
	// Whatever is broken, the rest is shown: an operator needs it most then.
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, ErrorLog: scrapeLog{o.Log}, MaxRequestsInFlight: maxScrapes})
	return m, nil
}

// scrapeLog is where the metrics' handler complains. That a scraper hung up is told once for each family that it did not take, and is
// nothing to act upon; a collector that fails is.
type scrapeLog struct{ log logrus.FieldLogger }

// Println implements promhttp.Logger.
func (l scrapeLog) Println(words ...any) {
	if first, ok := words[0].(string); ok && strings.HasPrefix(first, "error encoding and sending") {
		l.log.Debugln(words...)
		return
	}
	l.log.Errorln(words...)
}

const maxScrapes = 4 // at once; the next one is answered 503

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
	out <- connectionsDesc
	out <- refusedDesc
	out <- callersDesc
	out <- streamsDesc
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	for kind, g := range map[string]*gauge{"sse": &m.events, "ndjson": &m.ndjson, "websocket": &m.sockets} {
		out <- prometheus.MustNewConstMetric(streamsDesc, prometheus.GaugeValue, float64(g.Load()), kind)
	}
	counts := m.clients.Counts()
	for door, n := range counts.ByDoor {
		out <- prometheus.MustNewConstMetric(connectionsDesc, prometheus.GaugeValue, float64(n), door)
	}
	out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(counts.Refused))
	out <- prometheus.MustNewConstMetric(callersDesc, prometheus.GaugeValue, float64(counts.Keys))
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
