package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// combine adds what two registers of float32s make of each other to a sum.
type combine func(a, b, sum VecVirtual)

func dot(a, b, sum VecVirtual) { VFMADD231PS(a, b, sum) }

func square(a, b, sum VecVirtual) {
	VSUBPS(a, b, b)
	VFMADD231PS(b, b, sum)
}

// load reads a register of any bits.
func (k *kernel) load(m Mem) VecVirtual {
	v := k.vector()
	if k.bytes == 64 {
		VMOVDQU32(m, v)
	} else {
		VMOVDQU(m, v)
	}
	return v
}

// even makes float32s of the lower 16 bits of each word, odd of the upper ones.
func (k *kernel) even(words VecVirtual) VecVirtual {
	v := k.vector()
	VPSLLD(Imm(16), words, v)
	return v
}

func (k *kernel) odd(words VecVirtual) VecVirtual {
	v := k.vector()
	VPSRLD(Imm(16), words, v)
	VPSLLD(Imm(16), v, v)
	return v
}

// upper reads a query and rows of the upper halves of float32s.
func upper(with combine) func(*kernel) {
	return func(k *kernel) {
		k.steps(func(_, disp int) {
			a, b := k.load(k.in(k.query, 1, disp)), k.load(k.in(k.row, 1, disp))
			with(k.even(a), k.even(b), k.sum(0))
			with(k.odd(a), k.odd(b), k.sum(1))
		})
	}
}

// split reads rows of both halves of float32s; of the query first the even components of a chunk, then the odd ones.
func split(with combine) func(*kernel) {
	return func(k *kernel) {
		k.steps(func(_, disp int) {
			words, low := k.load(k.in(k.row, 1, disp)), k.load(k.in(k.rest, 1, disp))
			even, odd, signed := k.even(words), k.odd(words), k.vector()
			VPSLLD(Imm(16), low, signed)
			VPSRAD(Imm(16), signed, signed)
			VPADDD(signed, even, even)
			VPSRAD(Imm(16), low, low)
			VPADDD(low, odd, odd)
			with(k.load(k.in(k.query, 2, disp)), even, k.sum(0))
			with(k.load(k.in(k.query, 2, 64+disp)), odd, k.sum(1))
		})
	}
}

// halves makes float32s of a half register's worth of float16s.
func (k *kernel) halves(m Mem) VecVirtual {
	v := k.vector()
	VCVTPH2PS(m, v)
	return v
}

func half(with combine) func(*kernel) {
	return func(k *kernel) {
		for i := 0; i < 128/k.bytes; i++ {
			disp := i * k.bytes / 2
			with(k.halves(k.in(k.query, 1, disp)), k.halves(k.in(k.row, 1, disp)), k.sum(i))
		}
	}
}

func floatHalf(with combine) func(*kernel) {
	return func(k *kernel) {
		for i := 0; i < 128/k.bytes; i++ {
			with(k.load(k.in(k.query, 2, i*k.bytes)), k.halves(k.in(k.row, 1, i*k.bytes/2)), k.sum(i))
		}
	}
}

func float(with combine) func(*kernel) {
	return func(k *kernel) {
		k.steps(func(i, disp int) {
			with(k.load(k.in(k.query, 1, disp)), k.load(k.in(k.row, 1, disp)), k.sum(i))
		})
	}
}

// floatBytes reads a query of float32s and rows of bytes.
func floatBytes(k *kernel) {
	for i := 0; i < 256/k.bytes; i++ {
		v := k.vector()
		VPMOVSXBD(k.in(k.row, 1, i*k.bytes/4), v)
		VCVTDQ2PS(v, v)
		VFMADD231PS(k.in(k.query, 4, i*k.bytes), v, k.sum(i))
	}
}

// madd multiplies bytes as 16-bit numbers.
func madd(k *kernel) {
	for i := range 4 {
		a, b := k.vector(), k.vector()
		VPMOVSXBW(k.in(k.query, 1, i*16), a)
		VPMOVSXBW(k.in(k.row, 1, i*16), b)
		VPMADDWD(a, b, b)
		VPADDD(b, k.sum(i), k.sum(i))
	}
}

// The instruction for bytes wants those of one side without a sign: rows are read with 128 added to each, which
// is their top bit turned over, and each sum begins with what that adds too much.
var signs VecVirtual

func vnniStart(k *kernel, bytes Register) VecVirtual {
	signs = k.vector()
	word := GP32()
	MOVL(U32(0x80808080), word)
	VPBROADCASTD(word, signs)
	much, none := k.vector(), k.vector()
	VPXORD(much, much, much)
	VPXORD(none, none, none)
	at := GP64()
	XORQ(at, at)
	Label("much")
	VPDPBUSD(Mem{Base: k.query, Index: at, Scale: 1}, signs, much)
	ADDQ(Imm(64), at)
	CMPQ(at, bytes)
	JL(LabelRef("much"))
	VPSUBD(much, none, much)
	return much
}

func vnni(k *kernel) {
	v := k.vector()
	VPXORD(k.in(k.row, 1, 0), signs, v)
	VPDPBUSD(k.in(k.query, 1, 0), v, k.sum(0))
}

func countScalar(k *kernel) {
	for disp := 0; disp < 64; disp += 8 {
		word := GP64()
		MOVQ(k.in(k.row, 1, disp), word)
		XORQ(k.in(k.query, 1, disp), word)
		POPCNTQ(word, word)
		ADDQ(word, k.total)
	}
}

func countVector(k *kernel) {
	v := k.load(k.in(k.row, 1, 0))
	VPXORQ(k.in(k.query, 1, 0), v, v)
	VPOPCNTQ(v, v)
	VPADDQ(v, k.sum(0), k.sum(0))
}

// fold adds the sums up to one XMM register.
func (k *kernel) fold(add func(ops ...Op)) VecVirtual {
	first := k.sums[0]
	for _, other := range k.sums[1:] {
		add(other, first, first)
	}
	if k.bytes == 64 {
		upper := YMM()
		VEXTRACTI64X4(Imm(1), first, upper)
		add(upper, first.AsY(), first.AsY())
	}
	upper := XMM()
	VEXTRACTI128(Imm(1), first.AsY(), upper)
	x := XMM()
	add(upper, first.AsX(), x)
	return x
}

func sumFloats(k *kernel, to Mem) {
	x := k.fold(VADDPS)
	y := XMM()
	VPSHUFD(Imm(0b00_00_11_10), x, y)
	VADDPS(y, x, x)
	VPSHUFD(Imm(1), x, y)
	VADDSS(y, x, x)
	VMOVSS(x, to)
}

func sumIntegers(k *kernel, to Mem) {
	x := k.fold(VPADDD)
	y := XMM()
	VPSHUFD(Imm(0b00_00_11_10), x, y)
	VPADDD(y, x, x)
	VPSHUFD(Imm(1), x, y)
	VPADDD(y, x, x)
	VMOVD(x, to)
}

func sumQuads(k *kernel, to Mem) {
	x := k.fold(VPADDQ)
	y := XMM()
	VPSHUFD(Imm(0b00_00_11_10), x, y)
	VPADDQ(y, x, x)
	k.total = GP64()
	VMOVQ(x, k.total)
	total(k, to)
}

// total stores an integer sum as a float32.
func total(k *kernel, to Mem) {
	x := XMM()
	VXORPS(x, x, x)
	VCVTSI2SSQ(k.total, x, x)
	VMOVSS(x, to)
}
