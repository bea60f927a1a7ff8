package persistence

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// rawOp is an op that is its encoding.
type rawOp struct {
	kind byte
	data string
}

func (op rawOp) Kind() byte               { return op.kind }
func (op rawOp) AppendTo(b []byte) []byte { return append(b, op.data...) }
func (op rawOp) Target() (string, bool)   { return op.data, false }
func (op rawOp) Size() int                { return len(op.data) }

func decodeRaw(structure, kind uint8, data []byte) (journal.Op, error) {
	if structure == 9 {
		return nil, fault.New(fault.Corrupt, "no structure 9")
	}
	return rawOp{kind, string(data)}, nil
}

func record(answer *journal.Answer, changes ...journal.Change) *journal.Record {
	rec := &journal.Record{Seq: 5, Answer: answer}
	for _, c := range changes {
		rec.Add(c)
	}
	return rec
}

var answered = &journal.Answer{
	Caller: "me", Key: "k1", Command: "kv.set", Digest: [32]byte{0: 0xaa, 31: 0xbb}, Born: 300, Value: []byte(`{"version":5}`),
}

func TestRecordsKeepTheirEncoding(t *testing.T) {
	a := journal.Change{Namespace: 1, Structure: 1, Op: rawOp{3, "abc"}}
	b := journal.Change{Namespace: 300, Structure: 2, Op: rawOp{4, ""}}
	for _, test := range []struct {
		name string
		rec  *journal.Record
		want string
	}{
		{"one change", record(nil, a), "\x01\x01\x01\x03abc"},
		{"one change of another namespace, without a body", record(nil, b), "\x01\xac\x02\x02\x04"},
		{"two changes", record(nil, a, b), "\x02\x02\x01\x01\x03\x03\x00\x00\x00abc\xac\x02\x02\x04\x00\x00\x00\x00\x00"},
		{"a change with an answer", record(answered, a), "\x02\x01\x01\x01\x03\x03\x00\x00\x00abc" +
			"\x01\xac\x02\x02me\x02k1\x06kv.set\xaa" + string(make([]byte, 30)) + "\xbb{\"version\":5}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := appendRecord([]byte("before"), test.rec); string(got) != "before"+test.want {
				t.Errorf("appendRecord() = %q, want %q", got[6:], test.want)
			}
			back, err := decodeRecord(5, []byte(test.want), decodeRaw)
			if err != nil || !reflect.DeepEqual(back, test.rec) {
				t.Errorf("decodeRecord() = %+v %v, want %+v", back, err, test.rec)
			}
		})
	}
}

// FuzzDecodeRecord decodes anything; what can be read comes back the same from its own encoding.
func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte("\x01\x01\x01\x03abc"))
	f.Add(appendRecord(nil, record(answered, journal.Change{Namespace: 1, Structure: 1, Op: rawOp{3, "abc"}})))
	f.Add([]byte("\x02\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := decodeRecord(5, bytes.Clone(data), decodeRaw)
		if err != nil {
			if fault.CodeOf(err) != fault.Corrupt {
				t.Errorf("the error is %v", err)
			}
			return
		}
		again, err := decodeRecord(5, appendRecord(nil, rec), decodeRaw)
		if err != nil || !reflect.DeepEqual(rec, again) {
			t.Errorf("%q was read as %+v, and that as %+v %v", data, rec, again, err)
		}
	})
}
