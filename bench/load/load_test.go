package load

import (
	"testing"

	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp/umx"
)

// TestTake: an answer is taken when it is whole, one at a time, and one that is no good is no answer.
func TestTake(t *testing.T) {
	fine := umx.Message{Op: umx.OpResponse, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Meta: pack.AppendUint(pack.AppendArray(nil, 1), 0)}
	refused := umx.Message{Op: umx.OpError, Kind: umx.KindError, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Meta: pack.AppendArray(nil, 0)}
	frame := func(m umx.Message) string {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, test := range []struct {
		name     string
		protocol Protocol
		answer   string
		ok       bool
	}{
		{"a status", &RESP{}, "+OK\r\n", true},
		{"a string", &RESP{}, "$3\r\nabc\r\n", true},
		{"no string", &RESP{}, "$-1\r\n", true},
		{"a refusal", &RESP{}, "-ERR no\r\n", false},
		{"a length that is none", &RESP{}, "$x\r\n", false},
		{"a frame", &Frames{}, frame(fine), true},
		{"a frame that refuses", &Frames{}, frame(refused), false},
		{"no frame", &Frames{}, string(make([]byte, umx.HeaderBytes)), false},
	} {
		n, err := test.protocol.Take([]byte(test.answer + "+more\r\n"))
		if (err == nil) != test.ok || (test.ok && n != len(test.answer)) {
			t.Errorf("%s: %d of %d, %v", test.name, n, len(test.answer), err)
		}
		for i := range len(test.answer) {
			if n, err := test.protocol.Take([]byte(test.answer[:i])); n != 0 || (err != nil && test.ok) {
				t.Errorf("%s, %d bytes of it: %d, %v", test.name, i, n, err)
			}
		}
	}
}
