package umicp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/quota"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// crowd is so many peers that every loop reads some of them.
func crowd(t *testing.T, l *listener) []*peer {
	all := make([]*peer, 64)
	for i := range all {
		all[i] = greeted(t, l, nil)
	}
	return all
}

// everybodyIsAnswered has each of the peers set a key and read it.
func everybodyIsAnswered(t *testing.T, all []*peer) {
	t.Helper()
	for i, p := range all {
		p.send(p.ask(0, 0, "kv.set", map[string]any{"key": fmt.Sprint("of-", i), "value": i}))
	}
	for _, p := range all {
		p.expect(0, p.id, `"version"`)
	}
	for i, p := range all {
		p.send(p.ask(0, 0, "kv.get", map[string]any{"key": fmt.Sprint("of-", i)}))
		p.expect(0, p.id, fmt.Sprintf(`"value":%d`, i))
	}
}

// TestALoopDoesNotWaitForAPeerThatTakesNothing: it asks for far more than fits in between and reads none of it; everybody else is
// answered, and nothing of what it asked for is lost, or out of order, when it reads at last.
func TestALoopDoesNotWaitForAPeerThatTakesNothing(t *testing.T) {
	l, _, _ := servingSockets(t, umicp.Options{WriteTimeout: 10 * time.Minute})
	deaf := greeted(t, l, nil)
	const each, asked = 50 << 10, 600 // 30 MB: more than two sockets hold
	deaf.send(deaf.ask(0, 0, "kv.set", map[string]any{"key": "large", "value": strings.Repeat("x", each)}))
	deaf.expect(0, deaf.id, `"version"`)
	first := deaf.id + 1
	for range asked {
		deaf.send(deaf.ask(0, 0, "kv.get", map[string]any{"key": "large"}))
	}
	everybodyIsAnswered(t, crowd(t, l))
	for i := range asked {
		deaf.expect(0, first+uint64(i), `"found":true`) //nolint:gosec // small
	}
}

// TestALoopDoesNotWaitForAPeerThatIsGone: one that asked for much and left without reading it.
func TestALoopDoesNotWaitForAPeerThatIsGone(t *testing.T) {
	l, door, _ := servingSockets(t, umicp.Options{WriteTimeout: 10 * time.Minute})
	gone := greeted(t, l, nil)
	gone.send(gone.ask(0, 0, "kv.set", map[string]any{"key": "large", "value": strings.Repeat("x", 50<<10)}))
	gone.expect(0, gone.id, `"version"`)
	for range 600 {
		gone.send(gone.ask(0, 0, "kv.get", map[string]any{"key": "large"}))
	}
	all := crowd(t, l)
	everybodyIsAnswered(t, all)
	_ = gone.conn.Close()
	everybodyIsAnswered(t, all)
	for door.Sessions() > len(all) {
		everybodyIsAnswered(t, all[:1])
	}
}

// TestFramesInPieces: what comes byte by byte is put together, also what is too large for the buffer.
func TestFramesInPieces(t *testing.T) {
	l, _, _ := servingSockets(t, umicp.Options{})
	p := greeted(t, l, nil)
	all := p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": "a", "value": "small"}))
	all = append(all, p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))...)
	for i := range all {
		p.write(all[i : i+1])
	}
	p.expect(0, 1, `"version"`)
	p.expect(0, 2, `"small"`)
	ten := crowd(t, l)[:10]
	large := p.frame(p.ask(0, 0, "kv.mset", map[string]any{"entries": map[string]any{"b": strings.Repeat("y", 60<<10), "c": "z"}}))
	for i := 0; i < len(large); i += 10_000 {
		p.write(large[i:min(i+10_000, len(large))])
		everybodyIsAnswered(t, ten)
	}
	p.expect(0, 3)
}

// careful is a journal that forces what it is asked to force, when it is let.
type careful struct{ disk }

func (*careful) Levels() (standard, highest journal.Durability) {
	return journal.Buffered, journal.Fsynced
}

func (c *careful) Wait(ctx context.Context, seq uint64, level journal.Durability) (journal.Durability, error) {
	if level < journal.Fsynced {
		return level, nil
	}
	return c.disk.Wait(ctx, seq, level)
}

func (*careful) Seen(context.Context) error { return nil }

