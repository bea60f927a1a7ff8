package umicp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/pack"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// sendLong sends a message on stream 0 in as many frames as it takes.
func (p *peer) sendLong(m umx.Message, maxFrame int) {
	p.t.Helper()
	m.Sequence = p.seq[0]
	frames, err := m.Frames(maxFrame)
	if err != nil {
		p.t.Fatal(err)
	}
	p.seq[0] += uint32(len(frames)) //nolint:gosec // small
	for _, parts := range frames {
		var b []byte
		for _, part := range parts {
			b = append(b, part...)
		}
		p.write(b)
	}
}

// TestACancelledAnswerEnds: an answer that is given up while it waits for credit, with a part of it sent, is ended by an ERROR in the
// place of what is missing, and frees its stream.
func TestACancelledAnswerEnds(t *testing.T) { everyWay(t, testACancelledAnswerEnds) }

func testACancelledAnswerEnds(t *testing.T, serving opener) {
	const maxFrame = 64 << 10
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, func(h *umx.Hello) { h.MaxFrame, h.Window = maxFrame, 4096 })
	args, err := msgpack.Marshal(map[string]any{"key": "big", "value": strings.Repeat("0123456789abcdef", 20_000)})
	if err != nil {
		t.Fatal(err)
	}
	set := p.ask(0, 0, "kv.set", nil, map[string]any{"body": 0})
	set.Tensors = []umx.Tensor{umx.NewTensor(umx.Uint8, args, uint64(len(args)))}
	p.sendLong(set, maxFrame)
	p.expect(0, set.Request, `[0,{"version"`)
	column, row := make([][]int, 200), make([]int, 200)
	for i := range column {
		column[i] = []int{i}
	}
	jobs := [][]any{{"jobs", strings.Repeat("x", 30_000)}, {"jobs", strings.Repeat("y", 30_000)}, {"jobs", strings.Repeat("z", 30_000)}}
	for _, job := range jobs {
		p.send(p.ask(0, 0, "queue.publish", map[string]any{"queue": job[0], "message": job[1]}))
		p.expect(0, p.id, `[0,`)
	}
	both := umx.StreamStart | umx.StreamEnd
	for i, ask := range []func(stream uint64) umx.Message{
		func(stream uint64) umx.Message { return p.ask(stream, both, "kv.get", map[string]any{"key": "big"}) },
		func(stream uint64) umx.Message {
			return p.ask(stream, both, "matrix.multiply", map[string]any{"a": column, "b": [][]int{row}}, map[string]any{"as_tensors": true})
		},
		func(stream uint64) umx.Message {
			return p.ask(stream, both, "queue.receive", map[string]any{"queue": "jobs", "max": 3}, map[string]any{"repeat": true})
		},
	} {
		m := ask(uint64(2*i + 1)) //nolint:gosec // small
		p.send(m)
		first, err := p.reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		if whole, err := p.in.Accept(first); err != nil || whole != nil || first.Flags&umx.FragmentStart == 0 {
			t.Fatalf("request %d: an answer in fragments was to begin: flags %#x, %v: %.200s", m.Request, first.Flags, err, first.Meta)
		}
		p.send(umx.Message{Kind: umx.KindCancel, Stream: m.Stream, Sequence: uint32(umx.Cancelled)})
		f := p.expect(m.Stream, m.Request, fmt.Sprintf("[%d,", umx.Cancelled))
		if f.Kind != umx.KindError || f.Flags&umx.StreamEnd == 0 {
			t.Errorf("request %d: kind %d, flags %#x", m.Request, f.Kind, f.Flags)
		}
	}
	p.send(umx.Message{Kind: umx.KindPing, Request: 5})
	if f := p.bare(umx.KindPong); f.Request != 5 {
		t.Errorf("PONG %d", f.Request)
	}
}

// TestAHelloNeedsNoMoreThanItSays: what is absent is what the page says, and a HELLO that is refused is told why.
func TestAHelloNeedsNoMoreThanItSays(t *testing.T) { everyWay(t, testAHelloNeedsNoMoreThanItSays) }

