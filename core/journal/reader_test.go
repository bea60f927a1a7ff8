package journal_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/hivellm/synap-go/core/journal"
)

func TestReader(t *testing.T) {
	overflow := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}
	most := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	for _, tt := range []struct {
		name string
		data []byte
		read func(r *journal.Reader) any
		want string // and then "more", if there is more to read, or "bad"
	}{
		{"a number", []byte{0x80, 1, 9}, func(r *journal.Reader) any { return r.Number() }, "128 more"},
		{"the largest number", most, func(r *journal.Reader) any { return r.Number() }, "18446744073709551615"},
		{"a larger number", overflow, func(r *journal.Reader) any { return r.Number() }, "0 bad"},
		{"a number that is cut", []byte{0x80}, func(r *journal.Reader) any { return r.Number() }, "0 bad"},
		{"no number", nil, func(r *journal.Reader) any { return r.Number() }, "0 bad"},
		{"as much as there may be", []byte{7}, func(r *journal.Reader) any { return r.UpTo(7) }, "7"},
		{"more than there may be", []byte{8}, func(r *journal.Reader) any { return r.UpTo(7) }, "0 bad"},
		{"an int", []byte{5}, func(r *journal.Reader) any { return r.Int() }, "5"},
		{"no int", most, func(r *journal.Reader) any { return r.Int() }, "0 bad"},
		{"a count", []byte{2, 0, 0, 0, 0, 0}, func(r *journal.Reader) any { return r.Count(2) }, "2 more"},
		{"a count of more than there is", []byte{3, 0, 0, 0, 0, 0}, func(r *journal.Reader) any { return r.Count(2) }, "0 bad"},
		{"a count of far more", most, func(r *journal.Reader) any { return r.Count(1) }, "0 bad"},
		{"a byte", []byte{255, 1}, func(r *journal.Reader) any { return r.Byte(math.MaxUint8) }, "255 more"},
		{"a byte too large", []byte{3}, func(r *journal.Reader) any { return r.Byte(2) }, "0 bad"},
		{"no byte", nil, func(r *journal.Reader) any { return r.Byte(2) }, "0 bad"},
		{"a flag", []byte{1}, func(r *journal.Reader) any { return r.Flag() }, "true"},
		{"a flag that is not set", []byte{0}, func(r *journal.Reader) any { return r.Flag() }, "false"},
		{"no flag", []byte{2}, func(r *journal.Reader) any { return r.Flag() }, "false bad"},
		{"bytes", []byte("\x02abc"), func(r *journal.Reader) any { return r.Bytes() }, "[97 98] more"},
		{"a text", []byte("\x02abc"), func(r *journal.Reader) any { return r.Text() }, "ab more"},
		{"an empty text", []byte("\x00"), func(r *journal.Reader) any { return r.Text() }, ""},
		{"a text that is cut", []byte("\x02a"), func(r *journal.Reader) any { return r.Text() }, " bad"},
		{"a text as before", []byte("\x02ab"), func(r *journal.Reader) any { return r.TextLike("ab") }, "ab"},
		{"another text", []byte("\x02ab"), func(r *journal.Reader) any { return r.TextLike("cd") }, "ab"},
		{"the rest", []byte("abc"), func(r *journal.Reader) any { return r.Rest() }, "abc"},
		{"no rest", nil, func(r *journal.Reader) any { return r.Rest() }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := journal.NewReader(tt.data)
			got := fmt.Sprint(tt.read(&r))
			switch {
			case r.Bad():
				got += " bad"
			case r.More():
				got += " more"
			}
			if r.Whole() != (!r.Bad() && !r.More()) {
				t.Error("it is whole, and it is not")
			}
			if got != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAReaderStaysBad reads on after a mistake.
func TestAReaderStaysBad(t *testing.T) {
	r := journal.NewReader([]byte("\x09\x02ab\x01"))
	if r.Count(1); !r.Bad() || r.Whole() {
		t.Errorf("9 of 4 bytes are taken for well")
	}
	if n, s, rest := r.Number(), r.Text(), r.Rest(); n != 0 || s != "" || rest != "" || r.Whole() {
		t.Errorf("after a mistake it reads %d, %q and %q", n, s, rest)
	}
}

// TestAReaderSharesWhatIsAlike counts allocations.
func TestAReaderSharesWhatIsAlike(t *testing.T) {
	data, before := []byte("\x10the same as ever"), "the same as ever"
	if n := testing.AllocsPerRun(100, func() {
		r := journal.NewReader(data)
		if r.TextLike(before) != before {
			t.Error("read something else")
		}
	}); n != 0 {
		t.Errorf("a text like the one before takes %v allocations", n)
	}
}
