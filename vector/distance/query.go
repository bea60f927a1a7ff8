package distance

import (
	"math"
	"unsafe"
)

// Query is a vector made ready to be measured against rows. The zero Query is ready for Prepare or From;
// it may be used again and again, by one goroutine at a time.
type Query struct {
	coarse unsafe.Pointer // the coarse part of a row
	head   Head
	fine   []float32 // the vector as floats, in the order that the kernel for whole rows wants; empty after From
	square float32   // under euclidean: the squared length of fine

	own  []byte // the row that Prepare encodes into
	call gather // of a kernel
}

// Prepare makes q stand for v, which Check finds right.
func (s *Space) Prepare(q *Query, v []float32) {
	if len(q.own) != s.size {
		q.own = aligned(s.size)
		q.fine = view[float32](aligned(s.floats()))
	}
	q.head = s.Encode(q.own, v)
	q.coarse = unsafe.Pointer(unsafe.SliceData(q.own))
	unit := 1.0
	if s.metric == Cosine {
		unit = 1 / float64(q.head.Extra)
	}
	q.fine = q.fine[:cap(q.fine)]
	clear(q.fine)
	if s.element == Float32 && !s.copied() {
		// Halves of two components lie in one word of a row, so the kernel sees the even ones of a chunk
		// and then the odd ones.
		for i, c := range v {
			q.fine[i&^31|i&1<<4|i>>1&15] = float32(float64(c) * unit)
		}
	} else {
		for i, c := range v {
			q.fine[i] = float32(float64(c) * unit)
		}
	}
	if s.metric == Euclidean {
		l := length(v)
		q.square = float32(l * l)
	}
}

// From makes q stand for the row of a slot, for Coarse only. The row has to stay as it is while q is used.
func (s *Space) From(q *Query, rows *Rows, slot uint32) {
	q.coarse, q.head, q.fine = rows.at(slot), *rows.Head(slot), q.fine[:0]
}

// gather is what a kernel gets. The assembly knows the order of its fields.
type gather struct {
	query  unsafe.Pointer
	blocks unsafe.Pointer // the first of Rows.blocks
	slots  unsafe.Pointer // the first of n slots
	out    unsafe.Pointer // the first of n results
	n      uint64
	shift  uint64 // slot>>shift is a block
	mask   uint64 // slot&mask a row in it
	stride uint64 // the length of a row
	offset uint64 // where in a row the kernel reads
	chunks uint64 // how many pieces of 64 bytes it reads there
	ahead  uint64 // how many rows ahead it fetches
}

// fetchAhead is how many cache lines a kernel keeps on their way: about what a core can wait for at once.
const fetchAhead = 24

// gather fills q.call, which is in q so that a call of a kernel allocates nothing.
func (r *Rows) gather(q *Query, query unsafe.Pointer, slots []uint32, out []float32, offset, length int) *gather {
	q.call = gather{
		query: query, blocks: unsafe.Pointer(unsafe.SliceData(r.blocks)),
		slots: unsafe.Pointer(unsafe.SliceData(slots)), out: unsafe.Pointer(unsafe.SliceData(out)),
		n: uint64(len(slots)), shift: uint64(r.shift), mask: 1<<r.shift - 1,
		stride: uint64(r.space.size), offset: uint64(offset), chunks: uint64(length / chunk),
		ahead: uint64(min(max(fetchAhead*chunk/length, 1), 8)),
	}
	return &q.call
}

// Coarse measures q against the rows of slots by their coarse parts, and writes the distances to out, which is
// as long as slots. With a Bit copy the distances are numbers of bits: good for an order, not for a score.
func (s *Space) Coarse(q *Query, rows *Rows, slots []uint32, out []float32) {
	if len(slots) == 0 {
		return
	}
	out = out[:len(slots)]
	g := rows.gather(q, q.coarse, slots, out, 0, s.rest)
	switch s.walk {
	case Float32:
		if s.metric == Euclidean {
			kernels.squareUpper(g)
			return
		}
		kernels.dotUpper(g)
	case Float16:
		if s.metric == Euclidean {
			kernels.squareHalf(g)
			return
		}
		kernels.dotHalf(g)
	case Int8:
		kernels.dotBytes(g)
		s.bytesToDistances(q, rows, slots, out)
		return
	case Bit:
		kernels.hamming(g)
		return
	}
	s.dotsToDistances(out)
}

// Fine measures q, which Prepare made, against whole rows: the distances that people see.
func (s *Space) Fine(q *Query, rows *Rows, slots []uint32, out []float32) {
	if len(slots) == 0 {
		return
	}
	out = out[:len(slots)]
	query := unsafe.Pointer(unsafe.SliceData(q.fine))
	switch {
	case s.element == Float32 && !s.copied():
		g := rows.gather(q, query, slots, out, 0, s.rest)
		if s.metric == Euclidean {
			kernels.squareSplit(g)
			return
		}
		kernels.dotSplit(g)
	case s.element == Float32:
		g := rows.gather(q, query, slots, out, s.rest, s.size-s.rest)
		if s.metric == Euclidean {
			kernels.squareFloat(g)
			return
		}
		kernels.dotFloat(g)
	case s.element == Float16:
		g := rows.gather(q, query, slots, out, s.fine(), s.size-s.fine())
		if s.metric == Euclidean {
			kernels.squareFloatHalf(g)
			return
		}
		kernels.dotFloatHalf(g)
	case s.element == Int8:
		g := rows.gather(q, query, slots, out, s.fine(), s.size-s.fine())
		kernels.dotFloatBytes(g)
		for i, slot := range slots {
			head := rows.Head(slot)
			switch s.metric {
			case Cosine:
				out[i] = 1 - out[i]*head.Factor
			case Dot:
				out[i] = -out[i] * head.Factor
			default:
				out[i] = max(q.square+head.Extra-2*out[i]*head.Factor, 0)
			}
		}
		return
	case s.element == Bit:
		g := rows.gather(q, q.coarse, slots, out, 0, s.rest)
		kernels.hamming(g)
		return
	}
	s.dotsToDistances(out)
}

func (s *Space) dotsToDistances(out []float32) {
	if s.metric == Cosine {
		for i, dot := range out {
			out[i] = 1 - dot
		}
		return
	}
	for i, dot := range out {
		out[i] = -dot
	}
}

// bytesToDistances makes distances of inner products of bytes, which the kernel left in out as int32s.
func (s *Space) bytesToDistances(q *Query, rows *Rows, slots []uint32, out []float32) {
	for i, slot := range slots {
		head := rows.Head(slot)
		dot := float32(int32(math.Float32bits(out[i]))) * q.head.Factor * head.Factor
		switch s.metric {
		case Cosine:
			out[i] = 1 - dot
		case Dot:
			out[i] = -dot
		default:
			out[i] = max(q.head.Extra+head.Extra-2*dot, 0)
		}
	}
}
