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
	Taken    []takenOf    `json:"accept_sessions"`
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

// takenOf is a sequence of frames that is right, and what comes of it.
type takenOf struct {
	Name     string    `json:"name"`
	Accepted bool      `json:"receiver_accepted_the_connection"`
	Frames   []string  `json:"frames"`
	Messages []message `json:"messages"`
}

// message is one that came of frames.
type message struct {
	After   int       `json:"after"` // so many frames were taken when it was whole
	Kind    umx.Kind  `json:"kind"`
	Flags   umx.Flags `json:"flags"`
	Stream  uint64    `json:"stream_id"`
	Request string    `json:"request_id"`
	MetaHex string    `json:"meta_hex"`
	Body    string    `json:"body_sha256"`
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
			"one that this implementation gives, and any refusal will do. All frames of accept_sessions are taken, and the messages come of them. " +
			"Of reject_sessions, the last frame is refused when the others were taken.",
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
	fragment := framesOf(t, &umx.Message{Op: umx.OpData, Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, make([]byte, 256), 256)}}, 128)
	reject("a first fragment that says it is all", broken(fragment[0], put64(48, 64)))
	reject("a first fragment that does not say how much there is", broken(fragment[0], put64(48, 0)))
	reject("a first fragment that is the last", broken(fragment[0], func(b []byte) { b[2] |= 0x20 }))
	reject("a message that goes on", broken(fragment[0], func(b []byte) { b[2] = b[2]&^0x38 | 0x10 }))
	reject("a FRAGMENT that does not say which", broken(fragment[1], func(b []byte) { b[2] &^= 0x38 }))
	reject("a FRAGMENT that goes on and ends", broken(fragment[1], func(b []byte) { b[2] |= 0x30 }))
	reject("a FRAGMENT with metadata", broken(fragment[1], func(b []byte) { b[40] = 2 }))
	reject("a FRAGMENT with tensors", broken(fragment[1], put16(28, 1)))
	reject("a FRAGMENT without a body", broken(fragment[1][:64], func(b []byte) { put16(30, 0)(b); put64(56, 0)(b); binary.LittleEndian.PutUint32(b[16:], 44) }))
	reject("a CREDIT in fragments", broken(spec[1], func(b []byte) { b[2] |= 0x08 }))
	reject("a body that is nobody's", broken(fragment[1], func(b []byte) { b[2], b[25] = 0, 0; put64(48, 64)(b) }))
	reject("columns of bits", broken(five, func(b []byte) { b[desc0], b[desc0+2] = 13, 1; put64(desc0+48, 2)(b) }))
	reject("padded rows of rank 0", broken(five, func(b []byte) { b[desc0+1], b[desc0+2] = 0, 2; put64(desc0+8, 1)(b); put64(desc0+16, 1)(b) }))
	reject("bytes of one byte each, shuffled", broken(five, func(b []byte) { b[desc0], b[desc0+3] = 4, 0x84; put64(desc0+48, 6)(b) }))
	reject("a buffer that is packed more than a hundred times", bombs(t))
	reject("metadata that unpacks to more than a MiB", swollen(t))
	v.Taken = taken(t)
	v.Sessions = sessions(t)
	v.legacy(t)
	return v
}

// grown is a frame whose zstd buffer holds more than its tensor.
func grown(t testing.TB) []byte {
	return packed(t, make([]byte, 8192), func(b []byte) { put64(64+8, 4096)(b) })
}

// bombs is a frame whose zstd buffer is what its tensor says, packed more than may be.
func bombs(t testing.TB) []byte {
	return packed(t, make([]byte, 1<<20), func(b []byte) { put64(64+8, 1<<20)(b) })
}

// packed is a frame with one tensor of uint8 whose buffer is under zstd.
func packed(t testing.TB, plain []byte, change func(b []byte)) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	buffer := w.EncodeAll(plain, nil)
	b := bytesOf(t, umx.Message{Op: umx.OpData, Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, buffer, uint64(len(buffer)))}})
	return broken(b, func(b []byte) { b[64+3] = byte(umx.Zstd); change(b) })
}

