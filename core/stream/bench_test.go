package stream_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/stream"
	"github.com/hivellm/synap-go/core/value"
)

// TestAnEmptyRoomIsSmall measures what 10,000 rooms cost.
func TestAnEmptyRoomIsSmall(t *testing.T) {
	const rooms, most = 10_000, 1000
	b := newBench(t, journal.NewMemory(journal.MemoryOptions{Records: 1}), stream.Options{})
	names := make([]*stream.CreateRequest, rooms)
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
	each := int64(heap()-before) / rooms
	t.Logf("%d bytes a room", each)
	if each > most || each < 100 {
		t.Errorf("an empty room costs %d bytes, want at most %d", each, most)
	}
	if got := must[stream.ListResponse](b, "stream.list", `{"limit":1000}`); len(got.Items) != 1000 {
		t.Errorf("listed %d rooms", len(got.Items))
	}
	runtime.KeepAlive(names)
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
