package umicp_test

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// TestCreditIsGivenBackOnce: of a message in fragments, the credit of each frame comes back, and no more.
func TestCreditIsGivenBackOnce(t *testing.T) { everyWay(t, testCreditIsGivenBackOnce) }

func testCreditIsGivenBackOnce(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, func(h *umx.Hello) { h.MaxFrame = 64 << 10 })
	args := []byte("\x82\xa3key\xa1a\xa5value\xdb\x00\x30\x00\x00" + strings.Repeat("x", 3<<20))
	m := p.ask(1, umx.StreamStart, "kv.set", nil, map[string]any{"body": 0})
	m.Tensors = []umx.Tensor{umx.NewTensor(umx.Uint8, args, uint64(len(args)))}
	frames, err := m.Frames(64 << 10)
	if err != nil || len(frames) < 40 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	p.seq[1] = uint32(len(frames)) //nolint:gosec // small
	p.in.Expect(1)
	sent, given := 0, 0
	for _, parts := range frames {
		var whole []byte
		for _, part := range parts {
			whole = append(whole, part...)
		}
		sent += len(whole) - umx.HeaderBytes
		p.write(whole)
	}
	last := p.ask(1, 0, "kv.get", map[string]any{"key": "b"}) // when it is answered, all of the first is done with
	p.send(last)
	for answered := false; !answered; {
		switch f := p.next(); {
		case f.Kind == umx.KindCredit && f.Stream == 1:
			given += int(f.MessageLen) //nolint:gosec // small
		case f.Kind == umx.KindError || f.Kind == umx.KindGoAway:
			t.Fatalf("kind %d: %s", f.Kind, f.Meta)
		default:
			answered = f.Request == last.Request
		}
	}
	if given > sent || given < sent-1<<20 {
		t.Errorf("of %d bytes %d were given back", sent, given)
	}
}

// TestWhatIsGivenUpOwesNothing: requests that waited on a stream when it was cancelled take no credit with them.
func TestWhatIsGivenUpOwesNothing(t *testing.T) { everyWay(t, testWhatIsGivenUpOwesNothing) }

func testWhatIsGivenUpOwesNothing(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	p.send(p.ask(0, 0, "queue.create", map[string]any{"queue": "q"}))
	p.expect(0, 1)
	value := strings.Repeat("x", 100<<10)
	for i := range uint64(40) { // 36 MiB, where 16 may be under way
		stream := 2*i + 1
		waits := p.ask(stream, umx.StreamStart, "queue.receive", map[string]any{"queue": "q", "wait_ms": 20_000})
		p.send(waits)
		for range 9 {
			p.send(p.ask(stream, 0, "kv.set", map[string]any{"key": "a", "value": value}))
		}
		p.send(umx.Message{Kind: umx.KindCancel, Stream: stream, Sequence: uint32(umx.Cancelled)})
		for ended := false; !ended; {
			f := p.next()
			if f.Kind == umx.KindGoAway {
				t.Fatalf("after %d streams: GOAWAY %s", i, umx.Code(f.Sequence)) //nolint:gosec // small
			}
			ended = f.Stream == stream && f.Flags&umx.StreamEnd != 0
		}
	}
}

// TestWhatWaitsIsCountedUnpacked: a request of a few bytes that were a mebibyte once takes a mebibyte while it waits, or its message is put together.
func TestWhatWaitsIsCountedUnpacked(t *testing.T) {
	limits := umx.Limits{MaxFrame: 1 << 20, MaxMessage: 4 << 20}
	random := make([]byte, 12<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random) // it never fails
	long := strings.Repeat(hex.EncodeToString(random), 41)
	packed := func(p *peer, stream uint64, flags umx.Flags) umx.Message {
		m := p.ask(stream, flags, 0x0101, map[string]any{"key": long})
		m.MetaCodec = umx.Zstd
		return m
	}
	for name, send := range map[string]func(p *peer){
		"behind another": func(p *peer) {
			p.send(p.ask(0, 0, "queue.receive", map[string]any{"queue": "q", "wait_ms": 20_000}))
			for range 20 {
				p.send(packed(p, 0, 0))
			}
		},
		"in fragments": func(p *peer) {
			for i := range uint64(20) {
				m := packed(p, 2*i+1, umx.StreamStart)
				m.Tensors = []umx.Tensor{umx.NewTensor(umx.Uint8, make([]byte, 64<<10), 64<<10)}
				frames, err := m.Frames(32 << 10)
				if err != nil || len(frames) < 2 {
					t.Errorf("%d frames, %v", len(frames), err)
					return
				}
				var first []byte
				for _, part := range frames[0] {
					first = append(first, part...)
				}
				p.write(first)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, serving opener) {
				l, _, _ := serving(t, umicp.Options{Limits: limits})
				p := greeted(t, l, nil)
				p.send(p.ask(0, 0, "queue.create", map[string]any{"queue": "q"}))
				p.expect(0, 1)
				send(p)
				p.send(umx.Message{Kind: umx.KindPing, Request: 9})
				f := p.next()
				if code := umx.Code(f.Sequence); f.Kind != umx.KindGoAway || code != umx.ResourceExhausted && code != umx.BufferOverflow { //nolint:gosec // small
					t.Errorf("20 MiB are held where 4 are agreed: kind %d", f.Kind)
				}
			})
		})
	}
}

// TestPostedFramesAreAnsweredWithinBounds: a small body may ask for a large value many times over.
func TestPostedFramesAreAnsweredWithinBounds(t *testing.T) {
	door, _ := open(t)
	door.SetMostPosted(1 << 20)
	p := &peer{t: t, seq: map[uint64]uint32{}, in: umx.NewInbound(false, umx.Limits{})}
	post := func(body []byte) (status, size int) {
		p.seq = map[uint64]uint32{}
		w := send(door, http.MethodPost, umicp.Path, string(body), "Content-Type", "application/umicp+binary")
		return w.Code, w.Body.Len()
	}
	for _, stream := range []uint64{0, 1} {
		flags := umx.Flags(0)
		if stream > 0 {
			flags = umx.StreamStart
		}
		set := p.frame(p.ask(stream, flags, "kv.set", map[string]any{"key": "a", "value": strings.Repeat("x", 300<<10)}))
		if code, _ := post(set); code != http.StatusOK {
			t.Fatalf("%d", code)
		}
		var body []byte
		for range 500 {
			body = append(body, p.frame(p.ask(stream, flags, 0x0101, map[string]any{"key": "a"}))...)
			flags = 0
		}
		body = append(body, p.frame(p.ask(stream, 0, "kv.increment", map[string]any{"key": "n"}))...)
		if code, size := post(body); code != http.StatusRequestEntityTooLarge || size > 2<<20 {
			t.Errorf("stream %d: %d with %d bytes", stream, code, size)
		}
	}
}

// TestAPeerThatOnlyPings: what needs no request to be answered does not gather without end; who reads waits until it is taken.
func TestAPeerThatOnlyPings(t *testing.T) {
	door, _ := open(t)
	if n := door.MostUnsent(t.Context(), 20_000); n > 100<<10 {
		t.Errorf("%d bytes of pongs wait for a peer that takes none", n)
	}
}
