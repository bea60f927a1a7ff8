package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hivellm/synap-go/core/auth"
	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/stream"
)

// assigned is who has which partitions: "a:0,1 b:2".
func (b *bench) assigned(room, group string) string {
	b.t.Helper()
	var all []string
	for _, m := range must[stream.GroupStatsResponse](b, "stream.group.stats", `{"room":%q,"group":%q}`, room, group).Members {
		all = append(all, m.Member+":"+strings.Trim(strings.ReplaceAll(fmt.Sprint(m.Partitions), " ", ","), "[]"))
	}
	return strings.Join(all, " ")
}

func (b *bench) join(member string) stream.MembershipResponse {
	b.t.Helper()
	return must[stream.MembershipResponse](b, "stream.group.join", `{"room":"r","group":"g","member":%q}`, member)
}

// fetched is a fetch in short: "0: 0=a 1=b next 2; 1: …".
func fetched(r stream.FetchResponse) string {
	var all []string
	for _, batch := range r.Batches {
		all = append(all, fmt.Sprintf("%d: %s", batch.Partition,
			show(stream.ReadResponse{Events: batch.Events, Lost: batch.Lost, NextOffset: batch.NextOffset, More: batch.Lag > 0})))
	}
	return strings.Join(all, "; ")
}

func (b *bench) fetch(member, more string) string {
	b.t.Helper()
	return fetched(must[stream.FetchResponse](b, "stream.group.fetch", `{"room":"r","group":"g","member":%q%s}`, member, more))
}

func TestAssignment(t *testing.T) {
	tests := []struct {
		name, strategy string
		partitions     int
		want           []string // after each of a, b, c joined, then a left
	}{
		{"neighbours together", "range", 5, []string{"a:0,1,2,3,4", "a:0,1,2 b:3,4", "a:0,1 b:2,3 c:4", "b:0,1,2 c:3,4"}},
		{"dealt in turn", "round_robin", 5, []string{"a:0,1,2,3,4", "a:0,2,4 b:1,3", "a:0,3 b:1,4 c:2", "b:0,2,4 c:1,3"}},
		{"as they were", "sticky", 5, []string{"a:0,1,2,3,4", "a:0,1,2 b:3,4", "a:0,1 b:3,4 c:2", "b:1,3,4 c:0,2"}},
		{"more members than partitions", "range", 2, []string{"a:0,1", "a:0 b:1", "a:0 b:1 c:", "b:0 c:1"}},
		{"the same, sticky", "sticky", 2, []string{"a:0,1", "a:0 b:1", "a:0 b:1 c:", "b:1 c:0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			running(t, func(b *bench) {
				b.do("stream.create", `{"room":"r","partitions":%d}`, test.partitions)
				b.do("stream.group.create", `{"room":"r","group":"g","assignment":%q}`, test.strategy)
				last := int64(0)
				for i, member := range []string{"a", "b", "c"} {
					got := b.join(member)
					if got.Generation <= last {
						t.Errorf("generation %d follows %d", got.Generation, last)
					}
					last = got.Generation
					expect(t, member+" joined", b.assigned("r", "g"), test.want[i])
				}
				if again := b.join("b"); again.Generation != last {
					t.Errorf("joining again made generation %d of %d", again.Generation, last)
				}
				b.do("stream.group.leave", `{"room":"r","group":"g","member":"a"}`)
				expect(t, "a left", b.assigned("r", "g"), test.want[3])
				expect(t, "a left twice", b.do("stream.group.leave", `{"room":"r","group":"g","member":"a"}`), `{"found":false}`)
			})
		})
	}
}

