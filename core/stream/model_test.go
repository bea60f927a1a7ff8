package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/stream"
)

// model is a room as a dumb slice for each partition, with a group that reads it.
type model struct {
	b         *bench
	count     int        // events appended so far: the next one's data
	all       [][]string // by partition, all that was ever appended
	oldest    []int
	maxEvents int
	committed []int
	members   map[string]int64 // by name, the generation that the member heard of last
	current   int64            // the group's generation
}

func (m *model) bound() {
	for i := range m.all {
		m.oldest[i] = max(m.oldest[i], len(m.all[i])-m.maxEvents)
	}
}

func (m *model) append(t *rapid.T) {
	n := rapid.IntRange(1, 5).Draw(t, "events")
	key := rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "key")
	var events []string
	for i := range n {
		events = append(events, fmt.Sprintf(`{"data":"%d","key":%q}`, m.count+i, key))
	}
	got := must[stream.AppendResponse](m.b, "stream.append", `{"room":"r","events":[%s]}`, strings.Join(events, ","))
	for i, e := range got.Events {
		if int(e.Offset) != len(m.all[e.Partition]) {
			t.Fatalf("partition %d gave offset %d after %d events", e.Partition, e.Offset, len(m.all[e.Partition]))
		}
		if want := stream.Partition(key, len(m.all)); key != "" && e.Partition != want {
			t.Fatalf("key %q went to partition %d, want %d", key, e.Partition, want)
		}
		m.all[e.Partition] = append(m.all[e.Partition], fmt.Sprint(m.count+i))
	}
	m.count += n
	m.bound()
}

// expect wants just the events of the partition from the offset on, and the gap told.
func (m *model) expect(t *rapid.T, i, from int, events []*stream.Event, next, lost uint64) {
	gap := max(0, m.oldest[i]-from)
	if int(lost) != gap {
		t.Fatalf("from %d of partition %d %d were lost, want %d", from, i, lost, gap)
	}
	at := from + gap
	for _, e := range events {
		if int(e.Offset) != at || e.Data.Data() != m.all[i][at] {
			t.Fatalf("partition %d has %d=%s, want %d=%s", i, e.Offset, e.Data.Data(), at, m.all[i][at])
		}
		at++
	}
	if int(next) != at {
		t.Fatalf("partition %d goes on at %d, want %d", i, next, at)
	}
}

func (m *model) read(t *rapid.T) {
	i := rapid.IntRange(0, len(m.all)-1).Draw(t, "partition")
	from := rapid.IntRange(0, len(m.all[i])).Draw(t, "from")
	limit := rapid.IntRange(1, 20).Draw(t, "limit")
	got := must[stream.ReadResponse](m.b, "stream.read", `{"room":"r","partition":%d,"from_offset":%d,"limit":%d}`, i, from, limit)
	if want := min(limit, len(m.all[i])-max(from, m.oldest[i])); len(got.Events) != want {
		t.Fatalf("read %d events, want %d", len(got.Events), want)
	}
	m.expect(t, i, from, got.Events, got.NextOffset, got.Lost)
}

func (m *model) trim(t *rapid.T) {
	i := rapid.IntRange(0, len(m.all)-1).Draw(t, "partition")
	before := rapid.IntRange(0, len(m.all[i])).Draw(t, "before")
	must[stream.TrimResponse](m.b, "stream.trim", `{"room":"r","partition":%d,"before_offset":%d}`, i, before)
	m.oldest[i] = max(m.oldest[i], before)
}

func (m *model) update(t *rapid.T) {
	m.maxEvents = rapid.IntRange(1, 30).Draw(t, "max_events")
	must[stream.UpdateResponse](m.b, "stream.update", `{"room":"r","max_events":%d}`, m.maxEvents)
	m.bound()
}

func (m *model) name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "member")
}

func (m *model) join(t *rapid.T) {
	name := m.name(t)
	_, known := m.members[name]
	got := must[stream.MembershipResponse](m.b, "stream.group.join", `{"room":"r","group":"g","member":%q}`, name)
	if known != (got.Generation == m.current) {
		t.Fatalf("%s, known %v, joined generation %d after %d", name, known, got.Generation, m.current)
	}
	m.members[name], m.current = got.Generation, got.Generation
}

func (m *model) leave(t *rapid.T) {
	name := m.name(t)
	_, known := m.members[name]
	got := must[stream.LeaveResponse](m.b, "stream.group.leave", `{"room":"r","group":"g","member":%q}`, name)
	if got.Found != known {
		t.Fatalf("%s left: %v, want %v", name, got.Found, known)
	}
	delete(m.members, name)
	m.current = must[stream.GroupStatsResponse](m.b, "stream.group.stats", `{"room":"r","group":"g"}`).Generation
}

