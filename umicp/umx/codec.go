package umx

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is how bytes are compressed. The numbers are permanent.
type Codec uint8

// The codecs.
const (
	None Codec = 0
	LZ4  Codec = 3 // the frame format
	Zstd Codec = 4
)

// Codecs returns the names of those that are understood.
func Codecs() []string { return []string{"none", "lz4", "zstd"} }

func (c Codec) known() bool { return c == None || c == LZ4 || c == Zstd }

// Compression pays only where it saves a tenth, and nothing is tried under minCompressed bytes.
const (
	minCompressed = 1 << 10
	worthPercent  = 90
)

// What packed bytes may become: below ratioFrom no ratio can do harm. Beyond it is not sent either; the bytes go as they are.
const (
	maxRatio  = 100
	ratioFrom = 64 << 10
)

// plausible reports whether so many packed bytes may become that many.
func plausible(packed, plain uint64) bool { return plain <= ratioFrom || plain/maxRatio <= packed }

// maxWindow bounds the memory that a zstd frame may ask for while it is unpacked.
const maxWindow = 8 << 20

var (
	zstdReaders = sync.Pool{New: func() any {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic("umx: " + err.Error()) // the options are constants
		}
		return r
	}}
	zstdWriters = sync.Pool{New: func() any {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(maxWindow/2))
		if err != nil {
			panic("umx: " + err.Error()) // the options are constants
		}
		return w
	}}
	lz4Readers = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
)

// unpack calls f with a reader of what was packed.
func (c Codec) unpack(packed []byte, f func(io.Reader) error) error {
	switch c {
	case Zstd:
		r := zstdReaders.Get().(*zstd.Decoder)
		defer zstdReaders.Put(r)
		if err := r.Reset(bytes.NewReader(packed)); err != nil {
			return err
		}
		return f(r)
	case LZ4:
		r := lz4Readers.Get().(*lz4.Reader)
		defer lz4Readers.Put(r)
		r.Reset(bytes.NewReader(packed))
		return f(r)
	}
	return unsupported("codec %d is not understood", uint8(c))
}

// exactly unpacks to as many bytes as that, and refuses more and less.
func (c Codec) exactly(packed []byte, size uint64) ([]byte, error) {
	out := make([]byte, size)
	err := c.unpack(packed, func(r io.Reader) error {
		if _, err := io.ReadFull(r, out); err != nil {
			return err
		}
		var one [1]byte
		if n, err := io.ReadFull(r, one[:]); n > 0 {
			return errors.New("it unpacks to more")
		} else if !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, errorf(DecompressionFailed, "a buffer does not unpack to %d bytes: %v", size, err)
	}
	return out, nil
}

// atMost unpacks to no more bytes than that.
func (c Codec) atMost(packed []byte, most int) (out []byte, err error) {
	if err = c.unpack(packed, func(r io.Reader) error {
		out, err = io.ReadAll(io.LimitReader(r, int64(most)+1))
		return err
	}); err == nil && len(out) > most {
		err = errors.New("it unpacks to more")
	}
	if err != nil {
		return nil, errorf(DecompressionFailed, "metadata does not unpack to %d bytes at most: %v", most, err)
	}
	return out, nil
}

// pack returns the bytes compressed, or nil when that does not pay.
func (c Codec) pack(plain []byte) []byte {
	if len(plain) < minCompressed {
		return nil
	}
	var out []byte
	switch c {
	case Zstd:
		w := zstdWriters.Get().(*zstd.Encoder)
		out = w.EncodeAll(plain, make([]byte, 0, len(plain)/2))
		zstdWriters.Put(w)
	case LZ4:
		var buf bytes.Buffer
		w := lz4.NewWriter(&buf)
		if _, err := w.Write(plain); err != nil || w.Close() != nil {
			return nil // a buffer takes everything
		}
		out = buf.Bytes()
	default:
		return nil
	}
	if len(out) > len(plain)/100*worthPercent || !plausible(uint64(len(out)), uint64(len(plain))) {
		return nil
	}
	return out
}

// shuffle puts the first bytes of all elements together, then the second bytes, and so on.
func shuffle(b []byte, item int) []byte {
	out, n := make([]byte, len(b)), len(b)/item
	for i := range n {
		for j := range item {
			out[j*n+i] = b[i*item+j]
		}
	}
	return out
}

func unshuffle(b []byte, item int) []byte {
	out, n := make([]byte, len(b)), len(b)/item
	for j := range item {
		for i, v := range b[j*n : (j+1)*n] {
			out[i*item+j] = v
		}
	}
	return out
}