// swollen is a frame whose metadata grows too large.
func swollen(t testing.TB) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	meta := w.EncodeAll(bytes.Repeat([]byte(" "), 1<<20+1), nil)
	return broken(bytesOf(t, umx.Message{Op: umx.OpData, Meta: meta}), func(b []byte) { b[27] = byte(umx.Zstd) })
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
		describe(t, "HELLO", bytesOf(t, umx.Message{Kind: umx.KindHello, Request: 1, Meta: []byte(`{"umx":[1],"peer_id":"me","codecs":["none"]}`)}), true),
		describe(t, "COMPACT answer", compact(t, umx.KindMessage, 0, "9200"+"81a5666f756e64c2"), true),
		describe(t, "COMPACT error", compact(t, umx.KindError, 0, "930c"+"aa6b6579206973206e6f74"+"81a56669656c64a36b6579"), true),
		describe(t, "COMPACT event", compact(t, umx.KindMessage, 1, "9300"+"82a56576656e74a3736574a36b6579a161"+"a5312d323334"), true),
		describe(t, "COMPACT mark, the last", broken(compact(t, umx.KindMessage, 1, "9300c0"+"a5312d323334"), func(b []byte) { b[2] |= 0x80 }), true),
		describe(t, "COMPACT answer that is a tensor", bytesOf(t, umx.Message{
			Op: umx.OpResponse, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Request: 7, Meta: unhex(t, "9300c081a4626f647900"),
			Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, unhex(t, "81a5666f756e64c2"), 8)},
		}), true),
		describe(t, "GOAWAY", (&umx.Message{Kind: umx.KindGoAway, Sequence: uint32(umx.ProtocolError), Request: 5}).Bare(nil), true),
		describe(t, "an empty MESSAGE that ends its stream", bytesOf(t, umx.Message{Op: umx.OpRequest, Flags: umx.StreamEnd, Stream: 1, Sequence: 3, Request: 9}), true),
		describe(t, "a kind that is not known, ignorable", broken(bytesOf(t, umx.Message{Op: umx.OpData, Ext: umx.Ignorable, Meta: []byte("?")}),
			func(b []byte) { b[25] = 200 }), false))
}

// compact is a frame of an answer in the short form.
func compact(t testing.TB, kind umx.Kind, stream uint64, meta string) []byte {
	op := umx.OpResponse
	if kind == umx.KindError {
		op = umx.OpError
	}
	return bytesOf(t, umx.Message{
		Op: op, Kind: kind, Ext: umx.Compact, MetaEncoding: umx.MessagePack, Stream: stream, Sequence: 1, Request: 7, Meta: unhex(t, meta),
	})
}

