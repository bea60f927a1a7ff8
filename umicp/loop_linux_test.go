package umicp_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// much sends so many requests at a time, each of which sets the peer's key and tells what was there before; expectMuch reads the answers.
func (p *peer) much(key string, from, n int) {
	var b []byte
	for i := range n {
		b = append(b, p.frame(p.ask(0, 0, "kv.set", map[string]any{"key": key, "value": from + i, "return_old": true}))...)
	}
	p.write(b)
}

func (p *peer) expectMuch(first uint64, from, n int) error {
	for i := range n {
		old := fmt.Sprintf(`"old":%d,`, from+i-1)
		if from+i == 0 {
			old = `"created":true`
		}
		f, err := p.read()
		if err != nil {
			return err
		}
		if got := text(p.t, f); f.Request != first+uint64(i) || !strings.Contains(got, old) { //nolint:gosec // small
			return fmt.Errorf("request %d is answered %s, want request %d with %s", f.Request, got, first+uint64(i), old) //nolint:gosec // as above
		}
	}
	return nil
}

// TestThoseWhoSendMuchAreSpread over all loops, and go back to the others when they do so no longer. What they ask is answered in order meanwhile, also of
// those who do not wait for answers; and whoever leaves is forgotten.
func TestThoseWhoSendMuchAreSpread(t *testing.T) {
	if runtime.GOMAXPROCS(0) == 1 {
		t.Skip("there are no loops on one processor")
	}
	t.Cleanup(umicp.AnyTurn()) // after the server has stopped: on a slow machine no loop would keep a session that sends much
	l, door, _ := servingSockets(t, umicp.Options{})
	const each = 32
	all := make([]*peer, 2*runtime.GOMAXPROCS(0))
	done := make([]int, len(all))
	for i := range all {
		all[i] = greeted(t, l, nil)
	}
	// ask has each of them ask n at a time until the loops have so many of those who send much.
	ask := func(n, until int) {
		t.Helper()
		for sum(door.Spread()) != until {
			for i, p := range all {
				first := p.id + 1
				p.much(fmt.Sprint("of-", i), done[i], n)
				if err := p.expectMuch(first, done[i], n); err != nil {
					t.Fatal(err)
				}
				done[i] += n
			}
		}
	}
	for range 3 {
		ask(each, len(all))
		if got := door.Spread(); slices.Min(got) == 0 {
			t.Errorf("the loops have %d of them", got)
		}
		var over sync.WaitGroup
		for i, p := range all {
			first, from := p.id+1, done[i]
			const rounds = 20
			over.Go(func() {
				if err := p.expectMuch(first, from, rounds*each); err != nil {
					t.Error(err)
				}
			})
			over.Go(func() {
				for round := range rounds {
					p.much(fmt.Sprint("of-", i), from+round*each, each)
				}
			})
			done[i] += rounds * each
		}
		over.Wait()
		if t.Failed() {
			return
		}
		ask(1, 0)
	}
	ask(each, len(all))
	half := all[:len(all)/2]
	for _, p := range all[len(half):] {
		_ = p.conn.Close()
	}
	all = half
	for door.Sessions() > len(all) {
		runtime.Gosched()
	}
	ask(each, len(all))
	ask(1, 0)
}

// TestNothingIsReadOfAPeerThatTakesNothing: somebody writes to it and waits for it, and it asks for more and more. What is kept for it is bounded: a time comes
// from which on nothing more of it is read, while everybody else is answered; and when it takes what is written, it is answered, too.
func TestNothingIsReadOfAPeerThatTakesNothing(t *testing.T) {
	l, door, _ := servingSockets(t, umicp.Options{WriteTimeout: 10 * time.Minute})
	deaf := greeted(t, l, nil)
	release := door.Writing()
	const rounds, each = 200, 1000 // 26 MB
	m := deaf.ask(0, 0, "kv.get", map[string]any{"key": "a"})
	first := m.Request
	var sent atomic.Int64
	var bursts [rounds][]byte
	for i := range bursts {
		for range each {
			bursts[i] = append(bursts[i], deaf.frame(m)...)
			m.Request++
		}
	}
	go func() {
		for _, b := range bursts {
			if _, err := deaf.conn.Write(b); err != nil {
				return // the test is over
			}
			sent.Add(1)
		}
	}()
	all := crowd(t, l)
	still := 0
	for last := int64(-1); still < 20; {
		everybodyIsAnswered(t, all)
		if now := sent.Load(); now == last {
			still++
		} else {
			still, last = 0, now
		}
	}
	if sent.Load() == rounds {
		t.Fatal("all of it was read, and answered to nobody")
	}
	release()
	for i := range uint64(rounds * each) {
		if f, err := deaf.read(); err != nil || f.Request != first+i || f.Kind != umx.KindMessage {
			t.Fatalf("answer %d: %v, %v", i, f, err)
		}
	}
}

func sum(numbers []int) (n int) {
	for _, m := range numbers {
		n += m
	}
	return n
}
