package vector

import (
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/vector/collection"
)

// maxAnswerBytes bounds the payloads, texts and vectors of one answer. It is a variable so that tests can make it small.
var maxAnswerBytes = 32 << 20

// room is what an answer may still take.
type room struct{ left int }

// roomFor makes room for an answer of so many points of a collection, and refuses one whose vectors alone are too much:
// that is known before anything is looked for.
func (s *Shown) roomFor(e *entry, points int) (*room, error) {
	if s.WithVectors && points > 0 && e.VectorBytes() > maxAnswerBytes/points {
		return nil, fault.New(fault.TooLarge, "the vectors of %d points may take %d bytes; an answer takes at most %d: ask for fewer points",
			points, points*e.VectorBytes(), maxAnswerBytes).With("limit", maxAnswerBytes)
	}
	return &room{maxAnswerBytes}, nil
}

// takes reports whether there is room for the point, and takes it.
func (r *room) takes(p *Point) bool {
	n := 64 + len(p.Payload) + len(p.Text) + 4*len(p.Vector)
	for _, v := range p.Vectors {
		n += 4 * len(v)
	}
	r.left -= n
	return r.left >= 0
}

// take is takes for an answer that cannot go without the point.
func (r *room) take(p *Point) error {
	if r.takes(p) {
		return nil
	}
	return fault.New(fault.TooLarge, "the points take more than %d bytes: ask for fewer of them, or for fewer fields of their payloads",
		maxAnswerBytes).With("limit", maxAnswerBytes)
}

// vectorsOf are the point's vectors, if they are asked for. RLock is held.
func (s *Shown) vectorsOf(e *entry, p *collection.Point) vectors {
	if !s.WithVectors {
		return nil
	}
	return e.Vectors(p)
}