// TestWhoWantsMoreSafetyWaitsAlone: where writes do not wait for the disk, one that asks to does not make the others wait.
func TestWhoWantsMoreSafetyWaitsAlone(t *testing.T) {
	j := &careful{disk{Memory: journal.NewMemory(journal.MemoryOptions{}), turn: make(chan struct{})}}
	door, _ := openOn(t, j, umicp.Options{})
	l := listening(t)
	serveOn(t, door, l)
	all := crowd(t, l)
	cautious := greeted(t, l, nil)
	for i := range 3 {
		cautious.send(cautious.ask(0, 0, "kv.set", map[string]any{"key": fmt.Sprint("safe-", i), "value": "1"}, map[string]any{"durability": "fsynced"}))
	}
	everybodyIsAnswered(t, all)
	let := make(chan struct{})
	go func() {
		defer close(let)
		for range cautious.id {
			select {
			case j.turn <- struct{}{}:
			case <-t.Context().Done():
			}
		}
	}()
	for i := range 3 {
		cautious.expect(0, uint64(i+1), `"durability":"fsynced"`) //nolint:gosec // small
	}
}

// TestAnAddressThatIsTooFastIsHeldBackByALoop: nothing is lost, and order is kept.
func TestAnAddressThatIsTooFastIsHeldBackByALoop(t *testing.T) {
	rates := quota.NewBuckets("address_requests", quota.Rate{PerSecond: 200, Burst: 10}, 0)
	l, _, _ := servingSockets(t, umicp.Options{Addresses: rates})
	p := greeted(t, l, nil)
	began := time.Now()
	for range 60 {
		p.send(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))
	}
	late := greeted(t, l, nil) // HELLO waits for its turn, too, and counts all the same
	body, err := msgpack.Marshal(map[string]any{"key": "large", "value": strings.Repeat("x", 100<<10)})
	if err != nil {
		t.Fatal(err)
	}
	large := late.ask(0, 0, "kv.set", nil, map[string]any{"body": 0})
	large.Tensors = []umx.Tensor{umx.NewTensor(umx.Uint8, body, uint64(len(body)))}
	late.send(large)
	late.expect(0, late.id, `"version"`)
	for i := range 60 {
		p.expect(0, uint64(i+1), `"found":false`) //nolint:gosec // small
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("60 requests, ten at once and 200 a second, took %v", took)
	}
}

// TestLoopsSurviveEverybody: peers that send rubbish, halves of frames, far too much, or leave at any time, all at once; who keeps to
// the rules is answered all the while.
func TestLoopsSurviveEverybody(t *testing.T) {
	l, door, _ := servingSockets(t, umicp.Options{WriteTimeout: 10 * time.Minute})
	good := crowd(t, l)
	asked := newPeer(t, l.dial()) // it only makes what the others send
	greeting := asked.frame(hello(nil))
	frames := make([][]byte, 40)
	for i := range frames {
		frames[i] = asked.frame(asked.ask(0, 0, "kv.set", map[string]any{"key": fmt.Sprint("rubbish-", i), "value": strings.Repeat("x", 1000)}))
	}
	var wild sync.WaitGroup
	for n := range uint64(16) {
		wild.Go(func() {
			random := rand.New(rand.NewPCG(n, 7)) //nolint:gosec // a test
			for range 30 {
				conn := l.dial()
				if random.IntN(8) > 0 {
					_, _ = conn.Write(greeting) // however it goes
				}
				for _, f := range frames[:random.IntN(len(frames))] {
					f = bytes.Clone(f)
					switch random.IntN(40) {
					case 0:
						f[random.IntN(len(f))] ^= 1 << random.IntN(8)
					case 1:
						f = f[:random.IntN(len(f))]
					}
					if _, err := conn.Write(f); err != nil {
						break
					}
				}
				switch random.IntN(3) {
				case 0:
					_ = conn.(*net.TCPConn).SetLinger(0) // it is reset
				case 1:
					_ = conn.SetReadDeadline(time.Now().Add(time.Duration(random.IntN(3)) * time.Millisecond))
					_, _ = io.Copy(io.Discard, conn)
				}
				_ = conn.Close()
			}
		})
	}
	over := make(chan struct{})
	go func() { wild.Wait(); close(over) }()
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
		}
		everybodyIsAnswered(t, good)
	}
	for door.Sessions() > len(good)+1 {
		everybodyIsAnswered(t, good[:1])
	}
}

// TestALoopReadsAllThatThereIs, although the system tells of it but once: far more than is read at a time, and that a connection has ended
// with what it says.
func TestALoopReadsAllThatThereIs(t *testing.T) {
	l, door, _ := servingSockets(t, umicp.Options{})
	for range 20 {
		p := greeted(t, l, nil)
		var all []byte
		const asked = 3000 // 384 KB
		for range asked {
			all = append(all, p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "a"}))...)
		}
		p.write(all)
		for i := range uint64(asked) {
			p.expect(0, i+1, `"found":false`)
		}
		if _, err := p.conn.Write(p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "b"}))); err != nil {
			t.Fatal(err)
		}
		if err := p.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		p.expect(0, p.id, `"found":false`)
		if f, err := p.reader.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the end came %v, %v", f, err)
		}
	}
	for door.Sessions() > 0 {
		runtime.Gosched()
	}
}

