package kv

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/value"
)

// TestOpsKeepTheirEncoding holds every op against the bytes that older logs have of it.
func TestOpsKeepTheirEncoding(t *testing.T) {
	for _, test := range []struct {
		name string
		op   journal.Op
		kind byte
		want string
	}{
		{"put text", &put{key: "ab", value: value.OfText("xyz")}, 1, "\x02ab\x00\x01xyz"},
		{"put empty text", &put{key: "k", value: value.OfText("")}, 1, "\x01k\x00\x01"},
		{"put json with a deadline", &put{key: "k", value: value.Restore(value.JSON, "[1]"), expires: 300}, 1, "\x01k\xac\x02\x02[1]"},
		{"put bytes forever", &put{key: "k", value: value.OfBytes([]byte{0, 255}), expires: math.MaxInt64}, 1,
			"\x01k\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x03\x00\xff"},
		{"remove", &remove{key: "ab", cause: deleted}, 2, "\x01ab"},
		{"remove expired", &remove{key: "ab", cause: expired}, 2, "\x02ab"},
		{"touch", &touch{key: "ab", expires: 1}, 3, "\x01ab"},
		{"touch forever", &touch{key: "ab"}, 3, "\x00ab"},
		{"wipe", &wipe{prefix: "a:"}, 4, "a:"},
		{"wipe everything", &wipe{}, 4, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.op.AppendTo([]byte("before")); string(got) != "before"+test.want {
				t.Errorf("AppendTo() = %q, want %q", got[6:], test.want)
			}
			if test.op.Kind() != test.kind {
				t.Errorf("Kind() = %d, want %d", test.op.Kind(), test.kind)
			}
			back, err := decodeOp(test.kind, []byte(test.want))
			if err != nil || !reflect.DeepEqual(back, test.op) {
				t.Errorf("decodeOp() = %+v %v, want %+v", back, err, test.op)
			}
			if n := len(test.want); test.op.Size() < n-10 {
				t.Errorf("Size() = %d for %d bytes", test.op.Size(), n)
			}
		})
	}
}

func TestDecodeOpRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		kind byte
		data string
	}{
		{"an unknown kind", 9, "a"},
		{"kind zero", 0, "a"},
		{"an empty put", 1, ""},
		{"a put with an empty key", 1, "\x00\x00\x01v"},
		{"a put whose key is longer than the data", 1, "\x05ab"},
		{"a put whose key length overflows", 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k"},
		{"a put with a huge key length", 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k"},
		{"a put without a deadline", 1, "\x01k"},
		{"a put with a negative deadline", 1, "\x01k\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01v"},
		{"a put without a kind", 1, "\x01k\x00"},
		{"a put of no value", 1, "\x01k\x00\x00v"},
		{"a put of an unknown kind", 1, "\x01k\x00\x04v"},
		{"an empty remove", 2, ""},
		{"a remove of nothing", 2, "\x01"},
		{"a remove for no reason", 2, "\x00k"},
		{"a remove for an unknown reason", 2, "\x03k"},
		{"an empty touch", 3, ""},
		{"a touch of nothing", 3, "\x01"},
		{"a touch cut in its deadline", 3, "\xff"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if op, err := decodeOp(test.kind, []byte(test.data)); fault.CodeOf(err) != fault.Corrupt {
				t.Errorf("decodeOp() = %+v %v, want corrupt", op, err)
			}
		})
	}
}

// FuzzDecodeOp decodes anything; what can be read comes back the same from its own encoding.
func FuzzDecodeOp(f *testing.F) {
	f.Add(byte(1), []byte("\x02ab\xac\x02\x02[1]"))
	f.Add(byte(2), []byte("\x02ab"))
	f.Add(byte(3), []byte("\x01ab"))
	f.Add(byte(4), []byte("a"))
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		kept := bytes.Clone(data)
		op, err := decodeOp(kind, data)
		if err != nil {
			return
		}
		clear(data) // the op must not depend on it
		again, err := decodeOp(op.Kind(), op.AppendTo(nil))
		if err != nil || !reflect.DeepEqual(op, again) || op.Kind() != kind {
			t.Errorf("%q was read as %+v, and that as %+v %v", kept, op, again, err)
		}
		op.Target()
		if op.Size() < len(kept)-20 {
			t.Errorf("Size() = %d for %d bytes", op.Size(), len(kept))
		}
	})
}
