package distance

import (
	"math"
	"math/bits"
	"unsafe"
)

// kernelSet is one function for each way of reading rows. Each goes through g.n slots and writes a float32 for
// each; dotBytes writes an int32.
type kernelSet struct {
	name string

	// These read the query from a row, too.
	dotUpper, squareUpper func(*gather) // upper halves of float32s
	dotHalf, squareHalf   func(*gather) // float16s
	dotBytes              func(*gather)
	hamming               func(*gather)

	// These have a query of float32s.
	dotSplit, squareSplit         func(*gather) // both halves of float32s; the query in the order of Prepare
	dotFloat, squareFloat         func(*gather)
	dotFloatHalf, squareFloatHalf func(*gather)
	dotFloatBytes                 func(*gather)
}

// kernels is chosen once, at the start, by what the processor can do.
var kernels = generic

// Kernels returns the name of the kernels in use: "avx512", "avx2" or "go".
func Kernels() string { return kernels.name }

// generic is the kernels in plain Go: what every other set has to agree with.
var generic = kernelSet{
	name: "go",
	dotUpper: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[uint16](q, chunks), numbers[uint16](row, chunks)
		var sum [4]float32
		for i := 0; i < len(a) && i < len(b); i++ {
			sum[i&3] += join(a[i], 0) * join(b[i], 0)
		}
		return sum[0] + sum[1] + sum[2] + sum[3]
	}),
	squareUpper: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[uint16](q, chunks), numbers[uint16](row, chunks)
		var sum [4]float32
		for i := 0; i < len(a) && i < len(b); i++ {
			d := join(a[i], 0) - join(b[i], 0)
			sum[i&3] += d * d
		}
		return sum[0] + sum[1] + sum[2] + sum[3]
	}),
	dotHalf: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[uint16](q, chunks), numbers[uint16](row, chunks)
		sum := float32(0)
		for i := 0; i < len(a) && i < len(b); i++ {
			sum += fromFloat16(a[i]) * fromFloat16(b[i])
		}
		return sum
	}),
	squareHalf: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[uint16](q, chunks), numbers[uint16](row, chunks)
		sum := float32(0)
		for i := 0; i < len(a) && i < len(b); i++ {
			d := fromFloat16(a[i]) - fromFloat16(b[i])
			sum += d * d
		}
		return sum
	}),
	dotBytes: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[int8](q, chunks), numbers[int8](row, chunks)
		sum := int32(0)
		for i := 0; i < len(a) && i < len(b); i++ {
			sum += int32(a[i]) * int32(b[i])
		}
		return math.Float32frombits(uint32(sum))
	}),
	hamming: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[uint64](q, chunks), numbers[uint64](row, chunks)
		sum := 0
		for i := 0; i < len(a) && i < len(b); i++ {
			sum += bits.OnesCount64(a[i] ^ b[i])
		}
		return float32(sum)
	}),
	dotSplit: each(func(q, row unsafe.Pointer, chunks int) float32 {
		sum := float32(0)
		eachSplit(q, row, chunks, func(a, b float32) { sum += a * b })
		return sum
	}),
	squareSplit: each(func(q, row unsafe.Pointer, chunks int) float32 {
		sum := float32(0)
		eachSplit(q, row, chunks, func(a, b float32) { sum += (a - b) * (a - b) })
		return sum
	}),
	dotFloat: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[float32](q, chunks), numbers[float32](row, chunks)
		var sum [4]float32
		for i := 0; i < len(a) && i < len(b); i++ {
			sum[i&3] += a[i] * b[i]
		}
		return sum[0] + sum[1] + sum[2] + sum[3]
	}),
	squareFloat: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[float32](q, chunks), numbers[float32](row, chunks)
		var sum [4]float32
		for i := 0; i < len(a) && i < len(b); i++ {
			d := a[i] - b[i]
			sum[i&3] += d * d
		}
		return sum[0] + sum[1] + sum[2] + sum[3]
	}),
	dotFloatHalf: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[float32](q, 2*chunks), numbers[uint16](row, chunks)
		sum := float32(0)
		for i := 0; i < len(a) && i < len(b); i++ {
			sum += a[i] * fromFloat16(b[i])
		}
		return sum
	}),
	squareFloatHalf: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[float32](q, 2*chunks), numbers[uint16](row, chunks)
		sum := float32(0)
		for i := 0; i < len(a) && i < len(b); i++ {
			d := a[i] - fromFloat16(b[i])
			sum += d * d
		}
		return sum
	}),
	dotFloatBytes: each(func(q, row unsafe.Pointer, chunks int) float32 {
		a, b := numbers[float32](q, 4*chunks), numbers[int8](row, chunks)
		var sum [4]float32
		for i := 0; i < len(a) && i < len(b); i++ {
			sum[i&3] += a[i] * float32(b[i])
		}
		return sum[0] + sum[1] + sum[2] + sum[3]
	}),
}

// each makes a kernel of a function for one row.
func each(one func(query, row unsafe.Pointer, chunks int) float32) func(*gather) {
	return func(g *gather) {
		slots := unsafe.Slice((*uint32)(g.slots), g.n)
		out := unsafe.Slice((*float32)(g.out), g.n)
		for i, slot := range slots {
			block := *(*unsafe.Pointer)(unsafe.Add(g.blocks, uint64(unsafe.Sizeof(g.blocks))*(uint64(slot)>>g.shift)))
			row := unsafe.Add(block, (uint64(slot)&g.mask)*g.stride+g.offset)
			out[i] = one(g.query, row, int(g.chunks))
		}
	}
}

// numbers is a part of a row: chunks times 64 bytes.
func numbers[T int8 | uint16 | uint64 | float32 | int16](p unsafe.Pointer, chunks int) []T {
	var t T
	return unsafe.Slice((*T)(p), chunks*chunk/int(unsafe.Sizeof(t)))
}

// eachSplit goes through float32s in two halves beside a query in the order that Prepare gives it.
func eachSplit(q, row unsafe.Pointer, chunks int, visit func(a, b float32)) {
	a := numbers[float32](q, 2*chunks)
	upper := numbers[uint16](row, chunks)
	lower := numbers[int16](unsafe.Add(row, chunks*chunk), chunks)
	for i := range upper {
		visit(a[i&^31|i&1<<4|i>>1&15], join(upper[i], lower[i]))
	}
}
