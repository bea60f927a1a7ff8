package journal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
)

// Position is a place between two records: everything up to and including Seq has been seen.
//
// The epoch tells histories apart: it changes when a journal starts anew and when a replica is
// promoted, so that a number of one history is never mistaken for a number of another.
// The text form is "epoch-seq", or just "seq" with epoch 0, which means the current epoch.
type Position struct {
	Epoch uint64
	Seq   uint64
}

// IsZero reports whether p is no position at all.
func (p Position) IsZero() bool { return p == Position{} }

// String returns "epoch-seq"; "seq" when the epoch is 0.
func (p Position) String() string {
	if p.Epoch == 0 {
		return strconv.FormatUint(p.Seq, 10)
	}
	return strconv.FormatUint(p.Epoch, 10) + "-" + strconv.FormatUint(p.Seq, 10)
}

// ParsePosition reads what String writes.
func ParsePosition(s string) (Position, error) {
	epoch, seq, both := strings.Cut(s, "-")
	if !both {
		epoch, seq = "0", s
	}
	e, err1 := strconv.ParseUint(epoch, 10, 64)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	if err1 != nil || err2 != nil {
		return Position{}, fault.New(fault.Invalid,
			"position %q is neither a version like 17 nor a position like 3-17", s)
	}
	return Position{Epoch: e, Seq: n}, nil
}

// MarshalJSON writes a string.
func (p Position) MarshalJSON() ([]byte, error) { return []byte(`"` + p.String() + `"`), nil }

// UnmarshalJSON reads a string, or a number: the version of a write is the position after it.
func (p *Position) UnmarshalJSON(data []byte) error {
	s := string(data)
	if s == "null" {
		return nil
	}
	parsed, err := ParsePosition(strings.Trim(s, `"`))
	if err == nil {
		*p = parsed
	}
	return err
}

// EncodeMsgpack writes a string.
func (p Position) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeString(p.String()) }

// DecodeMsgpack reads a string or an unsigned number.
func (p *Position) DecodeMsgpack(dec *msgpack.Decoder) error {
	v, err := dec.DecodeInterfaceLoose()
	if err != nil || v == nil {
		return err
	}
	parsed, err := ParsePosition(fmt.Sprint(v))
	if err == nil {
		*p = parsed
	}
	return err
}
