package stream

import "github.com/hivellm/synap-go/core/command"

// What is told of every room and of every group.
var (
	roomMeasures = &command.Measures{
		Labels: []string{"room"},
		Gauges: []command.Gauge{
			{Name: "stream_events", Help: "Events that a room holds."},
			{Name: "stream_bytes", Help: "About how much memory a room takes."},
			{Name: "stream_groups", Help: "Groups of consumers of a room."},
		},
	}
	groupMeasures = &command.Measures{
		Labels: []string{"room", "group"},
		Gauges: []command.Gauge{
			{Name: "stream_group_lag_events", Help: "Events, in all partitions, that a group has yet to commit."},
			{Name: "stream_group_members", Help: "Members of a group."},
		},
	}
)

// Measure implements command.Measurer.
func (s *Streams) Measure(report func(m *command.Measures, labels []string, values []float64)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, r := range s.rooms {
		r.mu.Lock()
		report(roomMeasures, []string{name}, []float64{float64(r.count()), float64(r.memory()), float64(len(r.groups))})
		for group, g := range r.groups {
			var lag uint64
			for i := range r.partitions {
				lag += g.lag(&r.partitions[i], i)
			}
			report(groupMeasures, []string{name, group}, []float64{float64(lag), float64(len(g.members))})
		}
		r.mu.Unlock()
	}
}
