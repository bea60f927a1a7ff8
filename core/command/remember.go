package command

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
)

// An answer that is kept, in a snapshot, is one entry (uv is an unsigned varint; a string is its length as uv
// and its bytes):
//
//	┌───────────────┬──────────┬────────────────┬────────────────┬─────────────────┬─────────────┬────────────┐
//	│ namespace, uv │ born, uv │ caller, string │ key, string    │ command, string │ digest, 32B │ JSON … end │
//	└───────────────┴──────────┴────────────────┴────────────────┴─────────────────┴─────────────┴────────────┘

// SaveAnswers hands every answer that callers with idempotency keys were given to add, oldest first. add keeps
// nothing of an entry.
func (d *Dispatcher) SaveAnswers(add func(entry []byte)) {
	a := d.answers
	type kept struct {
		space  uint32
		answer *journal.Answer // never changed once it is here
	}
	a.mu.Lock()
	all := make([]kept, 0, a.order.Len())
	for e := a.order.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*remembered); r.answer != nil {
			all = append(all, kept{r.key.space, r.answer})
		}
	}
	a.mu.Unlock()
	var b []byte
	for _, k := range all {
		b = appendAnswer(b[:0], k.space, k.answer)
		add(b)
	}
}

func appendAnswer(b []byte, space uint32, a *journal.Answer) []byte {
	b = binary.AppendUvarint(b, uint64(space))
	b = binary.AppendUvarint(b, uint64(a.Born)) //nolint:gosec // never negative
	for _, s := range [...]string{a.Caller, a.Key, a.Command} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return append(append(b, a.Digest[:]...), a.Value...)
}

// RestoreAnswer takes an entry of SaveAnswers in.
func (d *Dispatcher) RestoreAnswer(entry []byte) error {
	corrupt := fault.New(fault.Corrupt, "a remembered answer cannot be read")
	space, n := binary.Uvarint(entry)
	if n <= 0 || space > math.MaxUint32 {
		return corrupt
	}
	born, m := binary.Uvarint(entry[n:])
	if m <= 0 || born > math.MaxInt64 {
		return corrupt
	}
	a := &journal.Answer{Born: int64(born)}
	rest := entry[n+m:]
	for _, field := range []*string{&a.Caller, &a.Key, &a.Command} {
		text, after, ok := journal.NextEntry(rest)
		if !ok {
			return corrupt
		}
		*field, rest = string(text), after
	}
	if len(rest) < len(a.Digest) {
		return corrupt
	}
	a.Value = append([]byte(nil), rest[copy(a.Digest[:], rest):]...)
	return d.Remember(uint32(space), a)
}

// Remember makes the answer the one that a repeat of its call gets, as recovery and replicas do. One for a command
// that there no longer is, or that is too old, is passed over.
func (d *Dispatcher) Remember(space uint32, answer *journal.Answer) error {
	c, err := d.table.Find(answer.Command)
	if err != nil || !c.Repeatable() || answer.Born+answerLifeMS <= d.clock.Now() {
		return nil //nolint:nilerr // the table may have changed since
	}
	value := reflect.New(c.Response).Interface()
	if err := json.Unmarshal(answer.Value, value); err != nil {
		return fault.Wrap(fault.Corrupt, err, "the remembered answer of %s cannot be read", answer.Command)
	}
	if w, ok := value.(interface{ restored(journal.Durability) }); ok {
		_, highest := d.journal.Levels() // it comes from there
		w.restored(highest)
	}
	r, mine := d.answers.claim(answerKey{space, answer.Caller, answer.Key}, answer.Digest, answer.Born)
	if mine {
		d.answers.settle(r, value, answer, false)
	}
	return nil
}
