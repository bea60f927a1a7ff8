package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/hivellm/synap-go/core"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/value"
	"github.com/hivellm/synap-go/memory"
	"github.com/hivellm/synap-go/persistence/vfs"
	"github.com/hivellm/synap-go/umicp"
	"github.com/hivellm/synap-go/umicp/client"
)

// Numbers of commands, as they go over the wire.
const (
	opGet       = 0x0101
	opIncrement = 0x0107
	opAppend    = 0x0306
)

// maxDepth is how many requests a teller has under way at most, on one connection.
const maxDepth = 32

// teller counts up a key and appends to a room, many requests at a time, reads what others count, and remembers what it was told. What it
// was told is a promise: of its own writes, and of what it read of another's.
type teller struct {
	name     string
	counted  atomic.Int64 // the last value that it was told
	appended atomic.Int64 // how many events it was told of
	sent     int64        // how many increments it ever sent
	read     map[string]int64
}

func tellers(n int) []*teller {
	all := make([]*teller, n)
	for i := range all {
		all[i] = &teller{name: fmt.Sprint("teller-", i), read: map[string]int64{}}
	}
	return all
}

// run goes on until the server answers no more, and returns why; nil is never. What is answered out of order, or twice, is an error
// of the kind errLied.
func (w *teller) run(ctx context.Context, address string, others []*teller, off *atomic.Bool) error {
	c, err := client.DialConn(ctx, address, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing is unsent
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	var read []string // of each request under way, whom it reads; or what it writes
	for range longestLife {
		read = read[:0]
		for range 1 + rand.IntN(maxDepth) {
			switch rand.IntN(4) {
			case 0:
				other := others[rand.IntN(len(others))].name
				read = append(read, other)
				err = c.Send(opGet, &client.KVGetRequest{Key: other})
			case 1:
				read = append(read, "append")
				err = c.Send(opAppend, map[string]any{"room": w.name, "data": len(read)})
			default:
				read = append(read, "increment")
				w.sent++
				err = c.Send(opIncrement, &client.KVIncrementRequest{Key: w.name})
			}
			if err != nil {
				return err
			}
		}
		if err := c.Flush(); err != nil {
			return err
		}
		for _, what := range read {
			raw, err := c.Receive()
			if err == nil {
				err = w.hear(what, raw, off)
			}
			if err != nil {
				return err
			}
		}
	}
	return errors.New("everything is answered, and the disk is hardly ever asked")
}

// longestLife is how many rounds a teller sends, on a disk that is written to no more than a few hundred times.
const longestLife = 2000

// errLied is what is wrong with an answer.
var errLied = errors.New("a wrong answer")

// hear remembers an answer.
func (w *teller) hear(what string, raw client.Raw, off *atomic.Bool) error {
	switch what {
	case "append":
		var a struct {
			Offset int64 `json:"offset"`
		}
		if err := raw.Decode(&a); err != nil {
			return err
		}
		if a.Offset < w.appended.Load() {
			return fmt.Errorf("%w: %s appended at %d when %d were there", errLied, w.name, a.Offset, w.appended.Load())
		}
		w.appended.Store(a.Offset + 1)
	case "increment":
		var a client.KVIncrementResponse
		if err := raw.Decode(&a); err != nil {
			return err
		}
		n, err := strconv.ParseInt(a.Value.Data(), 10, 64)
		if err != nil || n <= w.counted.Load() {
			return fmt.Errorf("%w: %s counted %q after %d", errLied, w.name, a.Value.Data(), w.counted.Load())
		}
		w.counted.Store(n)
	default:
		var a client.KVGetResponse
		if err := raw.Decode(&a); err != nil {
			return err
		}
		n, err := strconv.ParseInt(a.Value.Data(), 10, 64)
		if a.Found && (err != nil || n < w.read[what]) {
			return fmt.Errorf("%w: %s read %q of %s after %d", errLied, w.name, a.Value.Data(), what, w.read[what])
		}
		if !off.Load() { // a disk that has failed is read-only, and what is in memory can be read
			w.read[what] = max(w.read[what], n)
		}
	}
	return nil
}

// holdAgainst holds what is there against what every teller was told.
func holdAgainst(t *testing.T, when string, all []*teller, count, events func(name string) int64) {
	t.Helper()
	for _, w := range all {
		there, room := count(w.name), events(w.name)
		if there < w.counted.Load() || there > w.sent {
			t.Errorf("%s: %s was told %d, sent %d, and there is %d", when, w.name, w.counted.Load(), w.sent, there)
		}
		if room < w.appended.Load() {
			t.Errorf("%s: %s was told of %d events, and there are %d", when, w.name, w.appended.Load(), room)
		}
		for _, other := range all {
			if read := other.read[w.name]; there < read {
				t.Errorf("%s: %s read %d of %s, and there is %d", when, other.name, read, w.name, there)
			}
		}
	}
}

// untilSilence has all tellers work until the server does no more, reports whoever was lied to, and returns why one of them ended.
func untilSilence(t *testing.T, address string, all []*teller, off *atomic.Bool) error {
	t.Helper()
	ends := make(chan error, len(all))
	for _, w := range all {
		go func() { ends <- w.run(t.Context(), address, all, off) }()
	}
	var why error
	for range all {
		why = <-ends
		if errors.Is(why, errLied) {
			t.Error(why)
		}
	}
	return why
}

// TestPowerFailsUnderTheLoops takes the power from a server whose writers come over UMICP, many requests at a time on many connections, so that
// one wait for the disk lets hundreds of answers go: whatever was answered before or after is there, of writes and of what was read, over many
// lives of one store. SYNAP_TORTURE makes it last.
func TestPowerFailsUnderTheLoops(t *testing.T) {
	lives := 20
	if os.Getenv("SYNAP_TORTURE") != "" {
		lives = 2000
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))) // so that there are several loops
	log := logrus.New()
	log.SetOutput(io.Discard)
	c := &Config{DataDir: "data"}
	c.Persistence.Enabled, c.Persistence.WAL.FsyncMode, c.Persistence.WAL.SegmentBytes = true, "always", 64<<10
	var all []*teller
	var mem *vfs.Mem
	var busy int
	for life := range lives {
		if life%20 == 0 {
			all, mem = tellers(12), vfs.NewMem() // a start takes the longer, the more has happened
		}
		var mu sync.Mutex
		var crashed *vfs.Mem
		var off atomic.Bool   // set before the power fails
		var left atomic.Int64 // operations until it does: in one life of five while it starts, else while it works
		if left.Store(math.MaxInt64); life%5 == 4 {
			left.Store(1 + rand.Int64N(100))
		}
		was, before := mem, toldOf(all)
		disk := vfs.NewFaulty(was, func(vfs.Op) vfs.Fault {
			mu.Lock()
			defer mu.Unlock()
			if left.Add(-1) <= 0 && crashed == nil {
				for range 2000 {
					runtime.Gosched() // what leaves too early gets there
				}
				off.Store(true)
				crashed = was.Crash(outcome(life))
			}
			if crashed != nil {
				return vfs.Fault{Err: errors.New("the power is off")}
			}
			return vfs.Fault{}
		})
		engine, store, err := openDurable(c, disk, log, memory.Options{}, nil)
		if err == nil {
			if err = c.recoverDurable(t.Context(), engine, store); err == nil {
				left.Store(min(left.Load(), 1+rand.Int64N(200)))
				onLoopback(t, engine, func(address string) { err = untilSilence(t, address, all, &off) })
			}
			_ = store.Close() // the power is off
		}
		mu.Lock() // what the server had begun may not have heard yet that it is over
		found := crashed
		mu.Unlock()
		if found == nil {
			t.Fatalf("life %d ended by itself: %v", life, err)
		}
		mem = found.Crash(nil) // what was found is what is on disk
		look(t, fmt.Sprint("life ", life), c, mem, log, all)
		if t.Failed() {
			return
		}
		if toldOf(all) > before {
			busy++
		}
		if (life+1)%500 == 0 {
			t.Logf("%d lives, in %d of which somebody was answered", life+1, busy) // said as it goes, should the whole be cut off
		}
	}
	if busy < lives/2 {
		t.Errorf("in %d of %d lives nobody was answered", lives-busy, lives)
	}
}

