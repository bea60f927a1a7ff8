package umx_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"hash/crc32"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/umicp/umx"
)

var update = flag.Bool("update", false, "rewrite the vectors")

const vectorsFile = "../testdata/vectors.json"

// The five vectors of the specification, which pin what the file holds.
const (
	v1 = "010000800000000000000000000000002c000000554d58310103000000000000" +
		"887766554433221100000000000000000000000000000000000000006ac6331e"
	v2 = "010000800100000000000000000000002c000000554d58310105000000000000" +
		"00000000000000000000000000000000000010000000000000000000fedcf81c"
	v3 = "010000800100000000000000180000002c000000554d58310106000000000000" +
		"0000000000000000000000000000000000000000000000000000000016fe33d5"
	v4 = "0101c080010000000000000000000000ac000000554d58310100000001000100" +
		"2a000000000000000000000000000000800000000000000078a2121304be2d5f" +
		"000100000100ffff030000000000000001000000000000000100000000000000" +
		"010000000000000040000000000000000c0000000000000083e74d3800000000" +
		"0000803f00000040000040400000000000000000000000000000000000000000" +
		"0000000000000000000000000000000000000000000000000000000000000000"
	v5Header = "0101c0800300000000000000000000002c020000554d58310100000002000100" +
		"2b00000000000000c50000008813000000020000000000004f645fbf210fdecd"
	v5SHA  = "eec05b5834cfc13abdf5b5d71b748cc15a0d30f49b56b47e501dd15b3535c527"
	v5Meta = `{"v":"1.0","msg_id":"550e8400-e29b-41d4-a716-446655440000","ts":"2025-09-10T03:00:00.000Z","from":"a","to":"b",` +
		`"op":"data","payload_hint":{"type":"vector","size":24,"encoding":"float32","count":6}}`
)

// vectors is the file that implementations in any language can run.
type vectors struct {
	About    string       `json:"about"`
	CRC      []crcVector  `json:"crc32c"`
	Accept   []accepted   `json:"accept"`
	Reject   []rejected   `json:"reject"`
	Sessions []sessionOf  `json:"reject_sessions"`
	Legacy   []legacyGood `json:"legacy_accept"`
	Bad      []rejected   `json:"legacy_reject"`
}

type crcVector struct {
	Hex string `json:"hex"`
	CRC string `json:"crc"`
}

type accepted struct {
	Name       string         `json:"name"`
	Hex        string         `json:"hex"`
	Canonical  bool           `json:"canonical"` // an encoder makes just these bytes
	Op         umx.Op         `json:"op"`
	Kind       umx.Kind       `json:"kind"`
	Flags      umx.Flags      `json:"flags"`
	Stream     uint64         `json:"stream_id"`
	Sequence   uint32         `json:"sequence"`
	Request    string         `json:"request_id"` // hex: JSON numbers do not hold it
	DeadlineMS uint32         `json:"deadline_ms,omitempty"`
	MessageLen uint64         `json:"message_len"`
	MetaHex    string         `json:"meta_hex,omitempty"`
	Tensors    []tensorVector `json:"tensors,omitempty"`
}

type tensorVector struct {
	DType string   `json:"dtype"`
	Dims  []uint64 `json:"dims"`
	Name  uint16   `json:"name_idx"`
	Hex   string   `json:"hex"`
}

type rejected struct {
	Name string `json:"name"`
	Hex  string `json:"hex"`
	Code string `json:"code"`
}

type sessionOf struct {
	Name     string   `json:"name"`
	Accepted bool     `json:"receiver_accepted_the_connection"`
	Frames   []string `json:"frames"` // of which the last is refused
	Code     string   `json:"code"`
}