func testAHelloNeedsNoMoreThanItSays(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	for said, refused := range map[string]string{
		`{}`:                     "",
		`{"umx":null}`:           "",
		`{"umx":[3,1],"new":{}}`: "",
		`{"umx":[2]}`:            "[27,",
		`{"umx":[]}`:             "[27,",
		`{"max_frame":100}`:      "[12,",
		`{"peer_id":7}`:          "[1,",
		`[]`:                     "[1,",
	} {
		p := newPeer(t, l.dial())
		p.send(umx.Message{Kind: umx.KindHello, Request: 9, Meta: json.RawMessage(said)})
		if refused == "" {
			if f := p.next(); f.Kind != umx.KindWelcome || f.Request != 9 {
				t.Errorf("%s: kind %d: %s", said, f.Kind, f.Meta)
			}
			continue
		}
		if f := p.expect(0, 9, refused); f.Kind != umx.KindError {
			t.Errorf("%s: kind %d", said, f.Kind)
		}
		p.bare(umx.KindGoAway)
	}
}

// TestNothingIsLargerThanAgreed: an answer that a frame of the peer's cannot hold, though metadata could, comes as a tensor in fragments, and an
// event of that size ends its watch.
func TestNothingIsLargerThanAgreed(t *testing.T) { everyWay(t, testNothingIsLargerThanAgreed) }

func testNothingIsLargerThanAgreed(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	writer := greeted(t, l, nil)
	p := greeted(t, l, func(h *umx.Hello) { h.MaxFrame = 4096 })
	watch := p.ask(1, umx.StreamStart|umx.StreamEnd, "kv.watch", map[string]any{"keys": []string{"big"}})
	p.send(watch)
	p.expect(1, watch.Request, "[0,null,")
	value := strings.Repeat("0123456789abcdef", 1000)
	writer.send(writer.ask(0, 0, "kv.set", map[string]any{"key": "big", "value": value}))
	writer.expect(0, writer.id, `[0,{"version"`)
	if f := p.expect(1, watch.Request, fmt.Sprintf("[%d,", umx.BufferOverflow)); f.Flags&umx.StreamEnd == 0 {
		t.Errorf("the watch goes on: flags %#x", f.Flags)
	}
	p.send(p.ask(0, 0, "kv.get", map[string]any{"key": "big"}))
	f := p.expect(0, p.id, `[0,null,{"body":0}]`)
	body, ok := pack.ToJSON(nil, f.Tensors[0].Data)
	if !ok || !strings.Contains(string(body), value) {
		t.Errorf("%d bytes: %.100s", len(body), body)
	}
	p.send(umx.Message{Op: umx.OpRequest, Request: 99, Meta: []byte(request(`{"operation":"kv.get","key":"big"}`))})
	f = p.expect(0, 99, `"result_tensor":0`)
	if !strings.Contains(string(f.Tensors[0].Data), value) {
		t.Errorf("%.100s", f.Tensors[0].Data)
	}
}

// TestStreamsWhoseAnswersAreToComeAreOpen: a stream that its peer has ended is open until it is answered. One too many is refused, and another may
// be opened as soon as one has ended.
func TestStreamsWhoseAnswersAreToComeAreOpen(t *testing.T) {
	everyWay(t, testStreamsWhoseAnswersAreToComeAreOpen)
}

func testStreamsWhoseAnswersAreToComeAreOpen(t *testing.T, serving opener) {
	l, _, _ := serving(t, umicp.Options{})
	p := greeted(t, l, nil)
	both := umx.StreamStart | umx.StreamEnd
	var all []byte
	for i := range uint64(umx.MaxStreams) {
		all = append(all, p.frame(p.ask(2*i+1, both, "queue.receive", map[string]any{"queue": "q", "wait_ms": 25_000}))...)
	}
	p.write(all)
	for i := range uint64(3) {
		next := uint64(2*umx.MaxStreams) + 2*i + 1
		p.send(p.ask(next, both, "kv.get", map[string]any{"key": "a"}))
		if f := p.expect(next, p.id, fmt.Sprintf("[%d,", umx.ResourceExhausted)); f.Flags&umx.StreamEnd == 0 {
			t.Fatal("what was refused goes on")
		}
	}
	p.send(umx.Message{Kind: umx.KindCancel, Stream: 1})
	p.expect(1, 1, fmt.Sprintf("[%d,", umx.Cancelled))
	p.send(p.ask(3*umx.MaxStreams+1, both, "kv.get", map[string]any{"key": "a"}))
	p.expect(3*umx.MaxStreams+1, p.id, `"found":false`)
}