func toldOf(all []*teller) (n int64) {
	for _, w := range all {
		n += w.counted.Load()
	}
	return n
}

// outcome is the strictest in one case of three, else chance.
func outcome(life int) *rand.Rand {
	if life%3 == 0 {
		return nil
	}
	return rand.New(rand.NewPCG(uint64(life), 7)) //nolint:gosec // not negative
}

// onLoopback serves the engine over UMICP while use runs.
func onLoopback(t *testing.T, engine *core.Engine, use func(address string)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	door := umicp.New(umicp.Options{Executor: engine.Dispatcher()})
	go func() { done <- door.Serve(ctx, l) }()
	go func() { done <- engine.Run(ctx) }()
	use("umicp://" + l.Addr().String())
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// look opens what a power failure has left, looks at it, and closes it.
func look(t *testing.T, when string, c *Config, mem *vfs.Mem, log *logrus.Logger, all []*teller) {
	t.Helper()
	engine, store, err := openDurable(c, mem, log, memory.Options{}, nil)
	if err == nil {
		err = c.recoverDurable(t.Context(), engine, store)
	}
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}()
	if err := engine.Check(); err != nil {
		t.Errorf("%s: %v", when, err)
	}
	holdAgainst(t, when, all, func(name string) int64 {
		var a struct {
			Value value.Value `json:"value"`
		}
		askEngine(t, engine, "kv.get", `{"key":"`+name+`"}`, &a)
		n, _ := strconv.ParseInt(a.Value.Data(), 10, 64) // a key that is not there counts 0
		return n
	}, func(name string) int64 {
		var a struct {
			Partitions []struct {
				Next int64 `json:"next_offset"`
			}
		}
		askEngine(t, engine, "stream.stats", `{"room":"`+name+`"}`, &a)
		if len(a.Partitions) == 0 {
			return 0 // no such room
		}
		return a.Partitions[0].Next
	})
}

// askEngine fills answer with what a command says; a name that is not there leaves it as it is.
func askEngine(t *testing.T, engine *core.Engine, name, payload string, answer any) {
	t.Helper()
	text, err := direct(t, engine.Dispatcher()).Play(t.Context(), name, []byte(payload))
	if fault.CodeOf(err) == fault.NotFound {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		t.Errorf("%s %s: %v", name, payload, err)
	}
}
