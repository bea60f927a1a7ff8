package peer

import "github.com/hivellm/synap-go/core/command"

// measures are what is told of each peer.
var measures = &command.Measures{
	Labels: []string{"peer"},
	Gauges: []command.Gauge{
		{Name: "peer_behind_events", Help: "Events that are known and not yet taken over, in both directions."},
		{Name: "peer_lag_seconds", Help: "Age of the oldest of them; without a connection, since when it may be behind."},
		{Name: "peer_connected", Help: "1 while the link to the peer works; otherwise 0."},
		{Name: "peer_followed_rooms", Help: "Partitions of rooms that are followed, those of both directions counted twice."},
		{Name: "peer_attempts_total", Help: "Connections that were tried since the link was made.", Counter: true},
		{Name: "peer_in_events_total", Help: "Events taken in from the peer since the link was made.", Counter: true},
		{Name: "peer_out_events_total", Help: "Events that the peer took in from here since the link was made.", Counter: true},
		{Name: "peer_passed_events_total", Help: "Events passed over because they were there already.", Counter: true},
		{Name: "peer_lost_events_total", Help: "Events that a room had let go of before they were read.", Counter: true},
	},
}

// Measure implements command.Measurer.
func (p *Peers) Measure(report func(m *command.Measures, labels []string, values []float64)) {
	for _, peer := range p.All() {
		s := p.status(peer)
		connected := 0.0
		if s.State == Connected {
			connected = 1
		}
		report(measures, []string{peer.Name}, []float64{
			float64(s.Behind), float64(s.LagMS) / 1000, connected, float64(s.Rooms), float64(s.Attempts), float64(s.In), float64(s.Out), float64(s.Passed), float64(s.Lost),
		})
	}
}
