package vector

import (
	"encoding/binary"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/vector/collection"
)

// The kinds of entries that Save writes. The numbers are permanent, and so are the encodings; see op.go. The points of
// a collection follow its head; a head after others means that another collection has the name.
//
//	head   ┌──────┬──────┬─────────────────────┐
//	       │ 1 u8 │ born │ as op configure …   │
//	       └──────┴──────┴─────────────────────┘
//	point  ┌──────┬─────────┬──────────────────┐
//	       │ 2 u8 │ version │ as op put …      │
//	       └──────┴─────────┴──────────────────┘
//
// A record that is replayed over entries sets a point as a whole, so the last one wins whatever was saved. Graphs are
// not saved: they are made anew of the vectors, while searches are answered exactly.
const (
	entryHead  = 1
	entryPoint = 2
)

// Bounds of one call of Save. They are variables so that tests can make every boundary a common one.
var (
	saveBytes  = command.SaveBytes
	savePoints = 1024
)

// Parts implements command.State: points follow their collection's head, so there is one part.
func (*Collections) Parts() int { return 1 }

// Save implements command.State. A cursor is the version that made the collection, the id to go on from, and the
// collection's name; version 0 says that the collection of the next name is meant.
func (s *Collections) Save(_ int, from []byte, add func(entry []byte)) (next []byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &saver{add: add, left: saveBytes, points: savePoints}
	r := journal.NewReader(from)
	var born uint64
	var id collection.ID
	if from != nil {
		born, id = r.Number(), collection.ReadID(&r)
	}
	name := r.Rest()
	for {
		e := s.find(name)
		if from == nil || born == 0 {
			e = s.after(name, from != nil)
		}
		if e == nil && born == 0 {
			return nil
		}
		if e != nil {
			if e.born != born {
				out.head(e)
				id = collection.ID{}
			}
			if id = out.save(e, id); !id.IsZero() {
				return append(collection.AppendID(binary.AppendUvarint(nil, e.born), id), e.name...)
			}
			name = e.name
		}
		born, from = 0, []byte{}
		if out.full() {
			return append(collection.AppendID([]byte{0}, collection.NumberID(0)), name...)
		}
	}
}

// after is the first collection from the name on, or after it; nil when there is none.
func (s *Collections) after(name string, beyond bool) (found *entry) {
	s.byName.Ascend(name, func(key string, e *entry) bool {
		if beyond && key == name {
			return true
		}
		found = e
		return false
	})
	return found
}

// saver is one call of Save: what it may still do.
type saver struct {
	add     func(entry []byte)
	left    int // bytes
	points  int
	scratch []byte
}

func (out *saver) full() bool { return out.left <= 0 || out.points <= 0 }

func (out *saver) entry(b []byte) {
	out.scratch = b[:0]
	out.left -= len(b)
	out.points--
	out.add(b)
}

func (out *saver) head(e *entry) {
	e.RLock()
	defer e.RUnlock()
	op := &configure{name: e.name, created: e.created, config: e.Config()}
	out.entry(op.AppendTo(binary.AppendUvarint(append(out.scratch[:0], entryHead), e.born)))
}

// save saves points from the id on, and returns the id to go on from; none when these were the last.
func (out *saver) save(e *entry, id collection.ID) (next collection.ID) {
	e.RLock()
	defer e.RUnlock()
	e.Each(id, func(p *collection.Point) bool {
		if out.full() {
			next = p.ID
			return false
		}
		op := &put{name: e.name, draft: e.Draft(p)}
		out.entry(op.AppendTo(binary.AppendUvarint(append(out.scratch[:0], entryPoint), p.Version)))
		return true
	})
	return next
}

// Restore implements command.State.
func (s *Collections) Restore(entry []byte) error {
	r := journal.NewReader(entry)
	kind, version := r.Byte(entryPoint), r.Number()
	ok := false
	switch {
	case r.Bad() || version == 0:
	case kind == entryHead:
		ok = s.restoreHead(version, r.Rest())
	case kind == entryPoint:
		ok = s.restorePoint(version, r.Rest())
	}
	if !ok {
		return fault.New(fault.Corrupt, "a saved entry of a collection, of kind %d, cannot be read, or does not go with those before it", kind)
	}
	return nil
}

func (s *Collections) restoreHead(born uint64, data string) bool {
	op, err := decodeOp(opConfigure, []byte(data))
	if err != nil {
		return false
	}
	name, _ := op.Target()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byName.Delete(name)
	s.Apply(born, op)
	return true
}

func (s *Collections) restorePoint(version uint64, data string) bool {
	op, err := decodeOp(opPut, []byte(data))
	if err != nil {
		return false
	}
	p := op.(*put)
	e, unlock, err := s.change(p.name)
	if err != nil {
		return false
	}
	defer unlock()
	if version < e.born || !e.Fits(p.draft) || e.Has(p.draft.ID) {
		return false
	}
	s.Apply(version, op)
	return true
}
