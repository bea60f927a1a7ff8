package umicp_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// mostHeap is what refusing a bomb may cost.
const mostHeap = 16 << 20

// crafted is a frame made by hand: what its header says is true of nothing but its checksums.
func crafted(change func(header []byte), body []byte) []byte {
	m := umx.Message{Op: umx.OpRequest, Kind: umx.KindMessage}
	b, err := m.Append(nil)
	if err != nil {
		panic(err)
	}
	h := b[:umx.HeaderBytes]
	change(h)
	binary.LittleEndian.PutUint32(h[56:], umx.CRC(body))
	binary.LittleEndian.PutUint32(h[60:], umx.CRC(h[:60]))
	return append(bytes.Clone(h), body...)
}

func zstdOf(t *testing.T, plain []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(plain, nil)
}

func padded(b []byte) []byte { return append(b, make([]byte, -len(b)&63)...) }

// TestBombsAtThePort: what comes over the bare port and means to become large is refused, before it is known who sends it and
// after, and costs little memory.
func TestBombsAtThePort(t *testing.T) {
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door, _ := openWith(t, umicp.Options{Authenticator: doorman{}})
	stop := serveOn(t, door, tcp)
	defer stop()
	le := binary.LittleEndian
	length := func(n uint32) func([]byte) {
		return func(h []byte) {
			le.PutUint32(h[16:], n-20)
			le.PutUint64(h[48:], uint64(n)-64)
		}
	}
	const gigabyte = 1 << 30
	packed := zstdOf(t, make([]byte, 64<<20))
	descriptor := func(codec byte, dim, stored uint64) []byte {
		d := make([]byte, 64)
		d[0], d[1], d[3] = byte(umx.Uint8), 1, codec
		le.PutUint16(d[6:], umx.NoName)
		for i := range 4 {
			le.PutUint64(d[8+8*i:], 1)
		}
		le.PutUint64(d[8:], dim)
		le.PutUint64(d[40:], 64)
		le.PutUint64(d[48:], stored)
		return d
	}
	tensor := func(codec byte, dim uint64, stored []byte) []byte {
		body := append(descriptor(codec, dim, uint64(len(stored))), padded(bytes.Clone(stored))...)
		return crafted(func(h []byte) {
			h[27] = 0
			le.PutUint16(h[28:], 1)
			le.PutUint16(h[30:], uint16(umx.BodyCRC))
			le.PutUint32(h[16:], uint32(umx.HeaderBytes+len(body)-20))
			le.PutUint64(h[48:], uint64(len(body)))
		}, body)
	}
	meta := func(kind umx.Kind, codec umx.Codec, encoding umx.Encoding, ext umx.ExtFlags, meta []byte) []byte {
		body := padded(bytes.Clone(meta))
		return crafted(func(h []byte) {
			h[25], h[26], h[27] = byte(kind), byte(encoding), byte(codec)
			le.PutUint16(h[30:], uint16(ext|umx.BodyCRC))
			le.PutUint32(h[16:], uint32(umx.HeaderBytes+len(body)-20))
			le.PutUint32(h[40:], uint32(len(meta)))
			le.PutUint64(h[48:], uint64(len(body)))
		}, body)
	}
	begun := func(message uint64) []byte {
		return crafted(func(h []byte) {
			le.PutUint16(h[2:], le.Uint16(h[2:])|uint16(umx.FragmentStart))
			le.PutUint16(h[28:], 1)
			le.PutUint16(h[30:], uint16(umx.BodyCRC))
			le.PutUint32(h[16:], umx.HeaderBytes+64-20)
			le.PutUint64(h[48:], message)
		}, descriptor(0, message-64, message-64))
	}
	compact := func(b []byte) []byte { return meta(umx.KindMessage, umx.None, umx.MessagePack, umx.Compact, b) }
	deep := []byte(strings.Repeat("[", 60_000))
	for name, test := range map[string]struct {
		greeted bool
		bomb    []byte
		code    umx.Code // of the GOAWAY or of the answer; 0 when the frame is not whole and nothing is said
	}{
		"a HELLO of 4 GiB":                       {false, crafted(length(1<<32-64), nil), umx.BufferOverflow},
		"half a HELLO":                           {false, crafted(length(64<<10), nil), 0},
		"a HELLO in parts of a gigabyte":         {false, begun(gigabyte), umx.BufferOverflow},
		"a HELLO in parts of 256 MiB":            {false, begun(256 << 20), umx.BufferOverflow},
		"a HELLO that inflates to 64 MiB":        {false, meta(umx.KindHello, umx.Zstd, umx.JSON, 0, packed), umx.DecompressionFailed},
		"a HELLO 60,000 deep":                    {false, meta(umx.KindHello, umx.None, umx.JSON, 0, deep), umx.InvalidEnvelope},
		"a request before HELLO":                 {false, compact([]byte{0x91, 1}), umx.InvalidState},
		"a frame of 4 GiB":                       {true, crafted(length(1<<32-64), nil), umx.BufferOverflow},
		"a frame of 64 MiB that does not come":   {true, crafted(length(64<<20), make([]byte, 1000)), 0},
		"a message of 256 MiB that does not":     {true, begun(256 << 20), 0},
		"a message of a petabyte":                {true, begun(1 << 50), umx.BufferOverflow},
		"metadata that inflates to 64 MiB":       {true, meta(umx.KindMessage, umx.Zstd, umx.JSON, 0, packed), umx.DecompressionFailed},
		"a tensor that inflates a thousandfold":  {true, tensor(byte(umx.Zstd), 64<<20, packed), umx.DecompressionFailed},
		"a tensor that says it does":             {true, tensor(byte(umx.Zstd), 200<<20, packed[:64]), umx.DecompressionFailed},
		"a tensor of a petabyte":                 {true, tensor(byte(umx.Zstd), 1<<50, packed), umx.BufferOverflow},
		"an array of 2^32":                       {true, compact([]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 1}), umx.InvalidArgument},
		"arguments of 2^32":                      {true, compact([]byte{0x92, 0xcd, 1, 1, 0xdf, 0xff, 0xff, 0xff, 0xff}), umx.InvalidArgument},
		"a key of 2^32 bytes":                    {true, compact(append([]byte{0x92, 0xcd, 1, 1, 0x81, 0xa3, 'k', 'e', 'y', 0xdb}, 0xff, 0xff, 0xff, 0xff, 1)), umx.InvalidArgument},
		"MessagePack 60,000 deep":                {true, compact(append([]byte{0x92, 0xcd, 1, 1}, bytes.Repeat([]byte{0x91}, 60_000)...)), umx.InvalidArgument},
		"a name of an operation of 60,000 bytes": {true, compact(append([]byte{0x91, 0xda, 0xea, 0x60}, bytes.Repeat([]byte{'x'}, 60_000)...)), umx.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", tcp.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			r := umx.NewReader(conn, umx.Limits{})
			if test.greeted {
				m := hello(func(h *umx.Hello) { h.Auth = &umx.Auth{APIKey: "right"} })
				b, err := m.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write(b); err != nil {
					t.Fatal(err)
				}
				if f, err := r.Next(); err != nil || f.Kind != umx.KindWelcome {
					t.Fatalf("%+v %v", f, err)
				}
				le.PutUint32(test.bomb[12:], 1) // the number after HELLO's
				le.PutUint32(test.bomb[60:], umx.CRC(test.bomb[:60]))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := conn.Write(test.bomb); err != nil {
				t.Fatal(err)
			}
			code := umx.Code(0)
			if test.code == 0 {
				_ = conn.(*net.TCPConn).CloseWrite() // the rest does not come; the server has read all there is, then
			}
			for {
				f, err := r.Next()
				if err != nil {
					break // it ended, or was reset because the server left something unread
				}
				switch {
				case f.Kind == umx.KindGoAway:
					code = umx.Code(f.Sequence) //nolint:gosec // small
				case f.Kind == umx.KindError:
					var wire uint16
					if f.Meta[1] == 0xcd {
						wire = binary.BigEndian.Uint16(f.Meta[2:])
					} else {
						wire = uint16(f.Meta[1])
					}
					code = umx.Code(wire)
				}
				if code != 0 {
					break
				}
			}
			runtime.ReadMemStats(&after)
			if code != test.code {
				t.Errorf("it is told %s, want %s", code, test.code)
			}
			if cost := after.TotalAlloc - before.TotalAlloc; cost > mostHeap {
				t.Errorf("refusing %d bytes cost %d bytes of heap", len(test.bomb), cost)
			}
		})
	}
}