type legacyGood struct {
	Name    string `json:"name"`
	Hex     string `json:"hex"`
	Payload string `json:"payload_hex"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bytesOf(t testing.TB, m umx.Message) []byte {
	t.Helper()
	b, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func floats(f ...float32) []byte { return umx.Bytes(f) }

func named(t umx.Tensor, name uint16, flags umx.TensorFlags) umx.Tensor {
	t.Name, t.Flags = name, flags
	return t
}

// specified makes the five vectors with the encoder.
func specified(t testing.TB) (all [][]byte) {
	for _, m := range []umx.Message{
		{Kind: umx.KindPing, Request: 0x1122334455667788},
		{Kind: umx.KindCredit, Stream: 1, Credit: 1 << 20},
		{Kind: umx.KindCancel, Stream: 1, Sequence: uint32(umx.Cancelled)},
	} {
		all = append(all, m.Bare(nil))
	}
	all = append(all, bytesOf(t, umx.Message{
		Op: umx.OpData, Flags: umx.StreamStart | umx.StreamEnd, Stream: 1, Request: 42,
		Tensors: []umx.Tensor{named(umx.NewTensor(umx.Float32, floats(1, 2, 3), 3), umx.NoName, umx.TensorCRC)},
	}), bytesOf(t, umx.Message{
		Op: umx.OpData, Flags: umx.StreamStart | umx.StreamEnd, Stream: 3, Request: 43, DeadlineMS: 5000, Meta: []byte(v5Meta),
		Tensors: []umx.Tensor{
			named(umx.NewTensor(umx.Float32, floats(1, 2, 3, 4, 5, 6), 2, 3), 0, umx.TensorCRC),
			named(umx.NewTensor(umx.Uint64, umx.Bytes([]uint64{7, 9}), 2), 1, umx.TensorCRC),
		},
	}))
	return all
}

func TestTheSpecifiedVectorsAreWritten(t *testing.T) {
	all := specified(t)
	for i, want := range []string{v1, v2, v3, v4} {
		if got := hex.EncodeToString(all[i]); got != want {
			t.Errorf("V%d is\n%s, want\n%s", i+1, got, want)
		}
	}
	if got := hex.EncodeToString(all[4][:64]); got != v5Header {
		t.Errorf("V5 begins with\n%s, want\n%s", got, v5Header)
	}
	if sum := sha256.Sum256(all[4]); hex.EncodeToString(sum[:]) != v5SHA {
		t.Errorf("V5 hashes to %x", sum)
	}
}

// broken makes a frame wrong and its checksums right again.
func broken(frame []byte, change func(b []byte)) []byte {
	b := append([]byte(nil), frame...)
	change(b)
	return reseal(b)
}

func reseal(b []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	if binary.LittleEndian.Uint16(b[30:])&1 != 0 {
		binary.LittleEndian.PutUint32(b[56:], crc32.Checksum(b[64:], table))
	}
	binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], table))
	return b
}

func put64(at int, v uint64) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint64(b[at:], v) }
}

func put16(at int, v uint16) func([]byte) {
	return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], v) }
}

func makeVectors(t testing.TB) *vectors {
	spec := specified(t)
	v := &vectors{
		About: "Vectors of UMX1, the binary frame of UMICP; docs/umicp.md says what they are. Every frame of accept decodes to what is " +
			"beside it, and where canonical is true an encoder makes just these bytes of it. Every frame of reject is refused; the code is the " +
			"one that this implementation gives, and any refusal will do. Of reject_sessions, the last frame is refused when the others were taken.",
		CRC: []crcVector{{hex.EncodeToString([]byte("123456789")), "e3069283"}, {strings.Repeat("00", 32), "8a9136aa"}},
	}
	for i, name := range []string{"V1 PING", "V2 CREDIT", "V3 CANCEL", "V4 one tensor", "V5 metadata and two tensors"} {
		v.Accept = append(v.Accept, describe(t, name, spec[i], true))
	}
	v.Accept = append(v.Accept, more(t)...)
	reject := func(name string, b []byte) {
		var f umx.Frame
		n, err := f.Decode(b, umx.Limits{})
		if err == nil {
			t.Fatalf("%s is accepted (%d bytes)", name, n)
		}
		v.Reject = append(v.Reject, rejected{name, hex.EncodeToString(b), umx.CodeOf(err).String()})
	}
	five := spec[4]
	const desc0, desc1 = 64 + 256, 64 + 256 + 64
	for at := range 64 {
		b := append([]byte(nil), spec[3]...)
		b[at] ^= 0x10
		reject("V4, header byte "+string(rune('0'+at/10))+string(rune('0'+at%10))+" flipped", b)
	}
	for _, at := range []int{64, 100, 128, 140, 191} {
		b := append([]byte(nil), spec[3]...)
		b[at] ^= 1
		reject("V4, a body byte flipped", b)
	}
	reject("shorter than a header", spec[0][:63])
	reject("shorter than it says", five[:len(five)-64])
	reject("length not 44 mod 64", broken(five, func(b []byte) { b[16]++ }))
	reject("tensor offset 65", broken(five, put64(desc0+40, 65)))
	reject("overlapping buffers", broken(five, put64(desc1+40, 0x180)))
	reject("buffers in descending order", broken(five, func(b []byte) { put64(desc0+40, 0x1c0)(b); put64(desc1+40, 0x180)(b) }))
	reject("a buffer that begins beyond the frame", broken(five, put64(desc1+40, 1<<40)))
	reject("a buffer that ends beyond the frame", broken(five, func(b []byte) { put64(desc1+8, 1000)(b); put64(desc1+48, 8000)(b) }))
	reject("dims {2^33, 2^33}", broken(five, func(b []byte) { put64(desc0+8, 1<<33)(b); put64(desc0+16, 1<<33)(b) }))
	reject("dims whose product overflows to little", broken(five, func(b []byte) {
		put16(desc0, 0x0400)(b)
		for i, d := range []uint64{1 << 32, 1 << 32, 1, 6} {
			put64(desc0+8+8*i, d)(b)
		}
	}))
	reject("tensor_count 65535", broken(five, put16(28, 65535)))
	reject("tensor_count more than there are", broken(five, put16(28, 6)))
	reject("meta_len beyond the frame", broken(five, func(b []byte) { binary.LittleEndian.PutUint32(b[40:], 0x300) }))
	reject("meta_len more than a MiB", broken(five, func(b []byte) { binary.LittleEndian.PutUint32(b[40:], 1<<20+1) }))
	reject("rank 5", broken(five, func(b []byte) { b[desc0+1] = 5 }))
	reject("dtype 31", broken(five, func(b []byte) { b[desc0] = 31 }))
	reject("layout 3", broken(five, func(b []byte) { b[desc0+2] = 3 }))
	reject("codec 9", broken(five, func(b []byte) { b[desc0+3] = 9 }))
	reject("shuffled and not compressed", broken(five, func(b []byte) { b[desc0+3] = 0x80 }))
	reject("tensor flags that are reserved", broken(five, func(b []byte) { b[desc0+4] |= 0x40 }))
	reject("an unused dim that is not 1", broken(five, put64(desc0+24, 2)))
	reject("stored bytes that are not the derived ones", broken(five, put64(desc0+48, 25)))
	reject("tensor checksum", broken(five, func(b []byte) { b[desc0+56] ^= 1 }))
	reject("buffer padding that is not zero", broken(five, func(b []byte) { b[64+0x180+30] = 1 }))
	reject("metadata padding that is not zero", broken(five, func(b []byte) { b[64+200] = 1 }))
	reject("EXT clear with the magic there", broken(five, func(b []byte) { b[3] &^= 0x80 }))
	reject("a flag that is reserved", broken(five, func(b []byte) { b[2] |= 0x04 }))
	reject("an extended flag that is reserved", broken(five, func(b []byte) { b[31] |= 0x01 }))
	reject("op 6", broken(five, func(b []byte) { b[1] = 6 }))
	reject("kind 10, not ignorable", broken(five, func(b []byte) { b[25] = 10 }))
	reject("version 2", broken(five, func(b []byte) { b[0] = 2 }))
	reject("ext_version 2", broken(five, func(b []byte) { b[24] = 2 }))
	reject("metadata encoding 1", broken(five, func(b []byte) { b[26] = 1 }))
	reject("metadata codec 2", broken(five, func(b []byte) { b[27] = 2 }))
	reject("message_len that is not the body's", broken(five, put64(48, 0x240)))
	reject("a PING with a body", broken(five, func(b []byte) { b[25] = 3 }))
	reject("JSON metadata that nests 33 deep", bytesOf(t, umx.Message{Op: umx.OpData, Meta: []byte(strings.Repeat("[", 33) + strings.Repeat("]", 33))}))
	reject("a zstd buffer that grows past its derived size", grown(t))
	v.Sessions = sessions(t)
	v.legacy(t)
	return v
}

// grown is a frame whose zstd buffer holds more than its tensor.
func grown(t testing.TB) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := w.EncodeAll(make([]byte, 8192), nil)
	b := bytesOf(t, umx.Message{Op: umx.OpData, Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, packed, uint64(len(packed)))}})
	return broken(b, func(b []byte) { b[64+3] = byte(umx.Zstd); put64(64+8, 4096)(b) })
}

// more are frames beyond those of the specification: every element type, layout and codec.
func more(t testing.TB) (all []accepted) {
	every := umx.Message{Op: umx.OpData, Meta: []byte(`{}`)}
	for d := range umx.DTypes() {
		dtype := umx.DType(d) //nolint:gosec // seventeen
		row := (5*dtype.Bits() + 7) / 8
		data := make([]byte, 3*row)
		for i := range data {
			data[i] = byte(i + d)
		}
		every.Tensors = append(every.Tensors, umx.NewTensor(dtype, data, 3, 5))
	}
	all = append(all, describe(t, "every element type", bytesOf(t, every), true))
	layouts := umx.Message{Op: umx.OpData}
	column := umx.NewTensor(umx.Float32, floats(1, 4, 2, 5, 3, 6), 2, 3)
	column.Layout = umx.ColumnMajor
	rows := umx.NewTensor(umx.Int16, make([]byte, 2*64), 2, 3)
	rows.Layout = umx.PaddedRows
	rows.Data[0], rows.Data[64] = 1, 2
	layouts.Tensors = []umx.Tensor{column, rows, umx.NewTensor(umx.Float64, umx.Bytes([]float64{math.Pi})), umx.NewTensor(umx.Uint8, nil, 0, 7)}
	all = append(all, describe(t, "layouts, a scalar, and nothing", bytesOf(t, layouts), true))
	ids := make([]uint64, 512)
	for i := range ids {
		ids[i] = uint64(i) * 3
	}
	for _, c := range []umx.Codec{umx.Zstd, umx.LZ4} {
		for _, shuffle := range []bool{false, true} {
			m := umx.Message{Op: umx.OpData, Codec: c, Shuffle: shuffle, Tensors: []umx.Tensor{umx.NewTensor(umx.Uint64, umx.Bytes(ids), 512)}}
			name := map[umx.Codec]string{umx.Zstd: "zstd", umx.LZ4: "lz4"}[c] + map[bool]string{true: ", shuffled"}[shuffle]
			all = append(all, describe(t, name, bytesOf(t, m), false))
		}
	}
	packedMeta := umx.Message{Op: umx.OpData, MetaCodec: umx.Zstd, Meta: []byte(`{"a":"` + strings.Repeat("b", 2000) + `"}`)}
	return append(all, describe(t, "metadata under zstd", bytesOf(t, packedMeta), false),
		describe(t, "COMPACT request", bytesOf(t, umx.Message{
			Op: umx.OpRequest, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Sequence: 1, Request: 7,
			Meta: unhex(t, "92cd010181a36b6579a161"), // [0x0101, {"key":"a"}]
		}), true),
		describe(t, "a kind that is not known, ignorable", broken(bytesOf(t, umx.Message{Op: umx.OpData, Ext: umx.Ignorable, Meta: []byte("?")}),
			func(b []byte) { b[25] = 200 }), false))
}

// describe says what a frame decodes to.
func describe(t testing.TB, name string, b []byte, canonical bool) accepted {
	t.Helper()
	var f umx.Frame
	if n, err := f.Decode(b, umx.Limits{}); err != nil || n != len(b) {
		t.Fatalf("%s: %d of %d bytes, %v", name, n, len(b), err)
	}
	var request [8]byte
	binary.BigEndian.PutUint64(request[:], f.Request)
	a := accepted{
		Name: name, Hex: hex.EncodeToString(b), Canonical: canonical, Op: f.Op, Kind: f.Kind, Flags: f.Flags, Stream: f.Stream,
		Sequence: f.Sequence, Request: hex.EncodeToString(request[:]), DeadlineMS: f.DeadlineMS, MessageLen: f.MessageLen,
		MetaHex: hex.EncodeToString(f.Meta),
	}
	for i := range f.Tensors {
		x := &f.Tensors[i]
		a.Tensors = append(a.Tensors, tensorVector{x.DType.String(), append([]uint64{}, x.Shape()...), x.Name, hex.EncodeToString(x.Data)})
	}
	return a
}

// sessions are frames that are right by themselves and wrong where they come.
func sessions(t testing.TB) []sessionOf {
	message := func(stream uint64, seq uint32, flags umx.Flags) string {
		return hex.EncodeToString(bytesOf(t, umx.Message{Op: umx.OpData, Stream: stream, Sequence: seq, Flags: flags, Meta: []byte("{}")}))
	}
	cut := umx.Message{Op: umx.OpData, Stream: 1, Flags: umx.StreamStart, Meta: []byte("{}"), Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, make([]byte, 256), 256)}}
	parts := framesOf(t, &cut, 64+128)
	all := []sessionOf{
		{"FRAGMENT_CONTINUE without a start", true, []string{message(1, 0, umx.StreamStart), hex.EncodeToString(broken(parts[1], func(b []byte) { b[12] = 1 }))}, ""},
		{"a sequence gap on stream 0", true, []string{message(0, 0, 0), message(0, 2, 0)}, ""},
		{"a sequence gap on a stream", true, []string{message(1, 0, umx.StreamStart), message(1, 2, 0)}, ""},
		{"an odd stream opened by the acceptor", false, []string{message(3, 0, umx.StreamStart)}, ""},
		{"an even stream opened by the opener", true, []string{message(2, 0, umx.StreamStart)}, ""},
		{"a stream that was not opened", true, []string{message(1, 0, 0)}, ""},
		{"a stream opened twice", true, []string{message(1, 0, umx.StreamStart), message(1, 1, umx.StreamStart)}, ""},
		{"a stream number that falls", true, []string{message(3, 0, umx.StreamStart), message(1, 0, umx.StreamStart)}, ""},
		{"a stream number used again", true, []string{message(1, 0, umx.StreamStart|umx.StreamEnd), message(1, 0, umx.StreamStart)}, ""},
		{"a frame after the stream's end", true, []string{message(1, 0, umx.StreamStart|umx.StreamEnd), message(1, 1, 0)}, ""},
		{"stream 0 ended", true, []string{message(0, 0, umx.StreamEnd)}, ""},
		{"a message in the middle of another", true, []string{hex.EncodeToString(parts[0]), message(1, 1, 0)}, ""},
		{"fragments longer than their message", true, []string{hex.EncodeToString(parts[0]), hex.EncodeToString(parts[1]),
			hex.EncodeToString(broken(parts[1], func(b []byte) { b[12] = 2 })), hex.EncodeToString(broken(parts[1], func(b []byte) { b[12] = 3 }))}, ""},
		{"fragments shorter than their message", true, []string{hex.EncodeToString(parts[0]), hex.EncodeToString(broken(parts[2], func(b []byte) { b[12] = 1 }))}, ""},
	}
	for i := range all {
		s := &all[i]
		_, err := replay(t, s)
		if err == nil {
			t.Fatalf("%s is accepted", s.Name)
		}
		s.Code = umx.CodeOf(err).String()
	}
	return all
}

// replay gives the frames to a receiver; only the last may be refused.
func replay(t testing.TB, s *sessionOf) (n int, err error) {
	t.Helper()
	in := umx.NewInbound(s.Accepted, umx.Limits{})
	for i, text := range s.Frames {
		var f umx.Frame
		if _, err := f.Decode(unhex(t, text), umx.Limits{}); err != nil {
			t.Fatalf("%s: frame %d: %v", s.Name, i, err)
		}
		if _, err = in.Accept(&f); err != nil && i < len(s.Frames)-1 {
			t.Fatalf("%s: frame %d: %v", s.Name, i, err)
		}
	}
	return len(s.Frames), err
}

// framesOf cuts a message into frames.
func framesOf(t testing.TB, m *umx.Message, maxFrame int) (all [][]byte) {
	t.Helper()
	parts, err := m.Buffers(maxFrame)
	if err != nil {
		t.Fatal(err)
	}
	rest := bytes.Join(parts, nil)
	for len(rest) > 0 {
		n := 20 + int(binary.LittleEndian.Uint32(rest[16:]))
		all, rest = append(all, rest[:n]), rest[n:]
	}
	return all
}

func (v *vectors) legacy(t testing.TB) {
	const zipped = "789c7374a43d000002e91965"
	good := func(name, text string) {
		f, err := umx.DecodeLegacy(unhex(t, text), 1<<20)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v.Legacy = append(v.Legacy, legacyGood{name, text, hex.EncodeToString(f.Payload)})
	}
	good("CONTROL, empty", "0100000000000000000000000000000000000000")
	good(`DATA "hello"`, "010100000100000000000000000000000500000068656c6c6f")
	good("all flags but EXT, three floats", "0101c30008070605040302010d0c0b0a0c0000000000803f0000004000004040"[:4]+"c200"+
		"08070605040302010d0c0b0a0c0000000000803f0000004000004040")
	good("zlib, 100 x 'A'", "01010100"+"0100000000000000"+"00000000"+"0c000000"+zipped)
	bad := func(name, text string, most int) {
		_, err := umx.DecodeLegacy(unhex(t, text), most)
		if err == nil {
			t.Fatalf("%s is accepted", name)
		}
		v.Bad = append(v.Bad, rejected{name, text, umx.CodeOf(err).String()})
	}
	bad("shorter than a header", "01000000000000000000000000000000000000", 1<<20)
	bad("longer than it says", "010100000100000000000000000000000500000068656c6c6f21", 1<<20)
	bad("shorter than it says", "010100000100000000000000000000000500000068656c6c", 1<<20)
	bad("broken zlib", "01010100"+"0100000000000000"+"00000000"+"0c000000"+"789c7374a43d000002e91966", 1<<20)
	bad("op 6", "0106000000000000000000000000000000000000", 1<<20)
}

func TestVectors(t *testing.T) {
	made := makeVectors(t)
	text, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, text, 0o644); err != nil { //nolint:gosec // for everybody to read
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(known, text) {
		t.Error("the vectors are not what this implementation makes: go test ./umicp/umx -run TestVectors -update, and look at the difference: they are permanent")
	}
	// What the file says is what is accepted, whatever is made now.
	var v vectors
	if err := json.Unmarshal(known, &v); err != nil {
		t.Fatal(err)
	}
	for _, a := range v.Accept {
		if got, want := describe(t, a.Name, unhex(t, a.Hex), a.Canonical), a; !sameJSON(t, got, want) {
			t.Errorf("%s decodes to %+v", a.Name, got)
		}
	}
	for _, r := range v.Reject {
		var f umx.Frame
		if _, err := f.Decode(unhex(t, r.Hex), umx.Limits{}); err == nil || umx.CodeOf(err).String() != r.Code {
			t.Errorf("%s: %v", r.Name, err)
		}
	}
	for i := range v.Sessions {
		if _, err := replay(t, &v.Sessions[i]); err == nil || umx.CodeOf(err).String() != v.Sessions[i].Code {
			t.Errorf("%s: %v", v.Sessions[i].Name, err)
		}
	}
	for _, c := range v.CRC {
		if got := umx.CRC(unhex(t, c.Hex)); got != binary.BigEndian.Uint32(unhex(t, c.CRC)) {
			t.Errorf("the checksum of %s is %08x", c.Hex, got)
		}
	}
}

func sameJSON(t *testing.T, a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return bytes.Equal(x, y)
}
