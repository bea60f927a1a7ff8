package stream_test

import (
	"encoding/json"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
)

// TestMessagePack asks in MessagePack what is asked in JSON elsewhere: embedded fields are on the same level.
func TestMessagePack(t *testing.T) {
	running(t, func(b *bench) {
		b.append("r", "a", "b", "c")
		b.do("stream.group.create", `{"room":"r","group":"g"}`)
		tests := []struct {
			name, command string
			request       map[string]any
			want          string // a key of the answer
		}{
			{"an event", "stream.append", map[string]any{"room": "r", "data": "x", "event": "e", "expected_offset": 3}, "offset"},
			{"a place", "stream.read", map[string]any{"room": "r", "from_offset": 0, "limit": 2}, "events"},
			{"a policy", "stream.create", map[string]any{"room": "p", "max_events": 5}, "generation"},
			{"a member", "stream.group.join", map[string]any{"room": "r", "group": "g", "member": "m"}, "partitions"},
			{"a fetch", "stream.group.fetch", map[string]any{"room": "r", "group": "g", "member": "m", "limit": 1}, "batches"},
		}
		for _, test := range tests {
			packed, err := msgpack.Marshal(test.request)
			if err != nil {
				t.Fatal(err)
			}
			r := b.request(test.command, "")
			r.Payload = command.MsgPack(packed)
			resp, err := b.d.Do(t.Context(), r)
			if err != nil {
				t.Errorf("%s: %s %v", test.name, fault.CodeOf(err), err)
				continue
			}
			text, err := json.Marshal(resp)
			var answer map[string]any
			if err != nil || json.Unmarshal(text, &answer) != nil || answer[test.want] == nil {
				t.Errorf("%s: %v, %v", test.name, answer, err)
			}
		}
	})
}
