package stream_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/value"
)

// TestAnEmptyRoomIsSmall measures what many rooms cost.
func TestAnEmptyRoomIsSmall(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rooms int
	}{
		{name: "10,000 rooms", rooms: 10_000},
		{name: "an empty room costs < 1 KB: 100,000 rooms fit", rooms: 100_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, journal.NewMemory(journal.MemoryOptions{Records: 1}), stream.Options{})
			names := make([]*stream.CreateRequest, tt.rooms)
			for i := range names {
				names[i] = &stream.CreateRequest{Room: fmt.Sprintf("room-%06d", i)}
			}
			create := b.request("stream.create", "")
			before := heap()
			for i := range names {
				r := *create
				r.Args = names[i]
				if _, err := b.d.Do(t.Context(), &r); err != nil {
					t.Fatal(err)
				}
			}
			each := int64(heap()-before) / int64(tt.rooms)
			t.Logf("%d bytes a room", each)
			if each >= 1000 || each < 100 {
				t.Errorf("an empty room costs %d bytes, want less than 1000", each)
			}
			if got := must[stream.ListResponse](b, "stream.list", `{"limit":1000}`); len(got.Items) != 1000 {
				t.Errorf("listed %d rooms", len(got.Items))
			}
			runtime.KeepAlive(names)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkAppend(b *testing.B) {
	x := newBench(b, nil, stream.Options{})
	r := x.request("stream.append", "")
	r.Args = &stream.AppendRequest{Room: "room", NewEvent: stream.NewEvent{Event: "task.done", Data: value.OfText("hello, world")}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.d.Do(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBatch(b *testing.B) {
	x := newBench(b, nil, stream.Options{})
	r := x.request("stream.append", "")
	events := make([]stream.NewEvent, 100)
	for i := range events {
		events[i] = stream.NewEvent{Event: "task.done", Data: value.OfText("hello, world")}
	}
	r.Args = &stream.AppendRequest{Room: "room", Events: events}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.d.Do(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			x := newBench(b, nil, stream.Options{})
			for range 10 {
				fill(b, x, 1000)
			}
			r := x.request("stream.read", "")
			from := uint64(100)
			r.Args = &stream.ReadRequest{Room: "room", Beginning: stream.Beginning{FromOffset: &from}, Limit: n}
			b.ReportAllocs()
			for b.Loop() {
				resp, err := x.d.Do(b.Context(), r)
				if err != nil || len(resp.(*stream.ReadResponse).Events) != n {
					b.Fatal(resp, err)
				}
			}
		})
	}
}

func fill(b *testing.B, x *bench, n int) {
	b.Helper()
	events := make([]stream.NewEvent, n)
	for i := range events {
		events[i] = stream.NewEvent{Event: "task.done", Data: value.OfText("hello, world")}
	}
	append := x.request("stream.append", "")
	append.Args = &stream.AppendRequest{Room: "room", Events: events}
	if _, err := x.d.Do(context.Background(), append); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGroupCycle is a fetch of ten events and the commit after it.
func BenchmarkGroupCycle(b *testing.B) {
	x := newBench(b, nil, stream.Options{})
	must[stream.CreateResponse](x, "stream.create", `{"room":"room"}`)
	fill(b, x, 1000)
	must[stream.GroupCreateResponse](x, "stream.group.create", `{"room":"room","group":"g"}`)
	m := must[stream.MembershipResponse](x, "stream.group.join", `{"room":"room","group":"g","member":"m"}`)
	who := stream.MemberRequest{GroupRequest: stream.GroupRequest{Room: "room", Group: "g"}, Member: "m"}
	fetch, commit := x.request("stream.group.fetch", ""), x.request("stream.group.commit", "")
	fetch.Args = &stream.FetchRequest{MemberRequest: who, Limit: 10}
	do := func(r *command.Request) any {
		resp, err := x.d.Do(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		return resp
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		do(fetch)
		commit.Args = &stream.CommitRequest{
			MemberRequest: who, Generation: m.Generation,
			Offsets: []stream.PartitionOffset{{Partition: 0, Offset: uint64(i*10) % 900}},
		}
		do(commit)
	}
}

// loaded is an engine with a million events of about 100 bytes in the given number of rooms.
func loaded(b *testing.B, rooms int) *bench {
	b.Helper()
	const all = 1_000_000
	x := newBench(b, journal.NewMemory(journal.MemoryOptions{Records: 1}), stream.Options{})
	r := x.request("stream.append", "")
	events := make([]stream.NewEvent, 100)
	for i := range rooms {
		room := fmt.Sprintf("room-%06d", i)
		must[stream.CreateResponse](x, "stream.create", `{"room":%q,"max_events":0,"max_bytes":0}`, room)
		for n := 0; n < all/rooms; n += len(events) {
			for i := range events {
				events[i] = stream.NewEvent{Event: "task.done", Data: value.OfText(fmt.Sprintf("%0100d", n+i))}
			}
			r.Args = &stream.AppendRequest{Room: room, Events: events}
			if _, err := x.d.Do(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	return x
}

// BenchmarkSave reports the longest call of State.Save too, of the round in which that was shortest: in the others the
// collector or the machine paused.
func BenchmarkSave(b *testing.B) {
	for _, rooms := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			x := loaded(b, rooms)
			space := x.engine.Namespaces()[0]
			place := slices.IndexFunc(x.d.Table().Structures(), func(s *command.Structure) bool { return s.Name == "stream" })
			b.ReportAllocs()
			longest, bytes := time.Hour, 0
			for b.Loop() {
				round := time.Duration(0)
				bytes = 0
				for part := range space.States[place].Parts() {
					for next, more := []byte(nil), true; more; more = next != nil {
						start := time.Now()
						next = space.Save(place, part, next, func(entry []byte) { bytes += len(entry) })
						round = max(round, time.Since(start))
					}
				}
				longest = min(longest, round)
			}
			b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(bytes)/1e6, "bytes/event")
			b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
		})
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, rooms := range []int{1, 10_000} {
		x := loaded(b, rooms)
		parts := map[journal.Place][]saved{}
		for _, c := range x.save(func() {}) {
			parts[c.at] = append(parts[c.at], c)
		}
		for _, atOnce := range []bool{false, true} {
			b.Run(fmt.Sprintf("rooms=%d/at_once=%v", rooms, atOnce), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					y := newBench(b, nil, stream.Options{})
					var all sync.WaitGroup
					for _, chunks := range parts {
						restore := func() {
							for _, c := range chunks {
								if err := y.engine.Restore(c.at, c.chunk); err != nil {
									b.Error(err)
								}
							}
						}
						if atOnce {
							all.Go(restore)
						} else {
							restore()
						}
					}
					all.Wait()
				}
				b.ReportMetric(1e6*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