func TestFetchAndCommit(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","partitions":2}`)
		for i := range 6 {
			b.append("r", fmt.Sprint(i))
		}
		b.do("stream.group.create", `{"room":"r","group":"g"}`)
		a := b.join("a")
		commit := func(member string, generation int64, partition, offset int) string {
			return b.do("stream.group.commit", `{"room":"r","group":"g","member":%q,"generation":%d,"offsets":[{"partition":%d,"offset":%d}]}`,
				member, generation, partition, offset)
		}
		all := "0: 0=0 1=2 2=4 next 3; 1: 0=1 1=3 2=5 next 3"
		expect(t, "everything", b.fetch("a", ""), all)
		expect(t, "nothing was committed", b.fetch("a", ""), all)
		expect(t, "a few, shared out", b.fetch("a", `,"limit":3`), "0: 0=0 next 1+; 1: 0=1 1=3 next 2+")
		expectHead(t, "committing", commit("a", a.Generation, 0, 2), `{"committed":[{"partition":0,"offset":2}],"version"`)
		expect(t, "the rest", b.fetch("a", ""), "0: 2=4 next 3; 1: 0=1 1=3 2=5 next 3")
		expectHead(t, "beyond the end", commit("a", a.Generation, 0, 4), "! out_of_range offset 4 of partition 0 is not there yet")

		bee := b.join("b")
		expectHead(t, "a commit of the old generation", commit("a", a.Generation, 0, 3), fmt.Sprintf("! conflict generation %d of group", a.Generation))
		expectHead(t, "a fetch of the old generation", b.do("stream.group.fetch", `{"room":"r","group":"g","member":"a","generation":%d}`, a.Generation), "! conflict generation")
		expectHead(t, "a commit of another's partition", commit("a", bee.Generation, 1, 1), `! conflict partition 1 is not member "a"'s`)
		beat := must[stream.MembershipResponse](b, "stream.group.heartbeat", `{"room":"r","group":"g","member":"a","generation":%d}`, a.Generation)
		if !beat.Rebalanced || beat.Generation != bee.Generation || fmt.Sprint(beat.Partitions) != "[{0 2}]" {
			t.Errorf("the heartbeat says %+v", beat)
		}
		expect(t, "a's part", b.fetch("a", ""), "0: 2=4 next 3")
		expect(t, "b's part", b.fetch("b", ""), "1: 0=1 1=3 2=5 next 3")
		commit("a", bee.Generation, 0, 3)
		stats := must[stream.GroupStatsResponse](b, "stream.group.stats", `{"room":"r","group":"g"}`)
		if stats.Lag != 3 || stats.Partitions[0].Lag != 0 || stats.Partitions[1].Lag != 3 || stats.Partitions[1].Member != "b" {
			t.Errorf("the lag is %+v", stats)
		}
		must[stream.TrimResponse](b, "stream.trim", `{"room":"r","partition":1,"before_offset":2}`)
		expect(t, "what is gone is told", b.fetch("b", ""), "1: -2 2=5 next 3")

		b.do("stream.group.create", `{"room":"r","group":"late","start":"latest"}`)
		if lag := must[stream.GroupListResponse](b, "stream.group.list", `{"room":"r"}`).Groups[1].Lag; lag != 0 {
			t.Errorf("a group that began at the end has %d to read", lag)
		}
		// Nobody else speaks for a member.
		r := b.request("stream.group.leave", `{"room":"r","group":"g","member":"a"}`)
		r.Caller = &auth.Identity{Name: "eve", Namespace: "default", Access: auth.Admin}
		if _, err := b.d.Do(t.Context(), r); fault.CodeOf(err) != fault.Denied {
			t.Errorf("a stranger got %v", err)
		}
		expectHead(t, "a new group of the name", b.do("stream.group.delete", `{"room":"r","group":"g"}`), `{"found":true`)
		b.do("stream.group.create", `{"room":"r","group":"g"}`)
		if again := b.join("a"); again.Generation <= bee.Generation {
			t.Errorf("the new group has generation %d, the old one had %d", again.Generation, bee.Generation)
		}
	})
}

func TestSilentMembersAreOut(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","partitions":4}`)
		b.do("stream.group.create", `{"room":"r","group":"g","session_ms":10000}`)
		b.join("a")
		b.join("b")
		expect(t, "both", b.assigned("r", "g"), "a:0,1 b:2,3")
		beat := func(member string) string {
			return b.do("stream.group.heartbeat", `{"room":"r","group":"g","member":%q}`, member)
		}
		written := 0
		for range 9 { // 9 seconds: written down when half of the session is over
			time.Sleep(time.Second)
			if strings.Contains(beat("a"), `"version"`) {
				written++
			}
		}
		if written != 1 {
			t.Errorf("9 heartbeats made %d records, want 1", written)
		}
		time.Sleep(time.Second - time.Millisecond)
		expect(t, "just before b's deadline", b.assigned("r", "g"), "a:0,1 b:2,3")
		time.Sleep(10 * time.Millisecond)
		expect(t, "after it", b.assigned("r", "g"), "a:0,1,2,3")
		expectHead(t, "b is told", beat("b"), `! conflict "b" is not a member of group "g"`)

		// A member that waits is alive.
		begun := time.Now()
		expect(t, "a long wait", b.fetch("a", `,"wait":25`), "")
		if took := time.Since(begun); took != 25*time.Second {
			t.Errorf("waited %s", took)
		}
		expect(t, "after a long wait", b.assigned("r", "g"), "a:0,1,2,3")
		time.Sleep(11 * time.Second)
		expect(t, "nobody is left", b.assigned("r", "g"), "")
	})
}

