package umicp

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hivellm/synap-go/umicp/umx"
)

// traffic is what has gone through the door in frames, since it was made. Sessions add to it once for all that they have read,
// or write, at a time: they share it.
type traffic struct {
	in, out flow
}

type flow struct {
	frames, bytes atomic.Uint64
	_             [48]byte // the two directions do not share a cache line
}

func (f *flow) add(frames, bytes int) {
	f.frames.Add(uint64(frames)) //nolint:gosec // not negative
	f.bytes.Add(uint64(bytes))   //nolint:gosec // as above
}

// wrote books what was written: whole frames, and one more in parts if there are any.
func (t *traffic) wrote(frames []byte, parts int) {
	n := 0
	if parts > 0 {
		n++
	}
	for at := 0; at+umx.HeaderBytes <= len(frames); n++ {
		at += int(umx.FrameLength(frames[at:])) //nolint:gosec // they are ours
	}
	t.out.add(n, len(frames)+parts)
}

var (
	sessionsDesc = prometheus.NewDesc("synap_umicp_sessions", "Open sessions of UMICP, over TCP and WebSocket.", nil, nil)
	framesDesc   = prometheus.NewDesc("synap_umicp_frames_total", "Frames of UMICP, over any carrier.", []string{"direction"}, nil)
	bytesDesc    = prometheus.NewDesc("synap_umicp_bytes_total", "Bytes of frames of UMICP, over any carrier.", []string{"direction"}, nil)
)

// Describe implements prometheus.Collector.
func (s *Server) Describe(out chan<- *prometheus.Desc) {
	out <- sessionsDesc
	out <- framesDesc
	out <- bytesDesc
}

// Collect implements prometheus.Collector.
func (s *Server) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(sessionsDesc, prometheus.GaugeValue, float64(s.Sessions()))
	for direction, f := range map[string]*flow{"in": &s.traffic.in, "out": &s.traffic.out} {
		out <- prometheus.MustNewConstMetric(framesDesc, prometheus.CounterValue, float64(f.frames.Load()), direction)
		out <- prometheus.MustNewConstMetric(bytesDesc, prometheus.CounterValue, float64(f.bytes.Load()), direction)
	}
}