// taken are sequences of frames that are right where they come.
func taken(t testing.TB) []takenOf {
	text := func(m umx.Message) string { return hex.EncodeToString(bytesOf(t, m)) }
	request := func(stream uint64, seq uint32, flags umx.Flags, id uint64) string {
		return text(umx.Message{Op: umx.OpRequest, Flags: flags, Stream: stream, Sequence: seq, Request: id, Meta: []byte("{}")})
	}
	long := umx.Message{
		Op: umx.OpRequest, Flags: umx.StreamStart | umx.StreamEnd, Stream: 1, Request: 5, Meta: []byte(`{"a":1}`),
		Tensors: []umx.Tensor{umx.NewTensor(umx.Uint8, bytes.Repeat([]byte("0123456789abcdef"), 20), 320)},
	}
	var parts []string
	for _, f := range framesOf(t, &long, 64+128) {
		parts = append(parts, hex.EncodeToString(f))
	}
	zero := long
	zero.Stream, zero.Flags = 0, 0
	var zeroParts []string
	for _, f := range framesOf(t, &zero, 64+192) {
		zeroParts = append(zeroParts, hex.EncodeToString(f))
	}
	failed := text(umx.Message{Op: umx.OpError, Kind: umx.KindError, Flags: umx.StreamEnd, Stream: 1, Sequence: 1, Request: 5, Meta: []byte("{}")})
	ping := hex.EncodeToString((&umx.Message{Kind: umx.KindPing, Request: 1}).Bare(nil))
	all := []takenOf{
		{Name: "a message in fragments", Accepted: true, Frames: parts},
		{Name: "a message in fragments on stream 0", Accepted: true, Frames: zeroParts},
		{Name: "fragments with other streams and a PING in between", Accepted: true, Frames: append([]string{
			parts[0], request(0, 0, 0, 6), parts[1], ping, request(3, 0, umx.StreamStart, 7), request(3, 1, umx.StreamEnd, 8)}, parts[2:]...)},
		{Name: "an ERROR in the place of what is missing", Accepted: true, Frames: []string{parts[0], failed, request(3, 0, umx.StreamStart, 7)}},
		{Name: "streams that are passed over", Accepted: true, Frames: []string{request(1, 0, umx.StreamStart, 1), request(9, 0, umx.StreamStart|umx.StreamEnd, 2), request(1, 1, 0, 3)}},
		{Name: "even streams of who accepted the connection", Frames: []string{request(2, 0, umx.StreamStart, 1), request(4, 0, umx.StreamStart|umx.StreamEnd, 2)}},
		{Name: "one that is to be ignored has no number", Accepted: true, Frames: []string{request(0, 0, 0, 1),
			hex.EncodeToString(broken(bytesOf(t, umx.Message{Op: umx.OpData, Ext: umx.Ignorable, Meta: []byte("?")}), func(b []byte) { b[25] = 200 })), request(0, 1, 0, 2)}},
	}
	for i := range all {
		all[i].Messages = come(t, &all[i])
	}
	return all
}

// come gives frames to a receiver, and returns what comes of them.
func come(t testing.TB, s *takenOf) (all []message) {
	t.Helper()
	in := umx.NewInbound(s.Accepted, umx.Limits{})
	for i, text := range s.Frames {
		var f umx.Frame
		if _, err := f.Decode(unhex(t, text), umx.Limits{}); err != nil {
			t.Fatalf("%s: frame %d: %v", s.Name, i, err)
		}
		if f.Kind.Bare() || f.Kind > umx.KindFragment {
			continue
		}
		whole, err := in.Accept(&f)
		if err != nil {
			t.Fatalf("%s: frame %d: %v", s.Name, i, err)
		}
		if whole == nil {
			continue
		}
		var request [8]byte
		binary.BigEndian.PutUint64(request[:], whole.Request)
		sum := sha256.Sum256(whole.Body)
		all = append(all, message{
			After: i + 1, Kind: whole.Kind, Flags: whole.Flags, Stream: whole.Stream, Request: hex.EncodeToString(request[:]),
			MetaHex: hex.EncodeToString(whole.Meta), Body: hex.EncodeToString(sum[:]),
		})
	}
	return all
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
		{"a fragment of another request", true, []string{hex.EncodeToString(parts[0]), hex.EncodeToString(broken(parts[1], func(b []byte) { b[12], b[32] = 1, 9 }))}, ""},
		{"a fragment of another length", true, []string{hex.EncodeToString(parts[0]), hex.EncodeToString(broken(parts[1], func(b []byte) { b[12] = 1; put64(48, 1<<20)(b) }))}, ""},
		{"an ERROR, and then the rest", true, []string{hex.EncodeToString(parts[0]),
			hex.EncodeToString(bytesOf(t, umx.Message{Op: umx.OpError, Kind: umx.KindError, Stream: 1, Sequence: 1, Meta: []byte("{}")})),
			hex.EncodeToString(broken(parts[1], func(b []byte) { b[12] = 2 }))}, ""},
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
	page, err := os.ReadFile("../../docs/umicp.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.ReplaceAll(string(page), "\n", "")
	for _, a := range v.Accept {
		switch a.Name {
		case "V1 PING", "HELLO", "COMPACT request", "COMPACT answer":
			if !strings.Contains(shown, a.Hex) {
				t.Errorf("docs/umicp.md shows another %s", a.Name)
			}
		}
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
	for i := range v.Taken {
		if got := come(t, &v.Taken[i]); !sameJSON(t, got, v.Taken[i].Messages) {
			t.Errorf("%s: %+v", v.Taken[i].Name, got)
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
