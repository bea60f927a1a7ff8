package metrics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/pubsub"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/metrics"
)

// measured is an engine and what is shown of it.
type measured struct {
	*testing.T
	engine    *core.Engine
	collector *metrics.Collector
}

func measure(t *testing.T, change func(*metrics.Options)) *measured {
	t.Helper()
	engine, err := core.New(core.Options{Structures: []*command.Structure{
		kv.Structure(kv.Options{}), queue.Structure(queue.Options{}), stream.Structure(stream.Options{}), pubsub.Structure(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := metrics.Options{Table: engine.Dispatcher().Table(), Spaces: engine.Namespaces, Version: "1.2.3"}
	if change != nil {
		change(&o)
	}
	return &measured{t, engine, metrics.New(o)}
}

func (m *measured) run(namespace, name, payload string) {
	m.Helper()
	d := m.engine.Dispatcher()
	c, err := d.Table().Find(name)
	if err != nil {
		m.Fatal(err)
	}
	if _, err := d.Do(m.Context(), &command.Request{Caller: auth.Local(), Command: c, Namespace: namespace, Payload: command.JSON(payload)}); err != nil {
		m.Fatalf("%s %s: %v", name, payload, err)
	}
}

// want compares the lines of some metrics.
func (m *measured) want(text string, names ...string) {
	m.Helper()
	if err := testutil.CollectAndCompare(m.collector, strings.NewReader(text), names...); err != nil {
		m.Error(err)
	}
}

func TestThingsAreMeasured(t *testing.T) {
	m := measure(t, nil)
	for i := range 3 {
		m.run("default", "queue.publish", fmt.Sprintf(`{"queue":"jobs","message":%d}`, i))
		m.run("team", "stream.append", fmt.Sprintf(`{"room":"r","event":"e","data":%d}`, i))
	}
	m.run("default", "queue.receive", `{"queue":"jobs"}`)
	m.run("team", "stream.group.create", `{"room":"r","group":"g"}`)
	m.run("team", "pubsub.publish", `{"topic":"t","message":1,"retain":true}`)
	m.want(`
# HELP synap_queue_depth Messages that are ready, leased or delayed.
# TYPE synap_queue_depth gauge
synap_queue_depth{namespace="default",queue="jobs"} 3
# HELP synap_queue_leased Messages that a consumer holds.
# TYPE synap_queue_leased gauge
synap_queue_leased{namespace="default",queue="jobs"} 1
# HELP synap_stream_events Events that a room holds.
# TYPE synap_stream_events gauge
synap_stream_events{namespace="team",room="r"} 3
# HELP synap_stream_group_lag_events Events, in all partitions, that a group has yet to commit.
# TYPE synap_stream_group_lag_events gauge
synap_stream_group_lag_events{group="g",namespace="team",room="r"} 3
# HELP synap_pubsub_published_messages_total Messages published since the server started.
# TYPE synap_pubsub_published_messages_total counter
synap_pubsub_published_messages_total{namespace="team"} 1
# HELP synap_structure_items Things that a structure holds: keys, messages, events.
# TYPE synap_structure_items gauge
synap_structure_items{namespace="default",structure="queue"} 3
synap_structure_items{namespace="team",structure="pubsub"} 1
synap_structure_items{namespace="team",structure="stream"} 3
# HELP synap_namespaces How many namespaces there are.
# TYPE synap_namespaces gauge
synap_namespaces 2
`, "synap_queue_depth", "synap_queue_leased", "synap_stream_events", "synap_stream_group_lag_events", "synap_pubsub_published_messages_total",
		"synap_structure_items", "synap_namespaces")
}

// However many things there are, there are only so many series, and nothing is lost of the sums.
func TestSeriesAreBounded(t *testing.T) {
	m := measure(t, nil)
	const queues, spaces = metrics.MaxThings + 20, metrics.MaxNamespaces + 10
	total := 0
	for i := range queues {
		for n := range 1 + i%3 {
			m.run("default", "queue.publish", fmt.Sprintf(`{"queue":"q%d","message":%d}`, i, n))
			total++
		}
	}
	m.run("other", "queue.publish", `{"queue":"other","message":1}`)
	total++
	for i := range spaces {
		m.run(fmt.Sprintf("n%d", i), "kv.set", `{"key":"a","value":1}`)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m.collector)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "synap_queue_depth":
			sum, others := 0.0, 0
			for _, x := range f.GetMetric() {
				sum += x.GetGauge().GetValue()
				for _, l := range x.GetLabel() {
					if l.GetName() == "namespace" && l.GetValue() == metrics.Other {
						others++
						if x.GetGauge().GetValue() > 40 {
							t.Errorf("large queues are among the others: %v", x)
						}
					}
				}
			}
			if len(f.GetMetric()) != metrics.MaxThings+1 || others != 1 || sum != float64(total) {
				t.Errorf("%d series, %d of them others, with %v messages of %d", len(f.GetMetric()), others, sum, total)
			}
		case "synap_structure_items":
			// The default namespace has queues; of all others kv alone.
			if len(f.GetMetric()) > metrics.MaxNamespaces+1 {
				t.Errorf("%d series of namespaces", len(f.GetMetric()))
			}
		}
	}
}

func TestDiskReadinessAndCertificate(t *testing.T) {
	m := measure(t, func(o *metrics.Options) {
		o.Disk = func() core.DiskStatus {
			return core.DiskStatus{LogBytes: 4096, Last: 10, Synced: 7, Snapshots: 2, SnapshotFirst: 4, SnapshotAt: time.Unix(1000, 0), Trouble: "EIO"}
		}
		o.Log = func() metrics.Log {
			return metrics.Log{
				QueuedBytes: 99, QueuedRecords: 2, SyncBounds: []time.Duration{time.Millisecond, time.Second}, SyncCumulative: []uint64{3, 4},
				Syncs: 5, SyncTime: 1500 * time.Millisecond,
			}
		}
		o.Ready = func() error { return errors.New("no") }
		o.Expires = func() time.Time { return time.Unix(5000, 0) }
	})
	m.want(`
# HELP synap_build_info 1, with the program's version.
# TYPE synap_build_info gauge
synap_build_info{version="1.2.3"} 1
# HELP synap_log_bytes The size of the log on disk.
# TYPE synap_log_bytes gauge
synap_log_bytes 4096
# HELP synap_log_fsync_duration_seconds How long it took to force the log to disk.
# TYPE synap_log_fsync_duration_seconds histogram
synap_log_fsync_duration_seconds_bucket{le="0.001"} 3
synap_log_fsync_duration_seconds_bucket{le="1"} 4
synap_log_fsync_duration_seconds_bucket{le="+Inf"} 5
synap_log_fsync_duration_seconds_sum 1.5
synap_log_fsync_duration_seconds_count 5
# HELP synap_log_healthy 1 while changes are taken; 0 when the disk has failed.
# TYPE synap_log_healthy gauge
synap_log_healthy 0
# HELP synap_log_queued_bytes Bytes of records that wait to be written to the log.
# TYPE synap_log_queued_bytes gauge
synap_log_queued_bytes 99
# HELP synap_log_queued_records Records that wait to be written to the log.
# TYPE synap_log_queued_records gauge
synap_log_queued_records 2
# HELP synap_log_unsynced_records Records that a power failure could take.
# TYPE synap_log_unsynced_records gauge
synap_log_unsynced_records 3
# HELP synap_ready 1 when the server can serve, as at /ready; otherwise 0.
# TYPE synap_ready gauge
synap_ready 0
# HELP synap_snapshot_lag_records Records since the newest snapshot began, which a start has to read.
# TYPE synap_snapshot_lag_records gauge
synap_snapshot_lag_records 6
# HELP synap_snapshot_timestamp_seconds When the newest snapshot was taken; absent before the first.
# TYPE synap_snapshot_timestamp_seconds gauge
synap_snapshot_timestamp_seconds 1000
# HELP synap_tls_certificate_expiry_timestamp_seconds When the certificate in use ends.
# TYPE synap_tls_certificate_expiry_timestamp_seconds gauge
synap_tls_certificate_expiry_timestamp_seconds 5000
`, "synap_build_info", "synap_log_bytes", "synap_log_fsync_duration_seconds", "synap_log_healthy", "synap_log_queued_bytes", "synap_log_queued_records", "synap_log_unsynced_records", "synap_ready", "synap_snapshot_lag_records",
		"synap_snapshot_timestamp_seconds", "synap_tls_certificate_expiry_timestamp_seconds")
}

// Names are as Prometheus wants them.
func TestNamesFollowTheConventions(t *testing.T) {
	m := measure(t, nil)
	m.run("default", "queue.publish", `{"queue":"q","message":1}`)
	m.run("default", "stream.append", `{"room":"r","event":"e","data":1}`)
	m.run("default", "stream.group.create", `{"room":"r","group":"g"}`)
	m.run("default", "pubsub.publish", `{"topic":"t","message":1}`)
	problems, err := testutil.CollectAndLint(m.collector)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
