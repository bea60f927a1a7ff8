package distance

import "golang.org/x/sys/cpu"

// The kernels in assembly are written by the program in asm:
//
//go:generate go run -C asm . -out ../kernels_amd64.s

func init() {
	if sets := supported(); len(sets) > 0 {
		kernels = sets[0]
	}
}

// supported returns the sets of kernels that this processor runs, the fastest first. Float16s are converted by
// instructions older than AVX2, which every processor with AVX2 has.
func supported() []kernelSet {
	var sets []kernelSet
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI && x.HasAVX512VPOPCNTDQ {
		sets = append(sets, withAVX512)
	}
	if x.HasAVX2 && x.HasFMA && x.HasPOPCNT {
		sets = append(sets, withAVX2)
	}
	return sets
}

var withAVX512 = kernelSet{
	name:            "avx512",
	dotUpper:        dotUpperAVX512,
	squareUpper:     squareUpperAVX512,
	dotHalf:         dotHalfAVX512,
	squareHalf:      squareHalfAVX512,
	dotBytes:        dotBytesAVX512,
	hamming:         hammingAVX512,
	dotSplit:        dotSplitAVX512,
	squareSplit:     squareSplitAVX512,
	dotFloat:        dotFloatAVX512,
	squareFloat:     squareFloatAVX512,
	dotFloatHalf:    dotFloatHalfAVX512,
	squareFloatHalf: squareFloatHalfAVX512,
	dotFloatBytes:   dotFloatBytesAVX512,
}

var withAVX2 = kernelSet{
	name:            "avx2",
	dotUpper:        dotUpperAVX2,
	squareUpper:     squareUpperAVX2,
	dotHalf:         dotHalfAVX2,
	squareHalf:      squareHalfAVX2,
	dotBytes:        dotBytesAVX2,
	hamming:         hammingAVX2,
	dotSplit:        dotSplitAVX2,
	squareSplit:     squareSplitAVX2,
	dotFloat:        dotFloatAVX2,
	squareFloat:     squareFloatAVX2,
	dotFloatHalf:    dotFloatHalfAVX2,
	squareFloatHalf: squareFloatHalfAVX2,
	dotFloatBytes:   dotFloatBytesAVX2,
}

//go:noescape
func dotUpperAVX2(call *gather)

//go:noescape
func squareUpperAVX2(call *gather)

//go:noescape
func dotHalfAVX2(call *gather)

//go:noescape
func squareHalfAVX2(call *gather)

//go:noescape
func dotBytesAVX2(call *gather)

//go:noescape
func hammingAVX2(call *gather)

//go:noescape
func dotSplitAVX2(call *gather)

//go:noescape
func squareSplitAVX2(call *gather)

//go:noescape
func dotFloatAVX2(call *gather)

//go:noescape
func squareFloatAVX2(call *gather)

//go:noescape
func dotFloatHalfAVX2(call *gather)

//go:noescape
func squareFloatHalfAVX2(call *gather)

//go:noescape
func dotFloatBytesAVX2(call *gather)

//go:noescape
func dotUpperAVX512(call *gather)

//go:noescape
func squareUpperAVX512(call *gather)

//go:noescape
func dotHalfAVX512(call *gather)

//go:noescape
func squareHalfAVX512(call *gather)

//go:noescape
func dotBytesAVX512(call *gather)

//go:noescape
func hammingAVX512(call *gather)

//go:noescape
func dotSplitAVX512(call *gather)

//go:noescape
func squareSplitAVX512(call *gather)

//go:noescape
func dotFloatAVX512(call *gather)

//go:noescape
func squareFloatAVX512(call *gather)

//go:noescape
func dotFloatHalfAVX512(call *gather)

//go:noescape
func squareFloatHalfAVX512(call *gather)

//go:noescape
func dotFloatBytesAVX512(call *gather)