func TestFetchesWait(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","partitions":2}`)
		b.do("stream.group.create", `{"room":"r","group":"g"}`)
		b.join("a")
		time.AfterFunc(20*time.Second, func() { b.do("stream.append", `{"room":"r","data":"x","partition":1}`) })
		begun := time.Now()
		expect(t, "an event comes", b.fetch("a", `,"wait":25`), "1: 0=x next 1")
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
		// The second member waits with nothing of its own, until the first one leaves.
		b.do("stream.create", `{"room":"one"}`)
		b.do("stream.group.create", `{"room":"one","group":"g"}`)
		b.append("one", "y")
		b.do("stream.group.join", `{"room":"one","group":"g","member":"a"}`)
		b.do("stream.group.join", `{"room":"one","group":"g","member":"b"}`)
		time.AfterFunc(3*time.Second, func() { b.do("stream.group.leave", `{"room":"one","group":"g","member":"a"}`) })
		got := must[stream.FetchResponse](b, "stream.group.fetch", `{"room":"one","group":"g","member":"b","wait":25}`)
		expect(t, "the partition comes", fetched(got), "0: 0=y next 1")
		time.AfterFunc(3*time.Second, func() { b.do("stream.group.join", `{"room":"one","group":"g","member":"c"}`) })
		b.do("stream.group.commit", `{"room":"one","group":"g","member":"b","generation":%d,"offsets":[{"partition":0,"offset":1}]}`, got.Generation)
		expectHead(t, "a rebalance ends the wait", b.do("stream.group.fetch",
			`{"room":"one","group":"g","member":"b","generation":%d,"wait":25}`, got.Generation), "! conflict generation")
		responses, err := b.d.Transact(t.Context(), []*command.Request{b.request("stream.group.fetch", `{"room":"r","group":"g","member":"a","event":"none","wait":25}`)})
		if err != nil || len(responses) != 1 {
			t.Errorf("in a transaction: %v", err)
		}
		synctest.Wait()
	})
}

func TestUnreadEventsAreKept(t *testing.T) {
	running(t, func(b *bench) {
		b.do("stream.create", `{"room":"r","max_events":2,"max_age_ms":60000,"keep_unread_bytes":1500}`)
		b.do("stream.group.create", `{"room":"r","group":"g","session_ms":3600000}`)
		a := b.join("a")
		b.append("r", "0", "1", "2", "3", "4")
		expect(t, "unread", b.read(`{"room":"r","start":"earliest"}`), "0=0 1=1 2=2 3=3 4=4 next 5")
		b.do("stream.group.commit", `{"room":"r","group":"g","member":"a","generation":%d,"offsets":[{"partition":0,"offset":1}]}`, a.Generation)
		expect(t, "one was read", b.read(`{"room":"r","start":"earliest"}`), "1=1 2=2 3=3 4=4 next 5")
		time.Sleep(2 * time.Minute)
		expect(t, "too old, but unread", b.read(`{"room":"r","start":"earliest"}`), "1=1 2=2 3=3 4=4 next 5")
		for i := 5; i < 20; i++ {
			b.append("r", fmt.Sprint(i))
		}
		got := must[stream.StatsResponse](b, "stream.stats", `{"room":"r"}`)
		if got.Bytes > 1500 || got.Bytes < 1300 {
			t.Errorf("unread events take %d bytes, want about 1500", got.Bytes)
		}
		b.do("stream.group.delete", `{"room":"r","group":"g"}`)
		expect(t, "nobody is to read them", b.read(`{"room":"r","start":"earliest"}`), "18=18 19=19 next 20")
	})
}
