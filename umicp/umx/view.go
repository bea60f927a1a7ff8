package umx

import (
	"math"
	"unsafe"
)

// Number is what a tensor's element can be in Go.
type Number interface {
	~float32 | ~float64 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

var bigEndian = func() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 0
}()

// View returns data as numbers: in place where the address allows, else copied. Bytes that make no whole number are
// left out. Who only reads does not need to know which it was; who keeps the numbers copies them.
func View[T Number](data []byte) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	n := len(data) / size
	if n == 0 {
		return nil
	}
	if !bigEndian && uintptr(unsafe.Pointer(unsafe.SliceData(data)))%uintptr(size) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), n)
	}
	out := make([]T, n)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), n*size)
	copy(bytes, data)
	if bigEndian {
		swap(bytes, size)
	}
	return out
}

// Bytes returns numbers as a tensor's data: in place on a little-endian machine.
func Bytes[T Number](numbers []T) []byte {
	if len(numbers) == 0 {
		return nil
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	in := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers)*size)
	if !bigEndian {
		return in
	}
	out := append([]byte(nil), in...)
	swap(out, size)
	return out
}

// swap reverses the bytes of each element.
func swap(b []byte, size int) {
	for i := 0; i+size <= len(b); i += size {
		for j := range size / 2 {
			b[i+j], b[i+size-1-j] = b[i+size-1-j], b[i+j]
		}
	}
}

// HalfToFloat is the number that a float16 stands for.
func HalfToFloat(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch {
	case exponent == 0x1f: // infinite, or not a number
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	case exponent != 0:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	}
	f := float32(fraction) / (1 << 24) // subnormal, exactly
	return math.Float32frombits(math.Float32bits(f) | sign)
}
