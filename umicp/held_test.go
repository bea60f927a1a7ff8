package umicp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/umx"
)

// disk is a journal that forces every write, when it is let: each token of turn is one fsync of all that there is.
type disk struct {
	*journal.Memory
	turn chan struct{}

	mu     sync.Mutex
	safe   uint64 // everything up to here is
	forced int    // how often
	seen   int    // how often a reader asked
	broken bool   // from here on nothing is safe any more
}

func (d *disk) Levels() (standard, highest journal.Durability) {
	return journal.Fsynced, journal.Fsynced
}

func (d *disk) Wait(_ context.Context, seq uint64, _ journal.Durability) (journal.Durability, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.safe < seq && !d.broken {
		<-d.turn
		d.safe = d.Position().Seq
		d.forced++
	}
	if d.safe < seq {
		return 0, fault.New(fault.Unavailable, "the disk failed")
	}
	return journal.Fsynced, nil
}

func (d *disk) Seen(ctx context.Context) error {
	_, _ = d.Wait(ctx, d.Position().Seq, journal.Fsynced) // what is in memory can be read
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen++
	return nil
}

// TestRequestsThatComeTogetherShareOneWaitForTheDisk: no answer leaves before what it tells is safe, reads and refusals
// keep their place in the order, and the disk is asked once.
func TestRequestsThatComeTogetherShareOneWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{Memory: journal.NewMemory(journal.MemoryOptions{}), turn: make(chan struct{}, 1)}
		door, _ := openOn(t, d, umicp.Options{})
		l := newListener()
		stop := serveOn(t, door, l)
		p := greeted(t, l, nil)
		var all []byte
		ask := func(operation string, args map[string]any) {
			all = append(all, p.frame(p.ask(0, 0, operation, args))...)
		}
		send := func() {
			p.write(all)
			all = nil
		}
		for i := range 20 {
			ask("kv.set", map[string]any{"key": fmt.Sprint("k", i), "value": i})
		}
		ask("kv.get", map[string]any{"key": "k3"})
		ask("kv.get", nil)
		send()
		came := make(chan string, 100)
		go func() {
			for {
				f, err := p.reader.Next()
				if err != nil {
					close(came)
					return
				}
				if f.Kind != umx.KindGoAway {
					came <- text(t, f)
				}
			}
		}()
		synctest.Wait()
		if len(came) > 0 {
			t.Fatalf("an answer left before the disk had it: %s", <-came)
		}
		d.turn <- struct{}{}
		synctest.Wait()
		for i := range 20 {
			if got := <-came; !strings.Contains(got, fmt.Sprintf(`[0,{"version":%d,"durability":"fsynced"`, i+1)) {
				t.Errorf("set %d is answered %s", i, got)
			}
		}
		if got := <-came; !strings.Contains(got, `"found":true`) || !strings.Contains(got, `"value":3`) {
			t.Errorf("the read is answered %s", got)
		}
		if got := <-came; !strings.HasPrefix(got, fmt.Sprintf("[%d,", umx.InvalidArgument)) {
			t.Errorf("the wrong one is answered %s", got)
		}
		if d.forced != 1 {
			t.Errorf("22 requests took %d fsyncs", d.forced)
		}

		// Reads wait together, too, until what they tell is much.
		ask("kv.set", map[string]any{"key": "large", "value": strings.Repeat("x", 50<<10)})
		d.turn <- struct{}{}
		send()
		<-came
		for _, test := range []struct {
			operation string
			args      map[string]any
			waits     int
		}{{"kv.get", map[string]any{"key": "k1"}, 1}, {"kv.list", map[string]any{"limit": 1000}, 1}, {"kv.get", map[string]any{"key": "large"}, 3}} {
			before := d.seen
			for range 5 {
				ask(test.operation, test.args)
			}
			send()
			for range 5 {
				<-came
			}
			if got := d.seen - before; got != test.waits {
				t.Errorf("five times %s waited %d times, want %d", test.operation, got, test.waits)
			}
		}

		// A disk that fails fails the writes, and those alone.
		d.mu.Lock()
		d.broken = true
		d.mu.Unlock()
		ask("kv.set", map[string]any{"key": "k3", "value": "x"})
		ask("kv.get", map[string]any{"key": "k4"})
		send()
		synctest.Wait()
		if got := <-came; !strings.HasPrefix(got, fmt.Sprintf("[%d,", umx.Unavailable)) || !strings.Contains(got, `"version":22`) {
			t.Errorf("a write to a disk that failed is answered %s", got)
		}
		if got := <-came; !strings.Contains(got, `"value":4`) {
			t.Errorf("a read beside a disk that failed is answered %s", got)
		}
		stop()
		if got, more := <-came; more {
			t.Errorf("and then came %s", got)
		}
	})
}
