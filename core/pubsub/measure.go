package pubsub

import "github.com/hivellm/synap-go/core/command"

// measures are what is told of a namespace's topics.
var measures = &command.Measures{
	Gauges: []command.Gauge{
		{Name: "pubsub_subscriptions", Help: "Open subscriptions."},
		{Name: "pubsub_retained_messages", Help: "Topics that keep a message for newcomers."},
		{Name: "pubsub_published_messages_total", Help: "Messages published since the server started.", Counter: true},
		{Name: "pubsub_delivered_messages_total", Help: "Messages put into mailboxes since the server started.", Counter: true},
		{Name: "pubsub_accepted_messages_total", Help: "Messages taken in from other servers since the server started.", Counter: true},
		{Name: "pubsub_passed_messages_total", Help: "Messages of other servers passed over, because they were here already or had come too far.", Counter: true},
	},
}

// Measure implements command.Measurer.
func (b *Broker) Measure(report func(m *command.Measures, labels []string, values []float64)) {
	b.mu.RLock()
	subscriptions, retained := len(b.subscribers), b.retained.Len()
	b.mu.RUnlock()
	published, delivered := b.published.Load(), b.delivered.Load()
	if subscriptions == 0 && retained == 0 && published == 0 && b.passed.Load() == 0 {
		return // nobody uses topics here
	}
	report(measures, nil, []float64{float64(subscriptions), float64(retained), float64(published), float64(delivered), float64(b.accepted.Load()), float64(b.passed.Load())})
}
