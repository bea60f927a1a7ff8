package kv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/command"
	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/journal"
	"github.com/hivellm/synap-go/core/kv"
)

// entry is a key as the model has it. Its value is text, or a JSON number.
type entry struct {
	number  bool
	data    string
	version uint64
	expires int64 // 0 is never
}

func (e entry) json() string {
	if e.number {
		return e.data
	}
	text, err := json.Marshal(e.data)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// model is the store as one would first write it: a map, looked through from end to end.
type model map[string]entry

func (m model) get(key string) (entry, bool) {
	e, ok := m[key]
	if !ok || (e.expires != 0 && e.expires <= time.Now().UnixMilli()) {
		return entry{}, false
	}
	return e, true
}

// keys returns the live keys under the prefix, in order.
func (m model) keys(prefix string) (keys []string) {
	for key := range m {
		if _, ok := m.get(key); ok && strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// state is what kv.list answers for the whole store.
func (m model) state() string {
	items := []string{}
	for _, key := range m.keys("") {
		e := m[key]
		kind := "text"
		if e.number {
			kind = "json"
		}
		item := fmt.Sprintf(`{"key":%q,"kind":%q,"size":%d,"version":%d`, key, kind, len(e.data), e.version)
		if e.expires != 0 {
			ms := e.expires - time.Now().UnixMilli()
			item += fmt.Sprintf(`,"ttl":%d,"ttl_ms":%d`, (ms+999)/1000, ms)
		}
		items = append(items, item+`,"value":`+e.json()+`}`)
	}
	return fmt.Sprintf(`{"items":[%s],"total":%d}`, strings.Join(items, ","), len(items))
}

// step is a command together with what it should do.
type step struct {
	name, payload string
	code          fault.Code     // the error it ends with; 0 for none
	change        func(v uint64) // what it does to the model under the version; nil for nothing
	answer        string         // a part of the answer
}

// world draws steps.
type world struct {
	*rapid.T
	m model
}

var someKeys = []string{"a", "a:1", "a:2", "b", "b:é", "long:" + strings.Repeat("k", 40)}

func (w *world) key(label string) string { return rapid.SampledFrom(someKeys).Draw(w.T, label) }
func (w *world) flip(label string) bool  { return rapid.Bool().Draw(w.T, label) }

// fresh is a new value.
func (w *world) fresh() entry {
	if w.flip("number") {
		return entry{number: true, data: strconv.Itoa(rapid.IntRange(-5, 100).Draw(w.T, "n"))}
	}
	return entry{data: rapid.StringMatching(`[a-c0-9]{0,6}`).Draw(w.T, "text")}
}

// lifetime draws a deadline and the fields that ask for it, which follow a comma.
func (w *world) lifetime() (fields string, expires int64) {
	now := time.Now().UnixMilli()
	ms := rapid.Int64Range(1, 3000).Draw(w.T, "life")
	switch rapid.IntRange(0, 4).Draw(w.T, "way") {
	case 0:
		return fmt.Sprintf(`,"ttl_ms":%d`, ms), now + ms
	case 1:
		return fmt.Sprintf(`,"expires_at":%d`, now+ms), now + ms
	case 2:
		return fmt.Sprintf(`,"ttl":%d`, ms/1000+1), now + (ms/1000+1)*1000
	}
	return "", 0
}

func (w *world) put(key string, e entry) func(uint64) {
	return func(v uint64) {
		e.version = v
		w.m[key] = e
	}
}

func (w *world) set() step {
	key, e := w.key("key"), w.fresh()
	old, there := w.m.get(key)
	s := step{name: "kv.set"}
	fields, expires := w.lifetime()
	if fields == "" && w.flip("keep") {
		fields, expires = `,"keep_ttl":true`, old.expires
	}
	switch rapid.IntRange(0, 5).Draw(w.T, "condition") {
	case 0:
		fields += `,"if_absent":true`
		if there {
			s.code = fault.AlreadyExists
		}
	case 1:
		fields += `,"if_present":true`
		if !there {
			s.code = fault.NotFound
		}
	case 2:
		fields += fmt.Sprintf(`,"if_version":%d`, old.version)
	case 3:
		fields += fmt.Sprintf(`,"if_version":%d`, old.version+1)
		s.code = fault.Conflict
	}
	s.payload = fmt.Sprintf(`{"key":%q,"value":%s%s}`, key, e.json(), fields)
	e.expires = expires
	s.change, s.answer = w.put(key, e), fmt.Sprintf(`"created":%t`, !there)
	return s
}

func (w *world) getSet() step {
	key, e := w.key("key"), w.fresh()
	old, there := w.m.get(key)
	s := step{name: "kv.getset", payload: fmt.Sprintf(`{"key":%q,"value":%s}`, key, e.json()), change: w.put(key, e)}
	if s.answer = `"found":false`; there {
		s.answer = `"found":true,"value":` + old.json()
	}
	return s
}

func (w *world) mset() step {
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom(someKeys), 1, 4, rapid.ID).Draw(w.T, "keys")
	ifAbsent := w.flip("if_absent")
	s := step{name: "kv.mset"}
	entries, changes := []string{}, []func(uint64){}
	for _, key := range keys {
		e := w.fresh()
		fields, expires := w.lifetime()
		e.expires = expires
		entries = append(entries, fmt.Sprintf(`{"key":%q,"value":%s%s}`, key, e.json(), fields))
		changes = append(changes, w.put(key, e))
		if _, there := w.m.get(key); there && ifAbsent {
			s.code = fault.AlreadyExists
		}
	}
	s.payload = fmt.Sprintf(`{"entries":[%s],"if_absent":%t}`, strings.Join(entries, ","), ifAbsent)
	s.change = func(v uint64) {
		for _, change := range changes {
			change(v)
		}
	}
	return s
}

func (w *world) delete() step {
	keys := rapid.SliceOfN(rapid.SampledFrom(someKeys), 1, 4).Draw(w.T, "keys")
	s := step{name: "kv.delete"}
	for _, key := range keys {
		if _, there := w.m.get(key); there {
			s.change = func(uint64) {
				for _, key := range keys {
					delete(w.m, key)
				}
			}
		}
	}
	quoted, err := json.Marshal(keys)
	if err != nil {
		w.Fatalf("%v", err)
	}
	s.payload = fmt.Sprintf(`{"keys":%s}`, quoted)
	if e, there := w.m.get(keys[0]); len(keys) == 1 && w.flip("version") {
		s.payload = fmt.Sprintf(`{"key":%q,"if_version":%d}`, keys[0], e.version+1)
		if s.code = fault.Conflict; !there && w.flip("none") {
			s.payload, s.code = fmt.Sprintf(`{"key":%q,"if_version":0}`, keys[0]), 0
		}
	}
	return s
}

// integer is an integer as JSON writes it.
var integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

func (w *world) increment() step {
	key, by := w.key("key"), rapid.IntRange(-9, 9).Draw(w.T, "by")
	old, there := w.m.get(key)
	fields, expires := w.lifetime()
	s := step{name: "kv.increment", payload: fmt.Sprintf(`{"key":%q,"by":%d%s}`, key, by, fields)}
	e := entry{number: true, data: strconv.Itoa(by), expires: expires}
	if there {
		n, err := strconv.Atoi(old.data)
		switch {
		case !integer.MatchString(old.data):
			s.code = fault.Invalid
		case err != nil:
			s.code = fault.OutOfRange
		}
		if s.code != 0 {
			return s
		}
		e = old
		e.data = strconv.Itoa(n + by)
	}
	s.change, s.answer = w.put(key, e), fmt.Sprintf(`"value":%s,"created":%t`, e.data, !there)
	return s
}

func (w *world) append() step {
	key, part := w.key("key"), w.fresh()
	old, there := w.m.get(key)
	e := part
	if there {
		e = entry{data: old.data + part.data, expires: old.expires}
	}
	return step{
		name: "kv.append", payload: fmt.Sprintf(`{"key":%q,"value":%s}`, key, part.json()),
		change: w.put(key, e), answer: fmt.Sprintf(`"length":%d`, len(e.data)),
	}
}

func (w *world) setRange() step {
	key, offset, part := w.key("key"), rapid.IntRange(0, 4).Draw(w.T, "offset"), w.fresh()
	old, there := w.m.get(key)
	e := entry{expires: old.expires}
	if !there && offset == 0 {
		e = part
	} else {
		data := []byte(old.data)
		for len(data) < offset+len(part.data) {
			data = append(data, 0)
		}
		copy(data[offset:], part.data)
		e.data = string(data)
	}
	return step{
		name: "kv.setrange", payload: fmt.Sprintf(`{"key":%q,"offset":%d,"value":%s}`, key, offset, part.json()),
		change: w.put(key, e), answer: fmt.Sprintf(`"length":%d`, len(e.data)),
	}
}

func (w *world) move() step {
	from, to := w.key("from"), w.key("to")
	s := step{name: rapid.SampledFrom([]string{"kv.rename", "kv.copy"}).Draw(w.T, "move")}
	ifAbsent := w.flip("if_absent")
	s.payload = fmt.Sprintf(`{"key":%q,"to":%q,"if_absent":%t}`, from, to, ifAbsent)
	e, there := w.m.get(from)
	_, taken := w.m.get(to)
	switch {
	case from == to:
		s.code = fault.Invalid
	case !there:
		s.code = fault.NotFound
	case taken && ifAbsent:
		s.code = fault.AlreadyExists
	}
	s.change, s.answer = func(v uint64) {
		w.put(to, e)(v)
		if s.name == "kv.rename" {
			delete(w.m, from)
		}
	}, fmt.Sprintf(`"replaced":%t`, taken)
	return s
}

func (w *world) expire() step {
	key := w.key("key")
	e, there := w.m.get(key)
	s := step{name: "kv.expire", answer: fmt.Sprintf(`"found":%t`, there)}
	fields, expires := w.lifetime()
	if s.payload = fmt.Sprintf(`{"key":%q%s}`, key, fields); fields == "" {
		s.name = "kv.persist"
	}
	if there && e.expires != expires {
		e.expires = expires
		s.change = w.put(key, e)
	}
	return s
}

func (w *world) clear() step {
	prefix := rapid.SampledFrom([]string{"", "a", "a:", "b:é", "z"}).Draw(w.T, "prefix")
	gone := w.m.keys(prefix)
	s := step{
		name: "kv.clear", payload: fmt.Sprintf(`{"prefix":%q,"confirm":true}`, prefix),
		answer: fmt.Sprintf(`"removed":%d`, len(gone)),
	}
	if len(gone) > 0 {
		s.change = func(uint64) {
			maps.DeleteFunc(w.m, func(key string, _ entry) bool { return strings.HasPrefix(key, prefix) })
		}
	}
	return s
}

// read draws a command that changes nothing.
func (w *world) read() step {
	key := w.key("key")
	e, there := w.m.get(key)
	one := fmt.Sprintf(`{"key":%q}`, key)
	prefix := rapid.SampledFrom([]string{"", "a", "a:", "b", "z"}).Draw(w.T, "prefix")
	switch rapid.IntRange(0, 6).Draw(w.T, "read") {
	case 0:
		if !there {
			return step{name: "kv.get", payload: one, answer: `{"found":false}`}
		}
		return step{name: "kv.get", payload: one, answer: fmt.Sprintf(`"value":%s,"version":%d`, e.json(), e.version)}
	case 1:
		return step{name: "kv.length", payload: one, answer: fmt.Sprintf(`{"found":%t,"length":%d}`, there, len(e.data))}
	case 2:
		if !there || e.expires == 0 {
			return step{name: "kv.ttl", payload: one, answer: fmt.Sprintf(`{"found":%t`, there)}
		}
		return step{name: "kv.ttl", payload: one, answer: fmt.Sprintf(`"expires_at":%d`, e.expires)}
	case 3:
		if there {
			return step{name: "kv.exists", payload: fmt.Sprintf(`{"keys":[%q]}`, key), answer: `"missing":[]`}
		}
		return step{name: "kv.exists", payload: fmt.Sprintf(`{"keys":[%q]}`, key), answer: `"existing":[]`}
	case 4:
		return step{name: "kv.random", payload: `{}`, answer: fmt.Sprintf(`"found":%t`, len(w.m.keys("")) > 0)}
	case 5:
		return step{name: "kv.count", payload: fmt.Sprintf(`{"glob":%q}`, "*"+prefix+"*"), answer: fmt.Sprintf(`"count":%d`,
			len(slices.DeleteFunc(w.m.keys(""), func(key string) bool { return !strings.Contains(key, prefix) })))}
	}
	return step{name: "kv.count", payload: fmt.Sprintf(`{"prefix":%q}`, prefix), answer: fmt.Sprintf(`"count":%d`, len(w.m.keys(prefix)))}
}

func (w *world) step() step {
	return rapid.SampledFrom([]func() step{
		w.set, w.set, w.getSet, w.mset, w.delete, w.increment, w.append, w.setRange, w.move, w.expire, w.clear, w.read, w.read,
	}).Draw(w.T, "command")()
}

// version is what the answer to a write gives; 0 when there is none.
func version(answer string) uint64 {
	var r struct{ Version uint64 }
	if json.Unmarshal([]byte(answer), &r) != nil {
		return 0
	}
	return r.Version
}

// play runs the step alone.
func (s step) play(b *bench) {
	got, err := b.do(s.name, s.payload)
	if code := fault.CodeOf(err); code != s.code {
		b.t.Fatalf("%s %s: got %s %v, want %s", s.name, s.payload, code, err, s.code)
	}
	if s.code != 0 {
		return
	}
	if !strings.Contains(got, s.answer) {
		b.t.Fatalf("%s %s: got %s, want %s", s.name, s.payload, got, s.answer)
	}
	if s.change != nil {
		if version(got) == 0 {
			b.t.Fatalf("%s %s: no version in %s", s.name, s.payload, got)
		}
		s.change(version(got))
	} else if strings.Contains(got, `"version":`) && s.name != "kv.get" && s.name != "kv.ttl" {
		b.t.Fatalf("%s %s: changed nothing and has a version: %s", s.name, s.payload, got)
	}
}

// transact runs several steps as one; if one of them fails, the model goes back to where it was.
func (w *world) transact(b *bench) {
	before := maps.Clone(w.m)
	next := b.engine.Dispatcher().Transact
	var calls []*command.Request
	var steps []step
	failed := fault.Code(0)
	seq := b.journal.Position().Seq + 1
	for range rapid.IntRange(1, 5).Draw(w.T, "steps") {
		s := w.step()
		steps, calls = append(steps, s), append(calls, b.request(s.name, s.payload))
		if failed = s.code; failed != 0 {
			break
		}
		if s.change != nil {
			s.change(seq)
		}
	}
	if failed == 0 && w.flip("fail at last") {
		calls = append(calls, b.request("kv.set", `{"key":"zz","value":1,"if_version":999999}`))
		failed = fault.Conflict
	}
	answers, err := next(context.Background(), calls)
	if fault.CodeOf(err) != failed {
		w.Fatalf("transaction: got %v, want %s", err, failed)
	}
	if failed != 0 {
		maps.DeleteFunc(w.m, func(string, entry) bool { return true })
		maps.Copy(w.m, before)
		return
	}
	for i, answer := range answers {
		text, err := json.Marshal(answer)
		if err != nil || !strings.Contains(string(text), steps[i].answer) {
			w.Fatalf("%s %s: got %s %v, want %s", steps[i].name, steps[i].payload, text, err, steps[i].answer)
		}
	}
}

// inBubble is a test within synctest, where its deadline, which rapid would ask for, has no meaning.
type inBubble struct{ *testing.T }

// TestHistories compares random histories with the model after every step, and at the end replays the journal
// into a fresh engine. In half of them the sweeper runs; in the others dead keys stay, and must not be seen.
func TestHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(rt *rapid.T) {
			b := newBench(rt, kv.Options{}, journal.MemoryOptions{})
			if rapid.Bool().Draw(rt, "sweep") {
				stop := b.start()
				defer stop()
			}
			w := &world{rt, model{}}
			rt.Repeat(map[string]func(*rapid.T){
				"": func(*rapid.T) {
					if got, want := b.state(), w.m.state(); !jsonEqual(got, want) {
						rt.Fatalf("the store differs from the model:\n got  %s\n want %s", got, want)
					}
				},
				"command":     func(*rapid.T) { w.step().play(b) },
				"transaction": func(*rapid.T) { w.transact(b) },
				"wait": func(*rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 1500).Draw(rt, "ms")) * time.Millisecond)
					synctest.Wait()
				},
			})
			b.check()
			fresh := b.replayed()
			if got, want := fresh.state(), b.state(); got != want {
				rt.Fatalf("the replayed journal differs:\n got  %s\n want %s", got, want)
			}
			fresh.check()
		})
	})
}
