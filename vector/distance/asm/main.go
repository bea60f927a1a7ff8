// Command asm writes the assembly of vector/distance: go run ./asm -out kernels_amd64.s
//
// A kernel is a loop over slots around a loop over the 64-byte chunks of a row. What differs is how a chunk is
// read and summed up, so a format is a function that emits that, for one width of registers. While a chunk of
// one row is worked on, the same chunk of a row some steps ahead is fetched into the cache.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The fields of gather, by their offsets.
const (
	fieldQuery = 8 * iota
	fieldBlocks
	fieldSlots
	fieldOut
	fieldN
	fieldShift
	fieldMask
	fieldStride
	fieldOffset
	fieldChunks
	fieldAhead
)

// width is a size of vector registers.
type width struct {
	suffix string
	bytes  int
	vector func() VecVirtual
}

var (
	avx2   = width{"AVX2", 32, YMM}
	avx512 = width{"AVX512", 64, ZMM}
)

// kernel is one that is being written.
type kernel struct {
	width
	query, row Register // where the chunk is, without what is added for its number
	rest       Register // the row's second part, of kernels that read two
	at         Register // 64 times the number of the chunk
	at2, at4   Register // twice and four times that, for queries of wider numbers
	sums       []VecVirtual
	total      GPVirtual // of kernels that sum in an integer register
}

func main() {
	ConstraintExpr("amd64")
	for _, w := range []width{avx2, avx512} {
		floats("dotUpper", w, 2, upper(dot))
		floats("squareUpper", w, 2, upper(square))
		floats("dotHalf", w, 2, half(dot))
		floats("squareHalf", w, 2, half(square))
		floats("dotSplit", w, 2, split(dot))
		floats("squareSplit", w, 2, split(square))
		floats("dotFloat", w, 2, float(dot))
		floats("squareFloat", w, 2, float(square))
		floats("dotFloatHalf", w, 2, floatHalf(dot))
		floats("squareFloatHalf", w, 2, floatHalf(square))
		floats("dotFloatBytes", w, 4, floatBytes)
	}
	write("dotBytes", avx2, 2, nil, madd, sumIntegers)
	write("dotBytes", avx512, 1, vnniStart, vnni, sumIntegers)
	write("hamming", avx2, 0, nil, countScalar, total)
	write("hamming", avx512, 1, nil, countVector, sumQuads)
	Generate()
}

func floats(name string, w width, sums int, chunk func(*kernel)) {
	write(name, w, sums, nil, chunk, sumFloats)
}

// write emits a kernel. start, if there is one, returns what each sum begins with; chunk adds up a chunk; finish leaves
// the result of a row in an XMM register, or a general one, and stores it at the given place.
func write(name string, w width, sums int, start func(*kernel, Register) VecVirtual, chunk func(*kernel), finish func(*kernel, Mem)) {
	TEXT(name+w.suffix, NOSPLIT, "func(call uintptr)")
	g := Load(Param("call"), GP64())
	field := func(offset int) Register {
		r := GP64()
		MOVQ(Mem{Base: g, Disp: offset}, r)
		return r
	}
	k := &kernel{width: w, query: field(fieldQuery)}
	for range sums {
		k.sums = append(k.sums, w.vector())
	}
	bytes := field(fieldChunks)
	SHLQ(Imm(6), bytes)
	var begin VecVirtual
	if start != nil {
		begin = start(k, bytes)
	}
	slots, i := field(fieldSlots), GP64()
	next := GP64()
	XORQ(i, i)
	n := field(fieldN)
	k.at = GP64()

	// address puts the row of slot number i into to.
	address := func(i, to Register) {
		block := GP64()
		MOVL(Mem{Base: slots, Index: i, Scale: 4}, block.As32())
		MOVQ(block, to)
		ANDQ(Mem{Base: g, Disp: fieldMask}, to)
		IMULQ(Mem{Base: g, Disp: fieldStride}, to)
		MOVQ(Mem{Base: g, Disp: fieldShift}, RCX)
		SHRQ(CL, block)
		blocks := field(fieldBlocks)
		ADDQ(Mem{Base: blocks, Index: block, Scale: 8}, to)
		ADDQ(Mem{Base: g, Disp: fieldOffset}, to)
	}

	ahead := GP64()
	// The first rows are asked for at once.
	XORQ(next, next)
	Label("first")
	CMPQ(next, Mem{Base: g, Disp: fieldAhead})
	JGE(LabelRef("begin"))
	CMPQ(next, n)
	JGE(LabelRef("begin"))
	address(next, ahead)
	XORQ(k.at, k.at)
	Label("firstChunk")
	PREFETCHT0(Mem{Base: ahead, Index: k.at, Scale: 1})
	ADDQ(Imm(64), k.at)
	CMPQ(k.at, bytes)
	JL(LabelRef("firstChunk"))
	INCQ(next)
	JMP(LabelRef("first"))

	Label("begin")
	row := GP64()
	k.row = row
	Label("row")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	address(i, row)
	MOVQ(i, next)
	ADDQ(Mem{Base: g, Disp: fieldAhead}, next)
	CMPQ(next, n)
	CMOVQGE(i, next)
	address(next, ahead)
	for _, sum := range k.sums {
		switch {
		case begin != nil:
			VMOVDQA64(begin, sum)
		case w.bytes == 64:
			VPXORD(sum, sum, sum)
		default:
			VXORPS(sum, sum, sum)
		}
	}
	if sums == 0 {
		k.total = GP64()
		XORQ(k.total, k.total)
	}
	k.rest = GP64()
	LEAQ(Mem{Base: row, Index: bytes, Scale: 1}, k.rest)
	XORQ(k.at, k.at)
	Label("chunk")
	PREFETCHT0(Mem{Base: ahead, Index: k.at, Scale: 1})
	chunk(k)
	ADDQ(Imm(64), k.at)
	CMPQ(k.at, bytes)
	JL(LabelRef("chunk"))
	out := field(fieldOut)
	finish(k, Mem{Base: out, Index: i, Scale: 4})
	INCQ(i)
	JMP(LabelRef("row"))

	Label("done")
	VZEROUPPER()
	RET()
}

// in is the place at a distance from where the chunk is; scale is 2 or 4 where a number of the query is that much wider.
func (k *kernel) in(base Register, scale uint8, disp int) Mem {
	return Mem{Base: base, Index: k.at, Scale: scale, Disp: disp}
}

// steps calls emit for each register's worth of a chunk.
func (k *kernel) steps(emit func(step, disp int)) {
	for disp := 0; disp < 64; disp += k.bytes {
		emit(disp/k.bytes, disp)
	}
}

// sum returns the sum that step i adds to: they take turns, so that one does not wait for the other.
func (k *kernel) sum(i int) VecVirtual { return k.sums[i%len(k.sums)] }
