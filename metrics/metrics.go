// Package metrics shows Prometheus what an engine holds: how much each structure has in each namespace, what structures
// tell about their things, how the log and the snapshots fare, how long the certificate is good for.
//
// It reads when it is asked and keeps nothing. It knows no structure: what there is to tell is in the table. Series are
// bounded whatever a server holds: the largest namespaces and the largest things have series of their own, and all others
// share one whose labels are "_other", which no namespace can be called.
package metrics

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/command"
)

// Bounds of what is shown by name.
const (
	MaxNamespaces = 50  // with series of their own, by memory
	MaxThings     = 100 // of each kind of thing, in all namespaces together, by the first of its numbers
)

// Other is the label of what is put together.
const Other = "_other"

// Options say what to show.
type Options struct {
	Table   *command.Table
	Spaces  func() []*command.Space
	Version string
	Disk    func() core.DiskStatus // nil when everything is in memory
	Log     func() Log             // nil when Disk is
	Ready   func() error           // why the server cannot serve now; nil is always ready
	Expires func() time.Time       // of the certificate; nil without TLS
	// AuditDropped is how many lines of the audit log could not be written; nil without one.
	AuditDropped func() uint64
}

// Log is how the log of changes fares.
type Log struct {
	QueuedBytes   int64 // that wait to be written
	QueuedRecords uint64

	SyncBounds     []time.Duration // of how long an fsync took
	SyncCumulative []uint64        // how many took at most as long
	Syncs          uint64
	SyncTime       time.Duration // of all together
}

// Collector implements prometheus.Collector.
type Collector struct {
	o     Options
	kinds []*kind // by structure, in the table's order
}

// kind is a kind of thing with its descriptions.
type kind struct {
	measures *command.Measures
	descs    []*prometheus.Desc
	most     int
}

// New returns a collector.
func New(o Options) *Collector {
	c := &Collector{o: o}
	for _, s := range o.Table.Structures() {
		for _, m := range s.Measures {
			k := &kind{measures: m, most: MaxThings}
			if len(m.Labels) == 0 {
				k.most = MaxNamespaces
			}
			for _, g := range m.Gauges {
				k.descs = append(k.descs, prometheus.NewDesc("synap_"+g.Name, g.Help, append([]string{"namespace"}, m.Labels...), nil))
			}
			c.kinds = append(c.kinds, k)
		}
	}
	return c
}

