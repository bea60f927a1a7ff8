package kv_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watcher follows changes and hands them out one by one.
type watcher struct {
	b      *bench
	cancel context.CancelFunc
	events chan delivered // closed when the watch ended
	err    error          // how it ended, once events is closed
	stall  chan struct{}  // if set, no event is taken before it is closed
}

type delivered struct {
	text   string
	resume journal.Position
}

// watch begins a watch and returns when it is in place.
func (b *bench) watch(payload string) *watcher {
	b.t.Helper()
	w := b.begin(payload, nil)
	return w
}

func (b *bench) begin(payload string, stall chan struct{}) *watcher {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{b: b, cancel: cancel, events: make(chan delivered), stall: stall}
	s := &sink{w: w, ctx: ctx, ready: make(chan struct{})}
	r := b.request("kv.watch", payload)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(w.events)
		w.err = b.engine.Dispatcher().Watch(ctx, r, s)
	}()
	if stall == nil {
		select {
		case <-s.ready:
		case <-ended:
		}
	}
	return w
}

// sink is a command.Sink that gives events to a watcher.
type sink struct {
	w     *watcher
	ctx   context.Context
	ready chan struct{}
	once  sync.Once
}

func (s *sink) Event(resume journal.Position, event any) error {
	s.once.Do(func() { close(s.ready) })
	if s.w.stall != nil {
		<-s.w.stall
	}
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	select {
	case s.w.events <- delivered{string(text), resume}:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

func (s *sink) Flush(journal.Position) error {
	s.once.Do(func() { close(s.ready) })
	return nil
}

// next returns the next event, or how the watch ended.
func (w *watcher) next() string {
	w.b.t.Helper()
	e, ok := <-w.events
	if !ok {
		w.b.t.Fatalf("the watch ended: %v", w.err)
	}
	return e.text
}

func (w *watcher) want(events ...string) {
	w.b.t.Helper()
	for _, want := range events {
		if got := w.next(); !jsonEqual(got, want) {
			w.b.t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// quiet wants that nothing more happened. It is for bubbles.
func (w *watcher) quiet() {
	w.b.t.Helper()
	synctest.Wait()
	select {
	case e, ok := <-w.events:
		w.b.t.Errorf("got one more event: %s (%t %v)", e.text, ok, w.err)
	default:
	}
}

func (w *watcher) close() {
	w.b.t.Helper()
	w.cancel()
	for range w.events {
		continue
	}
	if w.err != nil && fault.CodeOf(w.err) != fault.Canceled {
		w.b.t.Errorf("the watch ended: %v", w.err)
	}
}

func TestWatchTellsEveryKindOfChange(t *testing.T) {
	inTime(t, func(_ *testing.T, b *bench) {
		w := b.watch(`{}`)
		b.must("kv.set", `{"key":"a","value":{"n":1}}`)
		b.must("kv.increment", `{"key":"n","ttl":60}`)
		b.must("kv.expire", `{"key":"a","ttl":60}`)
		b.must("kv.persist", `{"key":"a"}`)
		b.must("kv.rename", `{"key":"a","to":"b"}`)
		b.must("kv.delete", `{"key":"b"}`)
		b.must("kv.mset", `{"entries":[{"key":"x","value":1},{"key":"y","value":2}]}`)
		b.must("kv.clear", `{"prefix":"x","confirm":true}`)
		b.must("kv.clear", `{"confirm":true}`)
		w.want(
			`{"event":"set","key":"a","value":{"n":1},"version":1}`,
			`{"event":"set","key":"n","value":1,"expires_at":946684860000,"version":2}`,
			`{"event":"touch","key":"a","expires_at":946684860000,"version":3}`,
			`{"event":"touch","key":"a","version":4}`,
			`{"event":"set","key":"b","value":{"n":1},"version":5}`,
			`{"event":"delete","key":"a","version":5}`,
			`{"event":"delete","key":"b","version":6}`,
			`{"event":"set","key":"x","value":1,"version":7}`,
			`{"event":"set","key":"y","value":2,"version":7}`,
			`{"event":"clear","prefix":"x","version":8}`,
			`{"event":"clear","version":9}`)
		w.quiet()
		w.close()
	})
}

func TestWatchFiltersKeys(t *testing.T) {
	const writes = `{"entries":[{"key":"a","value":1},{"key":"a:1","value":2},{"key":"b:1","value":3},{"key":"c","value":4}]}`
	event := func(key string, n int) string {
		return fmt.Sprintf(`{"event":"set","key":%q,"value":%d,"version":1}`, key, n)
	}
	a, a1, b1, c := event("a", 1), event("a:1", 2), event("b:1", 3), event("c", 4)
	gone := `{"event":"delete","key":"c","version":2}`
	for _, test := range []struct {
		name, payload string
		want          []string
	}{
		{"one key", `{"keys":["a"]}`, []string{a}},
		{"several keys", `{"keys":["c","a:1","nope"]}`, []string{a1, c, gone}},
		{"a prefix", `{"prefixes":["a"]}`, []string{a, a1}},
		{"overlapping prefixes tell once", `{"prefixes":["a","a:"],"keys":["a:1"]}`, []string{a, a1}},
		{"a pattern", `{"globs":["*:1"]}`, []string{a1, b1}},
		{"a pattern beside a key", `{"globs":["[b-z]:?"],"keys":["c"]}`, []string{b1, c, gone}},
		{"a pattern without a star", `{"globs":["a"]}`, []string{a}},
		{"one kind of event", `{"events":["delete"]}`, []string{gone}},
		{"one kind of event of some keys", `{"prefixes":["a","c"],"events":["delete","expire"]}`, []string{gone}},
		{"a limit", `{"limit":2}`, []string{a, a1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inTime(t, func(_ *testing.T, b *bench) {
				w := b.watch(test.payload)
				b.must("kv.mset", writes)
				b.must("kv.delete", `{"key":"c"}`)
				w.want(test.want...)
				synctest.Wait()
				if e, ok := <-pending(w); ok {
					b.t.Errorf("got one event more: %s", e.text)
				}
				w.close()
			})
		})
	}
}

// pending is what the watcher has to say now: a closed channel if that is nothing.
func pending(w *watcher) <-chan delivered {
	c := make(chan delivered, 1)
	select {
	case e, ok := <-w.events:
		if ok {
			c <- e
		}
	default:
	}
	close(c)
	return c
}

func TestWatchRefuses(t *testing.T) {
	b := open(t)
	for payload, code := range map[string]fault.Code{
		`{"globs":["[a"]}`:                 fault.Invalid,
		`{"globs":["\\"]}`:                 fault.Invalid,
		`{"events":["created"]}`:           fault.Invalid,
		`{"keys":[""]}`:                    fault.Invalid,
		`{"key":"a"}`:                      fault.Invalid,
		`{"from":"x-y"}`:                   fault.Invalid,
		`{"from":99}`:                      fault.OutOfRange,
		`{"from":"7-1"}`:                   fault.OutOfRange,
		`{"limit":-1}`:                     fault.OutOfRange,
		`{"prefixes":["a"],"wait_ms":1e9}`: fault.Invalid,
	} {
		w := b.watch(payload)
		for range w.events {
			continue
		}
		if fault.CodeOf(w.err) != code {
			t.Errorf("%s: %v, want %s", payload, w.err, code)
		}
		w.cancel()
	}
}

// TestWatchResumes cuts a watch off after every event and goes on from there: nothing is missed and, because
// each record here is one event, nothing comes twice.
func TestWatchResumes(t *testing.T) {
	inTime(t, func(t *testing.T, b *bench) {
		from := b.journal.Position()
		for i := range 20 {
			b.must("kv.set", fmt.Sprintf(`{"key":"k%d","value":%d}`, i%3, i))
		}
		for i := range 20 {
			w := b.watch(fmt.Sprintf(`{"from":%q,"prefixes":["k"]}`, from))
			e := <-w.events
			want := fmt.Sprintf(`{"event":"set","key":"k%d","value":%d,"version":%d}`, i%3, i, i+1)
			if !jsonEqual(e.text, want) {
				t.Errorf("got %s, want %s", e.text, want)
			}
			from = e.resume
			w.close()
		}
		// A version is as good as a position: go on after the write that one knows of.
		w := b.watch(`{"from":19}`)
		w.want(`{"event":"set","key":"k1","value":19,"version":20}`)
		w.quiet()
		w.close()
	})
}

func TestWatchSaysThatThePastIsGone(t *testing.T) {
	b := newBench(t, kv.Options{}, journal.MemoryOptions{Records: 8})
	defer b.start()()
	for i := range 20 {
		b.must("kv.set", fmt.Sprintf(`{"key":"a","value":%d}`, i))
	}
	w := b.watch(`{"from":3}`)
	if _, ok := <-w.events; ok || fault.CodeOf(w.err) != fault.OutOfRange {
		t.Errorf("got %v, want out_of_range", w.err)
	}
	w.cancel()
}

// TestASlowWatcherDelaysNobody: writers go on, and the watcher either gets everything, in order, or is told
// that it fell out of the backlog.
func TestASlowWatcherDelaysNobody(t *testing.T) {
	const writes = 5000
	for _, test := range []struct {
		name    string
		backlog int
		code    fault.Code
	}{
		{"within the backlog it misses nothing", 2 * writes, 0},
		{"out of the backlog it is told so", 512, fault.OutOfRange},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, kv.Options{}, journal.MemoryOptions{Records: test.backlog})
			defer b.start()()
			b.must("kv.set", `{"key":"a","value":0}`)
			stall := make(chan struct{})
			slow := b.begin(`{"from":"1-0"}`, stall)
			for i := range writes {
				b.must("kv.set", fmt.Sprintf(`{"key":"a","value":%d}`, i+1))
			}
			close(stall)
			last := uint64(0)
			for e := range slow.events {
				if v := version(e.text); v != last+1 {
					t.Fatalf("version %d came after %d", v, last)
				}
				if last++; last == writes+1 {
					slow.cancel()
				}
			}
			slow.cancel()
			if code := fault.CodeOf(slow.err); code != test.code && !(test.code == 0 && code == fault.Canceled) {
				t.Errorf("the watch ended with %v, want %s", slow.err, test.code)
			}
			if test.code == 0 && last != writes+1 {
				t.Errorf("%d events, want %d", last, writes+1)
			}
		})
	}
}

// TestManyWatchers each get their own keys, all of them, in order.
func TestManyWatchers(t *testing.T) {
	const watchers, writes = 200, 20
	b := newBench(t, kv.Options{}, journal.MemoryOptions{})
	defer b.start()()
	var all []*watcher
	for i := range watchers {
		switch i % 3 {
		case 0:
			all = append(all, b.watch(fmt.Sprintf(`{"keys":["w%03d"],"limit":%d}`, i, writes)))
		case 1:
			all = append(all, b.watch(fmt.Sprintf(`{"prefixes":["w%03d"],"limit":%d}`, i, writes)))
		case 2:
			all = append(all, b.watch(fmt.Sprintf(`{"globs":["*w%03d"],"limit":%d}`, i, writes)))
		}
	}
	var writers sync.WaitGroup
	for i := range watchers {
		writers.Go(func() {
			for n := range writes {
				if _, err := b.do("kv.set", fmt.Sprintf(`{"key":"w%03d","value":%d}`, i, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i, w := range all {
		n := 0
		for e := range w.events {
			var got kv.Event
			if err := json.Unmarshal([]byte(e.text), &got); err != nil {
				t.Fatal(err)
			}
			if got.Key != fmt.Sprintf("w%03d", i) || got.Value.Data() != fmt.Sprint(n) {
				t.Errorf("watcher %d: event %d is %s", i, n, e.text)
			}
			n++
		}
		if n != writes || w.err != nil {
			t.Errorf("watcher %d got %d events and ended with %v", i, n, w.err)
		}
		w.cancel()
	}
	writers.Wait()
	b.check()
}

// TestWatchEndsWithItsReader: an error of the sink ends the watch, and so does the end of the engine.
func TestWatchEndsWithItsReader(t *testing.T) {
	b := newBench(t, kv.Options{}, journal.MemoryOptions{})
	stop := b.start()
	b.must("kv.set", `{"key":"a","value":1}`)
	gone := errors.New("gone")
	err := b.engine.Dispatcher().Watch(t.Context(), b.request("kv.watch", `{"from":"1-0"}`), failing{gone})
	if !errors.Is(err, gone) {
		t.Errorf("got %v, want the sink's own error", err)
	}
	w := b.watch(`{}`)
	stop()
	if _, ok := <-w.events; ok || fault.CodeOf(w.err) != fault.Unavailable {
		t.Errorf("got %v, want unavailable", w.err)
	}
	w.cancel()
}

type failing struct{ err error }

func (f failing) Event(journal.Position, any) error { return f.err }
func (f failing) Flush(journal.Position) error      { return nil }