// fetch has every member fetch: together they get every partition that has something, each just one.
func (m *model) fetch(t *rapid.T) {
	owner := map[int]string{}
	for name := range m.members {
		got := must[stream.FetchResponse](m.b, "stream.group.fetch", `{"room":"r","group":"g","member":%q,"limit":1000}`, name)
		m.members[name] = got.Generation
		for _, batch := range got.Batches {
			m.expect(t, batch.Partition, m.committed[batch.Partition], batch.Events, batch.NextOffset, batch.Lost)
			if int(batch.NextOffset) != len(m.all[batch.Partition]) {
				t.Fatalf("partition %d was fetched to %d of %d", batch.Partition, batch.NextOffset, len(m.all[batch.Partition]))
			}
		}
		for _, i := range got.Assigned {
			if other, taken := owner[i]; taken {
				t.Fatalf("partition %d is both %s's and %s's", i, other, name)
			}
			owner[i] = name
		}
	}
	if len(m.members) > 0 && len(owner) != len(m.all) {
		t.Fatalf("the partitions are given to %v only", owner)
	}
}

// commit tries to commit with the generation that the member knows: it works if that is the current one and
// the partition its own.
func (m *model) commit(t *rapid.T) {
	name := m.name(t)
	i := rapid.IntRange(0, len(m.all)-1).Draw(t, "partition")
	to := rapid.IntRange(0, len(m.all[i])).Draw(t, "to")
	generation, known := m.members[name]
	if !known {
		generation = m.current
	}
	stats := must[stream.GroupStatsResponse](m.b, "stream.group.stats", `{"room":"r","group":"g"}`)
	allowed := generation == m.current && stats.Partitions[i].Member == name
	got := m.b.do("stream.group.commit", `{"room":"r","group":"g","member":%q,"generation":%d,"offsets":[{"partition":%d,"offset":%d}]}`,
		name, generation, i, to)
	if refused := strings.HasPrefix(got, "! conflict"); refused == allowed {
		t.Fatalf("%s of generation %d commits partition %d: %s; allowed: %v", name, generation, i, got, allowed)
	}
	if allowed {
		m.committed[i] = to
	}
	after := must[stream.GroupStatsResponse](m.b, "stream.group.stats", `{"room":"r","group":"g"}`)
	if int(after.Partitions[i].Committed) != m.committed[i] {
		t.Fatalf("partition %d is committed to %d, want %d", i, after.Partitions[i].Committed, m.committed[i])
	}
}

func TestHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(rt, "partitions")
		m := &model{
			b: newBench(t, nil, stream.Options{}), all: make([][]string, n), oldest: make([]int, n),
			maxEvents: 20, committed: make([]int, n), members: map[string]int64{},
		}
		strategy := rapid.SampledFrom([]string{"range", "round_robin", "sticky"}).Draw(rt, "strategy")
		must[stream.CreateResponse](m.b, "stream.create", `{"room":"r","partitions":%d,"max_events":20}`, n)
		made := must[stream.GroupCreateResponse](m.b, "stream.group.create", `{"room":"r","group":"g","assignment":%q}`, strategy)
		m.current = made.Generation
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append, "append more": m.append, "read": m.read, "trim": m.trim, "update": m.update,
			"join": m.join, "leave": m.leave, "fetch": m.fetch, "commit": m.commit,
			"": func(rt *rapid.T) {
				if err := m.b.engine.Check(); err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
}

func TestManyAppendAndReadAtOnce(t *testing.T) {
	const writers, each = 8, 500
	b := newBench(t, nil, stream.Options{})
	must[stream.CreateResponse](b, "stream.create", `{"room":"r","max_events":0}`)
	var all sync.WaitGroup
	read := make([][]string, 4)
	for i := range read {
		all.Go(func() {
			for next := uint64(0); next < writers*each; {
				r := must[stream.ReadResponse](b, "stream.read", `{"room":"r","from_offset":%d,"wait":25}`, next)
				for _, e := range r.Events {
					if e.Offset != next {
						t.Errorf("offset %d follows %d", e.Offset, next)
					}
					next++
					read[i] = append(read[i], e.Data.Data())
				}
			}
		})
	}
	for w := range writers {
		all.Go(func() {
			for i := range each {
				b.append("r", fmt.Sprintf("%d.%04d", w, i))
			}
		})
	}
	all.Wait()
	for _, other := range read[1:] {
		if !slices.Equal(read[0], other) {
			t.Error("two readers saw different orders")
		}
	}
	last := map[byte]string{}
	for _, data := range read[0] {
		if data <= last[data[0]] {
			t.Errorf("%s follows %s", data, last[data[0]])
		}
		last[data[0]] = data
	}
	b.check()
}