var (
	itemsDesc = prometheus.NewDesc("synap_structure_items", "Things that a structure holds: keys, messages, events.",
		[]string{"structure", "namespace"}, nil)
	bytesDesc = prometheus.NewDesc("synap_structure_bytes", "About how much memory a structure takes.",
		[]string{"structure", "namespace"}, nil)
	namespacesDesc = prometheus.NewDesc("synap_namespaces", "How many namespaces there are.", nil, nil)
	infoDesc       = prometheus.NewDesc("synap_build_info", "1, with the program's version.", []string{"version"}, nil)
	readyDesc      = prometheus.NewDesc("synap_ready", "1 when the server can serve, as at /ready; otherwise 0.", nil, nil)
	expiresDesc    = prometheus.NewDesc("synap_tls_certificate_expiry_timestamp_seconds", "When the certificate in use ends.", nil, nil)
	droppedDesc    = prometheus.NewDesc("synap_audit_dropped_lines_total", "Lines of the audit log that could not be written.", nil, nil)

	logBytesDesc    = prometheus.NewDesc("synap_log_bytes", "The size of the log on disk.", nil, nil)
	logRecordsDesc  = prometheus.NewDesc("synap_log_records_total", "Records that were ever written: the newest version.", nil, nil)
	unsyncedDesc    = prometheus.NewDesc("synap_log_unsynced_records", "Records that a power failure could take.", nil, nil)
	healthyDesc     = prometheus.NewDesc("synap_log_healthy", "1 while changes are taken; 0 when the disk has failed.", nil, nil)
	queuedBytesDesc = prometheus.NewDesc("synap_log_queued_bytes", "Bytes of records that wait to be written to the log.", nil, nil)
	queuedDesc      = prometheus.NewDesc("synap_log_queued_records", "Records that wait to be written to the log.", nil, nil)
	syncDesc        = prometheus.NewDesc("synap_log_fsync_duration_seconds", "How long it took to force the log to disk.", nil, nil)

	snapshotsDesc  = prometheus.NewDesc("synap_snapshots", "Snapshots that are kept.", nil, nil)
	snapshotAtDesc = prometheus.NewDesc("synap_snapshot_timestamp_seconds", "When the newest snapshot was taken; absent before the first.", nil, nil)
	snapshotLag    = prometheus.NewDesc("synap_snapshot_lag_records", "Records since the newest snapshot began, which a start has to read.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{itemsDesc, bytesDesc, namespacesDesc, infoDesc, readyDesc} {
		out <- d
	}
	if c.o.Expires != nil {
		out <- expiresDesc
	}
	if c.o.AuditDropped != nil {
		out <- droppedDesc
	}
	if c.o.Disk != nil {
		for _, d := range []*prometheus.Desc{logBytesDesc, logRecordsDesc, unsyncedDesc, healthyDesc, snapshotsDesc, snapshotAtDesc, snapshotLag} {
			out <- d
		}
	}
	if c.o.Log != nil {
		for _, d := range []*prometheus.Desc{queuedBytesDesc, queuedDesc, syncDesc} {
			out <- d
		}
	}
	for _, k := range c.kinds {
		for _, d := range k.descs {
			out <- d
		}
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	ready := c.o.Ready == nil || c.o.Ready() == nil
	gauge(out, infoDesc, 1, c.o.Version)
	gauge(out, readyDesc, number(ready))
	if c.o.Expires != nil {
		gauge(out, expiresDesc, float64(c.o.Expires().Unix()))
	}
	if c.o.AuditDropped != nil {
		out <- prometheus.MustNewConstMetric(droppedDesc, prometheus.CounterValue, float64(c.o.AuditDropped()))
	}
	if c.o.Disk != nil {
		collectDisk(out, c.o.Disk())
	}
	if c.o.Log != nil {
		collectLog(out, c.o.Log())
	}
	spaces := c.o.Spaces()
	gauge(out, namespacesDesc, float64(len(spaces)))
	c.collectUsage(out, spaces)
	c.collectThings(out, spaces)
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func collectDisk(out chan<- prometheus.Metric, d core.DiskStatus) {
	gauge(out, logBytesDesc, float64(d.LogBytes))
	out <- prometheus.MustNewConstMetric(logRecordsDesc, prometheus.CounterValue, float64(d.Last))
	gauge(out, unsyncedDesc, float64(d.Last-min(d.Last, d.Synced)))
	gauge(out, healthyDesc, number(d.Trouble == ""))
	gauge(out, snapshotsDesc, float64(d.Snapshots))
	gauge(out, snapshotLag, float64(d.Last-min(d.Last, d.SnapshotFirst)))
	if !d.SnapshotAt.IsZero() {
		gauge(out, snapshotAtDesc, float64(d.SnapshotAt.UnixMilli())/1000)
	}
}

func collectLog(out chan<- prometheus.Metric, l Log) {
	gauge(out, queuedBytesDesc, float64(l.QueuedBytes))
	gauge(out, queuedDesc, float64(l.QueuedRecords))
	buckets := make(map[float64]uint64, len(l.SyncBounds))
	for i, bound := range l.SyncBounds {
		buckets[bound.Seconds()] = l.SyncCumulative[i]
	}
	out <- prometheus.MustNewConstHistogram(syncDesc, l.Syncs, l.SyncTime.Seconds(), buckets)
}

// held is what a namespace's structures hold.
type held struct {
	name  string
	total int64
	usage []command.Usage // in the table's order
}

// collectUsage shows how much each structure holds, for the largest namespaces by name.
func (c *Collector) collectUsage(out chan<- prometheus.Metric, spaces []*command.Space) {
	structures := c.o.Table.Structures()
	all := make([]held, 0, len(spaces))
	for _, space := range spaces {
		h := held{name: space.Name, usage: make([]command.Usage, len(structures))}
		for place := range structures {
			h.usage[place] = space.States[place].Stats()
			h.total += h.usage[place].Bytes
		}
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b held) int { return int(min(1, max(-1, b.total-a.total))) })
	if len(all) > MaxNamespaces {
		rest := held{name: Other, usage: make([]command.Usage, len(structures))}
		for _, h := range all[MaxNamespaces:] {
			for place, u := range h.usage {
				rest.usage[place].Items += u.Items
				rest.usage[place].Bytes += u.Bytes
			}
		}
		all = append(all[:MaxNamespaces:MaxNamespaces], rest)
	}
	for _, h := range all {
		for place, s := range structures {
			if u := h.usage[place]; u != (command.Usage{}) {
				gauge(out, itemsDesc, float64(u.Items), s.Name, h.name)
				gauge(out, bytesDesc, float64(u.Bytes), s.Name, h.name)
			}
		}
	}
}

// collectThings shows what structures tell of their things.
func (c *Collector) collectThings(out chan<- prometheus.Metric, spaces []*command.Space) {
	tops := make(map[*command.Measures]*top, len(c.kinds))
	for _, k := range c.kinds {
		tops[k.measures] = &top{kind: k}
	}
	for _, space := range spaces {
		for _, state := range space.States {
			if m, ok := state.(command.Measurer); ok {
				m.Measure(func(of *command.Measures, labels []string, values []float64) {
					if t := tops[of]; t != nil {
						t.add(space.Name, labels, values)
					}
				})
			}
		}
	}
	for _, k := range c.kinds {
		tops[k.measures].collect(out)
	}
}

// thing is a thing's labels, the namespace's first, and its numbers.
type thing struct {
	labels []string
	values []float64
}

// top keeps the largest things and puts the others together.
type top struct {
	*kind
	largest []thing // a heap: the smallest of them first
	rest    []float64
}

func (t *top) add(namespace string, labels []string, values []float64) {
	if len(t.largest) == t.most {
		if values[0] <= t.largest[0].values[0] {
			t.fold(values)
			return
		}
		t.fold(t.largest[0].values)
		t.largest[0] = t.largest[len(t.largest)-1]
		t.largest = t.largest[:len(t.largest)-1]
		t.down(0)
	}
	t.largest = append(t.largest, thing{append([]string{namespace}, labels...), slices.Clone(values)})
	for i := len(t.largest) - 1; i > 0; {
		parent := (i - 1) / 2
		if t.largest[parent].values[0] <= t.largest[i].values[0] {
			break
		}
		t.largest[parent], t.largest[i] = t.largest[i], t.largest[parent]
		i = parent
	}
}

func (t *top) down(i int) {
	for {
		least := i
		for _, child := range []int{2*i + 1, 2*i + 2} {
			if child < len(t.largest) && t.largest[child].values[0] < t.largest[least].values[0] {
				least = child
			}
		}
		if least == i {
			return
		}
		t.largest[least], t.largest[i] = t.largest[i], t.largest[least]
		i = least
	}
}

// fold puts a thing together with the others that are not shown by name.
func (t *top) fold(values []float64) {
	if t.rest == nil {
		t.rest = make([]float64, len(values))
	}
	for i, v := range values {
		if t.measures.Gauges[i].Max {
			t.rest[i] = max(t.rest[i], v)
		} else {
			t.rest[i] += v
		}
	}
}

func (t *top) collect(out chan<- prometheus.Metric) {
	for _, x := range t.largest {
		t.send(out, x.labels, x.values)
	}
	if t.rest != nil {
		t.send(out, slices.Repeat([]string{Other}, 1+len(t.measures.Labels)), t.rest)
	}
}

func (t *top) send(out chan<- prometheus.Metric, labels []string, values []float64) {
	for i, label := range labels {
		labels[i] = strings.ToValidUTF8(label, "�") // what is no text would spoil the whole page
	}
	for i, v := range values {
		value := prometheus.GaugeValue
		if t.measures.Gauges[i].Counter {
			value = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(t.descs[i], value, v, labels...)
	}
}