// TestHalfAFrame: who stops in the middle of a frame, or sends it a byte at a time, does not stay for ever.
func TestHalfAFrame(t *testing.T) {
	m := hello(nil)
	whole, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	half := crafted(func(h []byte) {
		binary.LittleEndian.PutUint32(h[16:], 4096-20)
		binary.LittleEndian.PutUint64(h[48:], 4096-64)
		binary.LittleEndian.PutUint32(h[12:], 1)
	}, nil)
	for name, within := range map[string]struct {
		first []byte
		slow  []byte // a byte a second
		most  time.Duration
	}{
		"a HELLO that stops":              {whole[:70], nil, 11 * time.Second},
		"a HELLO a byte at a time":        {nil, whole, 11 * time.Second},
		"a frame that stops":              {append(bytes.Clone(whole), half...), nil, 2 * time.Minute},
		"a frame that a byte comes of":    {append(bytes.Clone(whole), half...), make([]byte, 3000), 2 * time.Minute},
		"half a header that nothing adds": {append(bytes.Clone(whole), half[:30]...), nil, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _, stop := serving(t, umicp.Options{})
				conn := l.dial()
				began := time.Now()
				var sending sync.WaitGroup
				defer sending.Wait()
				sending.Go(func() {
					if _, err := conn.Write(within.first); err != nil {
						return
					}
					for _, b := range within.slow {
						time.Sleep(time.Second)
						if _, err := conn.Write([]byte{b}); err != nil {
							return
						}
					}
				})
				_, _ = io.Copy(io.Discard, conn) // ends with the connection
				if took := time.Since(began); took > within.most {
					t.Errorf("it was borne for %v", took)
				}
				_ = conn.Close()
				stop()
			})
		})
	}
}
