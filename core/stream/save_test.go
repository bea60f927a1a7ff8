package stream_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/stream"
)

// saved is what Save handed out in one call of put.
type saved struct {
	at    journal.Place
	chunk []byte
}

// save saves the engine, and runs between after each chunk.
func (b *bench) save(between func()) (chunks []saved) {
	b.t.Helper()
	err := b.engine.Save(b.t.Context(), func(at journal.Place, chunk []byte) error {
		chunks = append(chunks, saved{at, bytes.Clone(chunk)})
		between()
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return chunks
}

// entries are the entries of streams in chunks, in text, in any order.
func entries(t testing.TB, chunks []saved) (all []string) {
	t.Helper()
	for _, c := range chunks {
		for rest := c.chunk; len(rest) > 0; {
			entry, more, ok := journal.NextEntry(rest)
			if !ok {
				t.Fatal("a chunk is not one")
			}
			all = append(all, fmt.Sprintf("%d %x", c.at.Structure, entry))
			rest = more
		}
	}
	slices.Sort(all)
	return all
}

// recovered is an engine that is given chunks and then the records, as they come back from their encoding.
func recovered(t testing.TB, chunks []saved, records []journal.Record) *bench {
	t.Helper()
	b := newBench(t, nil, stream.Options{})
	for _, c := range chunks {
		if err := b.engine.Restore(c.at, c.chunk); err != nil {
			t.Fatal(err)
		}
	}
	for i := range records {
		rec := copied(t, &records[i])
		if err := b.engine.Replay(&rec); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// different says in what the engines differ; "" when they hold the same.
func different(got, want *bench) string {
	got.t.Helper()
	got.check()
	want.check()
	if got.engine.Digest() != want.engine.Digest() {
		none := func() {}
		return fmt.Sprintf("the entries are\n%s\nwant\n%s",
			strings.Join(entries(got.t, got.save(none)), "\n"), strings.Join(entries(want.t, want.save(none)), "\n"))
	}
	if got, want := got.whole(), want.whole(); got != want {
		return fmt.Sprintf("what is read is\n%s\nwant\n%s", got, want)
	}
	return ""
}

// sweep does what is due.
func (b *bench) sweep() {
	for _, space := range b.engine.Namespaces() {
		for place := range space.States {
			if _, err := b.d.Sweep(space, place); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// TestAChangeWhileARoomIsSaved makes the change at every boundary between two entries, and recovers from the entries
// and the records since the beginning of the save, or since before it.
func TestAChangeWhileARoomIsSaved(t *testing.T) {
	defer stream.SmallSaves(1, 1, 1)()
	before := `
stream.create {"room":"r","partitions":2,"dedupe_window_ms":1000}
stream.append {"room":"r","events":[{"data":1,"key":"a","dedupe_id":"1"},{"data":2,"key":"b","dedupe_id":"2"},{"data":3,"key":"a","dedupe_id":"3"},{"data":4,"key":"a"},{"data":5,"key":"b"}]}
stream.group.create {"room":"r","group":"g"}
stream.group.join {"room":"r","group":"g","member":"m"}
stream.group.create {"room":"r","group":"h","start":"latest"}
stream.append {"room":"s","data":"x","dedupe_id":"x"}`
	for _, tt := range []struct{ name, change string }{
		{"nothing", ``},
		{"an append", `stream.append {"room":"r","events":[{"data":6,"key":"a","dedupe_id":"6"},{"data":7,"key":"b"}]}`},
		{"an append of what was appended", `stream.append {"room":"r","data":1,"key":"a","dedupe_id":"1"}`},
		{"an append that forgets the ids", `
sleep 1000
stream.append {"room":"r","data":6,"key":"a","dedupe_id":"1"}`},
		{"a sweep that forgets the ids, and one of them again", `
sleep 1000
sweep
stream.append {"room":"r","data":6,"key":"a","dedupe_id":"2"}`},
		{"all events trimmed, and more", `
stream.trim {"room":"r","keep":0}
stream.append {"room":"r","data":6,"key":"a"}
stream.trim {"room":"r","keep":0}`},
		{"some trimmed", `stream.trim {"room":"r","keep":1}`},
		{"the configuration changed and changed back", `
stream.update {"room":"r","max_events":1,"dedupe_window_ms":0}
stream.append {"room":"r","data":6,"key":"a","dedupe_id":"6"}
stream.update {"room":"r","max_events":10000,"dedupe_window_ms":1000}
stream.append {"room":"r","data":7,"key":"a","dedupe_id":"7"}`},
		{"a member that commits, and goes back", `
commit g m 2
commit g m 1`},
		{"a rebalance", `
stream.group.join {"room":"r","group":"g","member":"n"}
stream.group.leave {"room":"r","group":"g","member":"m"}`},
		{"a silent member", `
sleep 60000
sweep`},
		{"a group deleted and made again", `
commit g m 2
stream.group.delete {"room":"r","group":"g"}
stream.group.create {"room":"r","group":"g","assignment":"sticky"}
stream.group.join {"room":"r","group":"g","member":"m"}
commit g m 1`},
		{"another group", `stream.group.create {"room":"r","group":"a"}`},
		{"all groups deleted", `
stream.group.delete {"room":"r","group":"g"}
stream.group.delete {"room":"r","group":"h"}`},
		{"the room deleted", `stream.delete {"room":"r"}`},
		{"the room deleted and made again", `
stream.append {"room":"r","data":6,"key":"a"}
stream.delete {"room":"r"}
stream.append {"room":"r","data":"new","dedupe_id":"1"}
stream.group.create {"room":"r","group":"g"}`},
		{"the room made again in other partitions", `
stream.delete {"room":"r"}
stream.create {"room":"r","partitions":5}
stream.append {"room":"r","data":"new","partition":4}`},
		{"all rooms deleted", `
stream.delete {"room":"r"}
stream.delete {"room":"s"}`},
		{"more rooms", `
stream.append {"room":"a","data":1}
stream.append {"room":"q","data":1}
stream.append {"room":"t","data":1}
stream.delete {"room":"t"}`},
		{"several at once", `
together
stream.append {"room":"r","data":6,"key":"a","dedupe_id":"6"}
stream.trim {"room":"r","keep":1}
stream.group.delete {"room":"r","group":"g"}
stream.group.create {"room":"r","group":"g"}
stream.group.join {"room":"r","group":"g","member":"o"}
stream.delete {"room":"s"}
stream.append {"room":"s","data":1}`},
		{"several at once that do not happen", `
together
stream.append {"room":"r","data":6,"key":"a","dedupe_id":"6"}
stream.group.create {"room":"r","group":"i"}
stream.trim {"room":"r","keep":0}
stream.delete {"room":"r"}
stream.append {"room":"t","data":1}
stream.append {"room":"t","data":1,"expected_offset":7}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for at, chunks := 0, 1; at < chunks; at++ {
					j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
					one := newBench(t, j, stream.Options{})
					one.play(before)
					since, n := len(j.records), 0
					entries := one.save(func() {
						if n++; n-1 == at {
							one.play(tt.change)
						}
					})
					chunks = n
					for _, from := range []int{since, 0} {
						two := recovered(t, entries, j.records[from:])
						if diff := different(two, one); diff != "" {
							t.Errorf("changed after chunk %d of %d, records since %d: %s", at, n, from, diff)
						}
					}
				}
			})
		})
	}
}

// play runs lines of commands, and of a few words of its own.
func (b *bench) play(lines string) {
	b.t.Helper()
	together := false
	var requests []*command.Request
	for line := range strings.Lines(strings.TrimSpace(lines)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case name == "together":
			together = true
		case name == "sleep":
			ms, _ := time.ParseDuration(rest + "ms")
			time.Sleep(ms)
		case name == "sweep":
			b.sweep()
		case name == "commit":
			b.commit("r", rest)
		case name == "":
		case together:
			requests = append(requests, b.request(name, rest))
		default:
			if got := b.do(name, "%s", rest); strings.HasPrefix(got, "!") {
				b.t.Fatalf("%s: %s", line, got)
			}
		}
	}
	if _, err := b.d.Transact(b.t.Context(), requests); err != nil && fault.CodeOf(err) != fault.Conflict {
		b.t.Fatal(err)
	}
}

// commit has a member commit the same offset of all its partitions, or the last one if that is less.
func (b *bench) commit(room, words string) {
	b.t.Helper()
	var group, member string
	var offset uint64
	if _, err := fmt.Sscan(words, &group, &member, &offset); err != nil {
		b.t.Fatal(err)
	}
	g := must[stream.GroupStatsResponse](b, "stream.group.stats", `{"room":%q,"group":%q}`, room, group)
	var offsets []string
	for _, p := range g.Partitions {
		if p.Member == member {
			offsets = append(offsets, fmt.Sprintf(`{"partition":%d,"offset":%d}`, p.Partition, min(offset, p.NextOffset)))
		}
	}
	b.do("stream.group.commit", `{"room":%q,"group":%q,"member":%q,"generation":%d,"offsets":[%s]}`,
		room, group, member, g.Generation, strings.Join(offsets, ","))
}

// chaos draws random commands.
type chaos struct{ t *rapid.T }

func (c chaos) pick(what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(c.t, what)
}

func (c chaos) number(what string, from, to int) int { return rapid.IntRange(from, to).Draw(c.t, what) }

// policy is fields of a configuration, each of them given or not.
func (c chaos) policy() (fields string) {
	for _, f := range [][]string{
		{"max_events", "0", "1", "3", "100"}, {"max_bytes", "0", "300", "1000"}, {"max_age_ms", "0", "20", "500"},
		{"keep_unread_bytes", "0", "500", "2000"}, {"dedupe_window_ms", "0", "10", "50", "1000"},
	} {
		if c.number("whether "+f[0], 0, 2) > 0 {
			fields += fmt.Sprintf(`,%q:%s`, f[0], c.pick(f[0], f[1:]...))
		}
	}
	return fields
}

func (c chaos) events() string {
	var all []string
	for range c.number("events", 1, 4) {
		e := fmt.Sprintf(`{"data":%q,"key":%q`, strings.Repeat("x", c.number("size", 0, 40)), c.pick("key", "a", "b", "c", "d"))
		if id := c.number("dedupe", 0, 8); id > 2 {
			e += fmt.Sprintf(`,"dedupe_id":"%d"`, id)
		}
		all = append(all, e+"}")
	}
	return strings.Join(all, ",")
}

// command is the name and payload of a command that may work or not.
func (c chaos) command() (name, payload string) {
	room := c.pick("room", "a", "b", "c", "d")
	group := fmt.Sprintf(`"room":%q,"group":%q`, room, c.pick("group", "", "g", "h"))
	member := group + fmt.Sprintf(`,"member":%q`, c.pick("member", "m", "n", "o"))
	name = c.pick("command", "append", "append", "append", "append", "trim", "update", "create", "delete", "group.create",
		"group.create", "group.delete", "group.join", "group.join", "group.leave", "group.heartbeat", "group.fetch")
	switch name {
	case "append":
		payload = fmt.Sprintf(`"room":%q,"events":[%s]`, room, c.events())
	case "trim":
		payload = fmt.Sprintf(`"room":%q,"keep":%d`, room, c.number("keep", 0, 5))
	case "update":
		payload = fmt.Sprintf(`"room":%q%s`, room, c.policy())
	case "create":
		payload = fmt.Sprintf(`"room":%q,"partitions":%d%s`, room, c.number("partitions", 1, 3), c.policy())
	case "delete":
		payload = fmt.Sprintf(`"room":%q`, room)
	case "group.create":
		payload = group + fmt.Sprintf(`,"assignment":%q,"start":%q,"session_ms":1000`,
			c.pick("assignment", "range", "round_robin", "sticky"), c.pick("start", "earliest", "latest"))
	case "group.delete":
		payload = group
	default:
		payload = member
	}
	return "stream." + name, "{" + payload + "}"
}

// step does something random, the same to all engines.
func (c chaos) step(all ...*bench) {
	switch c.number("kind of step", 0, 9) {
	case 0:
		time.Sleep(time.Duration(c.number("sleep", 1, 1200)) * time.Millisecond)
	case 1:
		for _, b := range all {
			b.sweep()
		}
	case 2:
		room := c.pick("room", "a", "b", "c", "d")
		words := fmt.Sprintf("%s %s %d", c.pick("group", "g", "h"), c.pick("member", "m", "n", "o"), c.number("offset", 0, 10))
		for _, b := range all {
			if !strings.HasPrefix(b.do("stream.group.stats", `{"room":%q,"group":%q}`, room, words[:1]), "!") {
				b.commit(room, words)
			}
		}
	case 3:
		lines := make([][2]string, c.number("together", 1, 5))
		for i := range lines {
			lines[i][0], lines[i][1] = c.command()
		}
		for _, b := range all {
			var requests []*command.Request
			for _, line := range lines {
				requests = append(requests, b.request(line[0], line[1]))
			}
			_, _ = b.d.Transact(b.t.Context(), requests) // if one fails none happened
		}
	default:
		name, payload := c.command()
		for _, b := range all {
			b.do(name, "%s", payload)
		}
	}
}

func (c chaos) steps(most int, all ...*bench) {
	for range c.number("steps", 0, most) {
		c.step(all...)
	}
}

// TestRecovery saves an engine while random commands run, and recovers another from that and the records.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) { // a bubble has no deadline, and rapid would ask for it
			c := chaos{rt}
			defer stream.SmallSaves(c.number("bytes of an entry", 1, 600), c.number("bytes of a call", 1, 600), c.number("looks", 1, 3))()
			j := &keeping{Memory: journal.NewMemory(journal.MemoryOptions{})}
			one := newBench(t, j, stream.Options{})
			c.steps(40, one)
			since := len(j.records)
			chunks := one.save(func() { c.steps(4, one) })
			c.steps(20, one)

			same := func(what string, got *bench) {
				if diff := different(got, one); diff != "" {
					rt.Fatalf("%s: %s", what, diff)
				}
			}
			two := recovered(t, chunks, j.records[since:])
			same("recovered", two)
			same("from the records alone", recovered(t, nil, j.records))
			three := recovered(t, two.save(func() {}), nil)
			same("restored", three)
			// What cannot be read, such as dedupe ids, shows when life goes on.
			c.steps(20, one, two, three)
			same("a while after recovery", two)
			same("a while after restoring", three)
		})
	})
}

// TestPartsAreRestoredAtOnce restores every part in a goroutine of its own.
func TestPartsAreRestoredAtOnce(t *testing.T) {
	one := newBench(t, nil, stream.Options{})
	for i := range 300 {
		room := fmt.Sprintf("room-%d", i)
		one.append(room, "a", "b", "c")
		must[stream.GroupCreateResponse](one, "stream.group.create", `{"room":%q,"group":"g"}`, room)
		must[stream.MembershipResponse](one, "stream.group.join", `{"room":%q,"group":"g","member":"m"}`, room)
		must[stream.AppendResponse](one, "stream.append", `{"room":%q,"data":1,"dedupe_id":"x"}`, room)
	}
	parts := map[journal.Place][]saved{}
	for _, c := range one.save(func() {}) {
		parts[c.at] = append(parts[c.at], c)
	}
	if len(parts) < 8 {
		t.Errorf("there are %d parts", len(parts))
	}
	two := newBench(t, nil, stream.Options{})
	var all sync.WaitGroup
	for _, chunks := range parts {
		all.Go(func() {
			for _, c := range chunks {
				if err := two.engine.Restore(c.at, c.chunk); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if diff := different(two, one); diff != "" {
		t.Error(diff)
	}
}

// TestWritersGoOnWhileSaving saves in a loop while others write, for the race detector and Check.
func TestWritersGoOnWhileSaving(t *testing.T) {
	b := newBench(t, nil, stream.Options{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 300 {
				room := fmt.Sprintf("room-%d", (w+i)%5)
				b.do("stream.append", `{"room":%q,"data":"%d","dedupe_id":"%d"}`, room, i, i)
				b.do("stream.group.create", `{"room":%q,"group":"g"}`, room)
				b.do("stream.group.join", `{"room":%q,"group":"g","member":"%d"}`, room, w)
				if i%50 == 49 {
					b.do("stream.delete", `{"room":%q}`, room)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for going := true; going; {
		select {
		case <-done:
			going = false
		default:
		}
		two := newBench(t, nil, stream.Options{})
		for _, c := range b.save(func() {}) {
			if err := two.engine.Restore(c.at, c.chunk); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.check()
}
