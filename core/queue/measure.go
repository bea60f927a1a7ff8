package queue

import "github.com/hivellm/synap-go/core/command"

// measures are what is told of every queue.
var measures = &command.Measures{
	Labels: []string{"queue"},
	Gauges: []command.Gauge{
		{Name: "queue_depth", Help: "Messages that are ready, leased or delayed."},
		{Name: "queue_ready", Help: "Messages that are ready to be handed out."},
		{Name: "queue_leased", Help: "Messages that a consumer holds."},
		{Name: "queue_dead", Help: "Dead letters."},
		{Name: "queue_bytes", Help: "About how much memory the messages take, dead letters included."},
		{Name: "queue_oldest_message_age_seconds", Help: "How long ago the message that is next in line was published.", Max: true},
	},
}

// Measure implements command.Measurer.
func (s *Queues) Measure(report func(m *command.Measures, labels []string, values []float64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.env.Clock.Now()
	var labels [1]string
	var values [6]float64
	s.names.Scan(func(name string, q *queue) bool {
		c := q.counts()
		age := 0.0
		if m := q.line.first(); m != nil {
			age = float64(max(0, now-m.publishedAt)) / 1000
		}
		labels[0] = name
		values = [...]float64{
			float64(q.depth()), float64(c.Ready), float64(c.Leased), float64(c.Dead), float64(q.bytes + q.deadBytes), age,
		}
		report(measures, labels[:], values[:])
		return true
	})
}