// TestAnswersComeInOrderWhateverTheyNeed: of requests that came in one piece, some are answered by the loop at once, some wait for the disk,
// some go to a goroutine, ask for tensors, are wrong, or are much; their answers come in the order of the requests.
func TestAnswersComeInOrderWhateverTheyNeed(t *testing.T) {
	for _, test := range []struct {
		name    string
		journal journal.Journal
	}{{"in memory", nil}, {"on a disk", &ready{Memory: journal.NewMemory(journal.MemoryOptions{})}}} {
		t.Run(test.name, func(t *testing.T) {
			door, _ := openOn(t, test.journal, umicp.Options{})
			l := listening(t)
			stop := serveOn(t, door, l)
			defer stop()
			p := greeted(t, l, nil)
			p.send(p.ask(0, 0, "kv.set", map[string]any{"key": "large", "value": strings.Repeat("x", 30<<10)}))
			p.expect(0, p.id, `"version"`)
			kinds := []func() (umx.Message, string){
				func() (umx.Message, string) {
					return p.ask(0, 0, "kv.set", map[string]any{"key": "k", "value": p.id}), `"version"`
				},
				func() (umx.Message, string) {
					return p.ask(0, 0, "kv.get", map[string]any{"key": "k"}), `"found"`
				},
				func() (umx.Message, string) {
					return p.ask(0, 0, "kv.get", map[string]any{"key": "large"}), `"found":true`
				},
				func() (umx.Message, string) { // an act: not inline
					return p.ask(0, 0, "pubsub.publish", map[string]any{"topic": "t", "message": 1}), `[0,`
				},
				func() (umx.Message, string) { // may wait
					return p.ask(0, 0, "queue.receive", map[string]any{"queue": "none"}), `"messages":[]`
				},
				func() (umx.Message, string) { return p.ask(0, 0, "kv.get", map[string]any{}), `is required` },
				func() (umx.Message, string) {
					m := p.ask(0, 0, "kv.increment", map[string]any{"key": "n"})
					m.DeadlineMS = 60_000
					return m, `"value"`
				},
				func() (umx.Message, string) {
					return p.ask(0, 0, "kv.increment", map[string]any{"key": "once"}, map[string]any{"idempotency_key": "k"}), `"value":1`
				},
			}
			random := rand.New(rand.NewPCG(1, 2))
			for range 100 {
				var all []byte
				var want []string
				first := p.id + 1
				for range 1 + random.IntN(40) {
					m, word := kinds[random.IntN(len(kinds))]()
					all = append(all, p.frame(m)...)
					want = append(want, word)
				}
				p.write(all)
				for i, word := range want {
					p.expect(0, first+uint64(i), word) //nolint:gosec // small
				}
			}
		})
	}
}

// TestALoopTellsWhatADiskThatFailedLost: of the requests that came in one piece, those whose records are safe are answered as if nothing
// had been, and the others say so; in order.
func TestALoopTellsWhatADiskThatFailedLost(t *testing.T) {
	d := &ready{Memory: journal.NewMemory(journal.MemoryOptions{})}
	door, _ := openOn(t, d, umicp.Options{})
	l := listening(t)
	stop := serveOn(t, door, l)
	defer stop()
	p := greeted(t, l, nil)
	d.lost.Store(d.Position().Seq + 4)
	var all []byte
	for i := range 6 {
		all = append(all, p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": "k", "value": i}))...)
		all = append(all, p.frame(p.ask(0, 0, "kv.get", map[string]any{}))...)
	}
	all = append(all, p.frame(p.ask(0, 0, "kv.get", map[string]any{"key": "k"}))...)
	p.write(all)
	for i := range uint64(6) {
		if i < 3 {
			p.expect(0, 2*i+1, `"durability":"fsynced"`)
		} else {
			p.expect(0, 2*i+1, "the disk failed")
		}
		p.expect(0, 2*i+2, "is required")
	}
	p.expect(0, 13, `"value":5`)
}

// ready is a journal that forces every write at once, up to the record that is lost, if one is.
type ready struct {
	*journal.Memory
	lost atomic.Uint64
}

func (*ready) Levels() (standard, highest journal.Durability) {
	return journal.Fsynced, journal.Fsynced
}

func (d *ready) Wait(_ context.Context, seq uint64, _ journal.Durability) (journal.Durability, error) {
	if lost := d.lost.Load(); lost != 0 && seq >= lost {
		return 0, fault.New(fault.Unavailable, "the disk failed")
	}
	return journal.Fsynced, nil
}
