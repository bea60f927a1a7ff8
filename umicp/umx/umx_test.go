package umx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/umicp/umx"
)

func TestLegacyDecodersSeeAFrameOfTheirs(t *testing.T) {
	for i, frame := range specified(t) {
		// What the C++ decoders do: 20 bytes of header, then as many bytes as it says.
		if length := binary.LittleEndian.Uint32(frame[16:]); frame[0] != 1 || int(length) != len(frame)-20 {
			t.Errorf("V%d: version %d, length %d of %d bytes", i+1, frame[0], length, len(frame))
		}
	}
	hello := &umx.Legacy{Op: umx.OpData, Stream: 1, Payload: []byte("hello")}
	if got := fmt.Sprintf("%x", hello.Append(nil)); got != "010100000100000000000000000000000500000068656c6c6f" {
		t.Error(got)
	}
	if _, err := umx.DecodeLegacy(unhex(t, "01010100"+"0100000000000000"+"00000000"+"0c000000"+"789c7374a43d000002e91965"), 99); umx.CodeOf(err) != umx.DecompressionFailed {
		t.Errorf("a payload that inflates past the bound: %v", err)
	}
}

func TestSniff(t *testing.T) {
	for want, text := range map[byte]string{'{': "7b7d", 'X': v1, 'L': "010100000100000000000000000000000500000068656c6c6f", 0: "ff"} {
		if got := umx.Sniff(unhex(t, text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestCodesSurvive: what fails on one side fails the same way on the other.
func TestCodesSurvive(t *testing.T) {
	seen := map[umx.Code]fault.Code{}
	for _, c := range fault.Codes() {
		n := umx.FromFault(c)
		if n.Fault() != c || seen[n] != 0 || n.String() == "" {
			t.Errorf("%s travels as %d and arrives as %s", c, n, n.Fault())
		}
		seen[n] = c
	}
}

// random is a message of random parts, none larger than a few KiB.
func random(r *rand.Rand) *umx.Message {
	m := &umx.Message{Op: umx.OpRequest, Stream: 2*r.Uint64N(1<<40) + 1, Sequence: r.Uint32(), Request: r.Uint64(), DeadlineMS: r.Uint32()}
	m.Meta = bytes.Repeat([]byte("m"), r.IntN(200))
	m.MetaEncoding = umx.MessagePack
	for range r.IntN(5) {
		d := umx.DType(r.IntN(len(umx.DTypes()))) //nolint:gosec // seventeen
		dims := make([]uint64, r.IntN(umx.MaxRank+1))
		for i := range dims {
			dims[i] = r.Uint64N(9)
		}
		x := umx.NewTensor(d, nil, dims...)
		if len(dims) > 0 && r.IntN(3) == 0 {
			x.Layout = umx.PaddedRows
		}
		size, err := x.Size()
		if err != nil {
			panic(err)
		}
		x.Data = make([]byte, size)
		for i := range x.Data {
			x.Data[i] = byte(r.IntN(3))
		}
		if r.IntN(2) == 0 {
			x.Flags = umx.TensorCRC
		}
		x.Name, x.Scale, x.ZeroPoint = uint16(r.IntN(9)), r.Float32(), int8(r.IntN(200)-100) //nolint:gosec // small
		m.Tensors = append(m.Tensors, x)
	}
	m.Codec = []umx.Codec{umx.None, umx.Zstd, umx.LZ4}[r.IntN(3)]
	m.Shuffle = r.IntN(2) == 0
	return m
}

func checkSame(t *testing.T, m *umx.Message, f *umx.Frame) {
	t.Helper()
	if f.Op != m.Op || f.Stream != m.Stream || f.Request != m.Request || f.DeadlineMS != m.DeadlineMS || !bytes.Equal(f.Meta, m.Meta) || len(f.Tensors) != len(m.Tensors) {
		t.Fatalf("%+v became %+v", m, f)
	}
	for i := range m.Tensors {
		a, b := &m.Tensors[i], &f.Tensors[i]
		if a.DType != b.DType || a.Layout != b.Layout || a.Name != b.Name || a.Scale != b.Scale || a.ZeroPoint != b.ZeroPoint || !bytes.Equal(a.Data, b.Data) {
			t.Fatalf("tensor %d: %+v became %+v", i, a, b)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's
	for range 2000 {
		m := random(r)
		b := bytesOf(t, *m)
		var f umx.Frame
		n, err := f.Decode(b, umx.Limits{})
		if err != nil || n != len(b) || n%64 != 0 {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
		checkSame(t, m, &f)
		checkSame(t, m, f.Own())
	}
}

// TestFragmentsInEverySplit cuts a message at every size there is, and puts it together again, read in pieces of any size.
func TestFragmentsInEverySplit(t *testing.T) {
	m := &umx.Message{Op: umx.OpRequest, Stream: 1, Flags: umx.StreamStart | umx.StreamEnd, Request: 5, Meta: []byte(`{"a":1}`), Tensors: []umx.Tensor{
		named(umx.NewTensor(umx.Float32, umx.Bytes(make([]float32, 100)), 10, 10), 0, umx.TensorCRC),
		umx.NewTensor(umx.Uint8, bytes.Repeat([]byte{7}, 333), 333),
	}}
	whole := len(bytesOf(t, *m))
	for maxFrame := 64 + 64 + 2*64; maxFrame <= whole+64; maxFrame += 64 {
		frames := framesOf(t, m, maxFrame)
		if (len(frames) == 1) != (maxFrame >= whole) {
			t.Fatalf("%d bytes in frames of %d: %d of them", whole, maxFrame, len(frames))
		}
		for _, src := range []io.Reader{
			bytes.NewReader(bytes.Join(frames, nil)), iotest.OneByteReader(bytes.NewReader(bytes.Join(frames, nil))),
		} {
			in, r := umx.NewInbound(true, umx.Limits{}), umx.NewReader(src, umx.Limits{MaxFrame: maxFrame})
			for i := range frames {
				f, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				got, err := in.Accept(f)
				if err != nil || (got != nil) != (i == len(frames)-1) {
					t.Fatalf("frame %d of %d: %v, %v", i, len(frames), got, err)
				}
				if got != nil {
					checkSame(t, m, got)
					if got.Flags != umx.StreamStart|umx.StreamEnd {
						t.Fatalf("flags %#x", got.Flags)
					}
				}
			}
			if _, err := r.Next(); !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
		}
	}
}

func TestReaderReadsManyAtATime(t *testing.T) {
	var all []byte
	for i := range 1000 {
		all = append(all, bytesOf(t, umx.Message{Op: umx.OpRequest, Sequence: uint32(i), Meta: bytes.Repeat([]byte("x"), i%300), MetaEncoding: umx.MessagePack})...) //nolint:gosec // small
	}
	src := &counted{Reader: bytes.NewReader(all)}
	r := umx.NewReader(src, umx.Limits{})
	for i := range 1000 {
		f, err := r.Next()
		if err != nil || f.Sequence != uint32(i) || len(f.Meta) != i%300 { //nolint:gosec // small
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if src.reads > 30 {
		t.Errorf("%d reads for %d bytes", src.reads, len(all))
	}
	if r.Ready() {
		t.Error("something is ready at the end")
	}
	short := umx.NewReader(bytes.NewReader(all[:100]), umx.Limits{})
	if _, err := short.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := short.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a connection that ends in a frame: %v", err)
	}
}

type counted struct {
	io.Reader
	reads int
}

func (c *counted) Read(b []byte) (int, error) { c.reads++; return c.Reader.Read(b) }

// TestNothingIsTakenForALie: what a frame says of its size is not believed before it is checked.
func TestNothingIsTakenForALie(t *testing.T) {
	big := bytesOf(t, umx.Message{Op: umx.OpData, Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, make([]byte, 100_000), 100_000)}})
	for _, l := range []umx.Limits{{MaxFrame: 64 << 10}, {MaxMessage: 64 << 10}} {
		if _, err := umx.NewReader(bytes.NewReader(big), l).Next(); umx.CodeOf(err) != umx.BufferOverflow {
			t.Errorf("%+v: %v", l, err)
		}
	}
	// A zstd buffer of a few bytes for a tensor of a petabyte.
	b := broken(grown(t), put64(64+8, 1<<50))
	var f umx.Frame
	if _, err := f.Decode(b, umx.Limits{}); umx.CodeOf(err) != umx.BufferOverflow {
		t.Errorf("a bomb: %v", err)
	}
}

func TestTooManyStreams(t *testing.T) {
	in := umx.NewInbound(true, umx.Limits{})
	for i := range uint64(umx.MaxStreams + 10) {
		f := umx.Frame{Header: umx.Header{Op: umx.OpRequest, Stream: 2*i + 1, Flags: umx.StreamStart}}
		got, err := in.Accept(&f)
		if err != nil || (got == nil) != (i >= umx.MaxStreams) || in.Refused(f.Stream) != (i >= umx.MaxStreams) {
			t.Fatalf("stream %d: %v, %v", f.Stream, got, err)
		}
	}
	in.Cancelled(1)
	f := umx.Frame{Header: umx.Header{Op: umx.OpRequest, Stream: 1, Sequence: 1}}
	if _, err := in.Accept(&f); err == nil {
		t.Error("a cancelled stream goes on")
	}
}

// FuzzDecode: no bytes do harm, and what is accepted is written again as it was, unless it was compressed.
func FuzzDecode(f *testing.F) {
	for _, frame := range specified(f) {
		f.Add(frame)
	}
	for _, a := range more(f) {
		f.Add(unhex(f, a.Hex))
	}
	f.Add(grown(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, resealed := range []bool{false, true} {
			b := append([]byte(nil), b...)
			if resealed && len(b) >= 64 {
				copy(b[20:], "UMX1")
				reseal(b)
			}
			var frame umx.Frame
			n, err := frame.Decode(b, umx.Limits{MaxFrame: 1 << 20, MaxMessage: 1 << 20})
			if err != nil || frame.Kind > umx.KindFragment {
				continue
			}
			if n%64 != 0 || n > len(b) {
				t.Fatalf("%d of %d bytes", n, len(b))
			}
			for i := range frame.Tensors {
				x := &frame.Tensors[i]
				if size, err := x.Size(); frame.Flags&umx.FragmentStart == 0 && (err != nil || size != uint64(len(x.Data))) {
					t.Fatalf("tensor %d: %d bytes, %d, %v", i, len(x.Data), size, err)
				}
			}
			in := umx.NewInbound(true, umx.Limits{MaxFrame: 1 << 20, MaxMessage: 1 << 20})
			_, _ = in.Accept(&frame) // must not panic
			again(t, &frame)
		}
	})
}

// again encodes what was decoded, which is then decoded to the same.
func again(t *testing.T, f *umx.Frame) {
	if f.Kind.Bare() || f.Kind == umx.KindFragment || f.Flags&umx.FragmentStart != 0 || f.MetaCodec != umx.None {
		return
	}
	m := umx.Message{
		Op: f.Op, Kind: f.Kind, Flags: f.Flags, Ext: f.Ext, MetaEncoding: f.MetaEncoding, Sequence: f.Sequence, DeadlineMS: f.DeadlineMS,
		Stream: f.Stream, Request: f.Request, Meta: f.Meta, Tensors: f.Tensors,
	}
	b := bytesOf(t, m)
	var back umx.Frame
	if _, err := back.Decode(b, umx.Limits{}); err != nil {
		t.Fatalf("what was decoded does not decode when it is written again: %v", err)
	}
	checkSame(t, &m, &back)
}

// FuzzReader: a connection that sends anything ends in an error, and never in a panic or too much memory.
func FuzzReader(f *testing.F) {
	f.Add(bytes.Join(specified(f), nil))
	f.Add(unhex(f, v1+v1+v2[:20]))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, in := umx.NewReader(bytes.NewReader(b), umx.Limits{MaxFrame: 1 << 20, MaxMessage: 1 << 20}), umx.NewInbound(true, umx.Limits{MaxMessage: 1 << 20})
		for range len(b)/64 + 1 {
			frame, err := r.Next()
			if err != nil {
				return
			}
			if _, err := in.Accept(frame); err != nil {
				return
			}
		}
		t.Fatal("there are more frames than bytes")
	})
}

// FuzzLegacy: no bytes do harm.
func FuzzLegacy(f *testing.F) {
	f.Add(unhex(f, "01010100"+"0100000000000000"+"00000000"+"0c000000"+"789c7374a43d000002e91965"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := umx.DecodeLegacy(b, 1<<16); err == nil && len(got.Payload) > 1<<16 {
			t.Fatal(len(got.Payload))
		}
	})
}

func BenchmarkDecodeTensor(b *testing.B) {
	data := make([]float32, 1000*768)
	m := umx.Message{Op: umx.OpRequest, Meta: []byte(`{}`), Tensors: []umx.Tensor{umx.NewTensor(umx.Float32, umx.Bytes(data), 1000, 768)}}
	frame := bytesOf(b, m)
	b.Run("crc32c alone", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			umx.CRC(frame[64:])
		}
	})
	b.Run("copy alone", func(b *testing.B) {
		into := make([]byte, len(frame))
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			copy(into, frame)
		}
	})
	b.Run("decode", func(b *testing.B) {
		var f umx.Frame
		b.SetBytes(int64(len(frame)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Decode(frame, umx.Limits{}); err != nil {
				b.Fatal(err)
			}
			_ = umx.View[float32](f.Tensors[0].Data)
		}
	})
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(frame)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Buffers(0); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeSmall(b *testing.B) {
	frame := bytesOf(b, umx.Message{Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Meta: make([]byte, 40)})
	var f umx.Frame
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Decode(frame, umx.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

// pieces hands out what it has in pieces of n bytes, and says in between that nothing has come.
type pieces struct {
	left []byte
	n    int
	dry  bool
}

var errNotYet = errors.New("nothing has come")

func (p *pieces) Read(b []byte) (int, error) {
	if p.dry = !p.dry; p.dry {
		return 0, errNotYet
	}
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(p.n, len(b))], p.left)
	p.left = p.left[n:]
	return n, nil
}

// TestAReaderGoesOnWhereNothingHadCome: frames of all sizes in pieces of all sizes, between which the reader rests.
func TestAReaderGoesOnWhereNothingHadCome(t *testing.T) {
	var all []byte
	sizes := []int{0, 1, 100, 5_000, 40_000, 65_000, 200_000, 3_000_000, 64}
	for i, size := range sizes {
		m := umx.Message{Request: uint64(i), Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, bytes.Repeat([]byte{byte(i)}, size), uint64(size))}} //nolint:gosec // small
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	for _, n := range []int{7, 64, 1000, 4096, 17_000, 70_000, 5_000_000} {
		r := umx.NewReader(&pieces{left: all, n: n}, umx.Limits{})
		for i := 0; i <= len(sizes); {
			f, err := r.Next()
			switch {
			case errors.Is(err, errNotYet):
				r.Rest()
			case i == len(sizes):
				if !errors.Is(err, io.EOF) {
					t.Fatalf("pieces of %d: at the end, %v", n, err)
				}
				i++
			case err != nil:
				t.Fatalf("pieces of %d, frame %d: %v", n, i, err)
			default:
				if f.Request != uint64(i) || len(f.Tensors[0].Data) != sizes[i] || bytes.Count(f.Tensors[0].Data, []byte{byte(i)}) != sizes[i] { //nolint:gosec // small
					t.Fatalf("pieces of %d: frame %d is request %d with %d bytes", n, i, f.Request, len(f.Tensors[0].Data))
				}
				i++
			}
		}
	}
}
