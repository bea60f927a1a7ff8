package distance

import "math"

// toFloat16 rounds to the nearest IEEE 754 half, ties to even. What is over 65504 becomes infinite,
// so Check refuses it before.
func toFloat16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits >= 0x47800000: // 65536 and more, infinities and NaN
		if bits > 0x7f800000 {
			return sign | 0x7e00
		}
		return sign | 0x7c00
	case bits < 0x38800000: // subnormal: the float adder does the rounding when 0.5 is added
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+0.5)-math.Float32bits(0.5))
	}
	// Move the exponent by 112 and round at bit 13; a carry runs into the exponent, as it should.
	bits += 0x0fff + bits>>13&1
	bits -= 112 << 23
	return sign | uint16(bits>>13)
}

// fromFloat16 is exact.
func fromFloat16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	bits := uint32(h&0x7fff) << 13
	switch {
	case bits >= 0x1f<<23: // infinity and NaN
		return math.Float32frombits(sign | bits + 224<<23)
	case bits < 1<<23: // subnormal: scaled from the value 2^-14 on
		return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(bits+113<<23)-math.Float32frombits(113<<23)))
	}
	return math.Float32frombits(sign | bits + 112<<23)
}
