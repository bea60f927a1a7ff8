package persistence_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/hivellm/synap-go/core/fault"
	"github.com/hivellm/synap-go/core/kv"
	"github.com/hivellm/synap-go/core/queue"
	"github.com/hivellm/synap-go/persistence"
	"github.com/hivellm/synap-go/persistence/vfs"
)

// call is one call of a client: what it asked, and what it was told.
type call struct {
	what    string // get, set, delete, swap; publish, receive, ack
	thing   string // the key; the message
	value   string // what is set, or was found
	expects uint64 // the version that a swap is for
	version uint64 // what was found or made; unsure when nobody was told; a message's number
	found   bool   // the key was there; there was a message; the condition held
	unknown bool   // the server ended before it answered: it had happened by then, or it never will
}

const unsure = math.MaxUint64

// client makes one call and returns what it was. ok is false when there is nothing to tell of: a read without an answer.
type client func(w *world, rng *rand.Rand, id int) (c call, err error)

// history lets clients work on one server that is killed, or loses its power, several times in the middle of everything.
func history(t *testing.T, seed uint64, make client) []porcupine.Operation {
	t.Helper()
	const clients, lives, calls = 4, 3, 12
	rng := rand.New(rand.NewPCG(seed, 1))
	var clock atomic.Int64
	var mu sync.Mutex
	var all, cut []porcupine.Operation
	mem := vfs.NewMem()
	for life := range lives {
		var over atomic.Bool
		var ended sync.Mutex
		var left *vfs.Mem // guarded by ended: a snapshot that was given up may still be at it
		end, kill := int64(20+rng.IntN(60)), rng.IntN(2) == 0
		fs := vfs.NewFaulty(mem, func(op vfs.Op) vfs.Fault {
			for range op.N % 5 { // others come in between
				runtime.Gosched()
			}
			if op.N >= end && life < lives-1 {
				ended.Lock()
				defer ended.Unlock()
				if left == nil {
					over.Store(true)
					if left = mem.Crash(nil); kill {
						left = mem.Kill()
					}
				}
				return vfs.Fault{Err: errPower}
			}
			return vfs.Fault{}
		})
		w, err := open(fs, persistence.Options{Mode: persistence.Always, SegmentBytes: 700})
		if err == nil {
			var busy sync.WaitGroup
			for id := range clients {
				own := rand.New(rand.NewPCG(seed, uint64(100*life+id)))
				busy.Go(func() {
					for range calls {
						began := clock.Add(1)
						c, err := make(w, own, 100*life+id)
						ended := clock.Add(1)
						if over.Load() || err != nil {
							if !over.Load() {
								t.Errorf("%+v: %v", c, err)
							}
							c.unknown = true
						}
						op := porcupine.Operation{ClientId: id, Input: c, Call: began, Output: c, Return: ended}
						mu.Lock()
						if !c.unknown {
							all = append(all, op)
						} else if c.what != "get" {
							cut = append(cut, op)
						}
						mu.Unlock()
						if c.unknown {
							return
						}
						if own.IntN(20) == 0 {
							_, _ = w.store.Snapshot(t.Context()) // the server may end meanwhile
						}
					}
				})
			}
			busy.Wait()
		}
		for _, op := range cut {
			op.Return = clock.Add(1)
			all = append(all, op)
		}
		cut = nil
		ended.Lock()
		if left == nil {
			left = mem.Crash(nil)
		}
		mem = left
		ended.Unlock()
	}
	return all
}

// linear checks that the history is one that could have happened one call after the other. step says whether a call fits
// a state, and what the state is then.
func linear(t *testing.T, model porcupine.NondeterministicModel, step func(state any, c call) (bool, any), calls []porcupine.Operation) {
	t.Helper()
	model.Step = func(state, in, _ any) (next []any) {
		c := in.(call)
		ok, after := step(state, c)
		if c.unknown && after != state {
			next = append(next, state)
		}
		if ok || c.unknown {
			next = append(next, after)
		}
		return next
	}
	if got := porcupine.CheckOperationsTimeout(model.ToModel(), calls, 10*time.Minute); got != porcupine.Ok {
		slices.SortFunc(calls, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
		var text strings.Builder
		for _, c := range calls {
			fmt.Fprintf(&text, "%d..%d %+v\n", c.Call, c.Return, c.Input)
		}
		t.Fatalf("the history is %s:\n%s", got, text.String())
	}
}

// register is what the model of a key holds.
type register struct {
	found   bool
	value   string
	version uint64
}

var registers = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(call).thing
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{register{}} },
}

func (register) step(state any, c call) (bool, any) {
	r := state.(register)
	made := register{true, c.value, c.version}
	switch c.what {
	case "get":
		if !c.found {
			return !r.found, r
		}
		return r.found && c.value == r.value && (c.version == r.version || r.version == unsure), made
	case "set":
		return true, made
	case "delete":
		return c.found == r.found, register{}
	default: // a version that somebody expects was seen, and so is not unsure
		holds := r.found && r.version == c.expects
		if !holds {
			made = r
		}
		return c.found == holds, made
	}
}

// editor is a client of two keys. It expects, when it swaps, the version that it found last.
func editor() client {
	var seen sync.Map // by client and key
	return func(w *world, rng *rand.Rand, id int) (c call, err error) {
		c = call{thing: fmt.Sprint("k", rng.IntN(2)), version: unsure}
		value, mine := fmt.Sprintf("%d.%d", id, rng.IntN(1000)), fmt.Sprint(id, c.thing)
		switch rng.IntN(6) {
		case 0, 1:
			c.what, c.value = "set", value
			c.version, err = put(w, fmt.Sprintf(`{"key":%q,"value":%q}`, c.thing, value))
			return c, err
		case 2:
			c.what = "delete"
			var text string
			if text, err = w.try("kv.delete", fmt.Sprintf(`{"keys":[%q]}`, c.thing)); err == nil {
				c.found = !strings.Contains(text, `"deleted":[]`)
			}
			return c, err
		case 3:
			if version, ok := seen.Load(mine); ok {
				c.what, c.value, c.expects = "swap", value, version.(uint64)
				c.version, err = put(w, fmt.Sprintf(`{"key":%q,"value":%q,"if_version":%d}`, c.thing, value, version))
				c.found = err == nil
				if code := fault.CodeOf(err); code == fault.Conflict || code == fault.NotFound {
					err = nil
				}
				return c, err
			}
		}
		c, err = look(w, c.thing)
		if err == nil && c.found {
			seen.Store(mine, c.version)
		}
		return c, err
	}
}

// put sets a key, and returns its new version.
func put(w *world, request string) (uint64, error) {
	text, err := w.try("kv.set", request)
	if err != nil {
		return unsure, err
	}
	var got kv.SetResponse
	err = json.Unmarshal([]byte(text), &got)
	return got.Version, err
}

// look gets a key.
func look(w *world, key string) (call, error) {
	c := call{what: "get", thing: key}
	text, err := w.try("kv.get", fmt.Sprintf(`{"key":%q}`, key))
	if err != nil {
		return c, err
	}
	var got kv.GetResponse
	err = json.Unmarshal([]byte(text), &got)
	c.found, c.version = got.Found, got.Version
	if got.Found {
		c.value = got.Value.Data()
	}
	return c, err
}

// TestKeysAreLinearizable: what clients saw, over the ends of several servers, could have happened one call after the other.
func TestKeysAreLinearizable(t *testing.T) {
	for seed := range often(25, 2000) {
		linear(t, registers, register{}.step, history(t, uint64(seed), editor()))
	}
}

// line is what the model of a queue holds: what is ready, and what was handed out and is neither acknowledged nor given back.
type line struct {
	ready, leased string // each message and a space
	last          uint64 // the number of the message that was published last, as far as is known
}

var lines = porcupine.NondeterministicModel{Init: func() []any { return []any{line{}} }}

func (line) step(state any, c call) (bool, any) {
	l := state.(line)
	word := c.thing + " "
	switch c.what {
	case "publish":
		if !c.unknown && c.version <= l.last {
			return false, l
		}
		l.ready, l.last = l.ready+word, max(l.last, c.version)
	case "receive":
		head, rest, some := strings.Cut(l.ready, " ")
		if !c.unknown && (c.found != some || (some && head != c.thing)) {
			return false, l
		}
		if some {
			l.ready, l.leased = rest, l.leased+head+" "
		}
	case "ack":
		before, after, held := strings.Cut(l.leased, word)
		if !c.unknown && c.found != held {
			return false, l
		}
		if held {
			l.leased = before + after
		}
	}
	return true, l
}

// worker is a client of one queue: it publishes, receives, and acknowledges what somebody was handed.
func worker() client {
	var receipts sync.Map // by message
	var next atomic.Int64
	return func(w *world, rng *rand.Rand, _ int) (c call, err error) {
		var text string
		switch rng.IntN(3) {
		case 0:
			c = call{what: "publish", thing: fmt.Sprint("m", next.Add(1))}
			if text, err = w.try("queue.publish", fmt.Sprintf(`{"queue":"q","message":%q}`, c.thing)); err == nil {
				var got queue.PublishResponse
				err = json.Unmarshal([]byte(text), &got)
				c.version, _ = strconv.ParseUint(got.MessageID, 10, 64)
			}
			return c, err
		case 1:
			for message, receipt := range receipts.Range {
				if _, mine := receipts.LoadAndDelete(message); mine {
					c = call{what: "ack", thing: message.(string)}
					if text, err = w.try("queue.ack", fmt.Sprintf(`{"receipts":[%q]}`, receipt)); err == nil {
						c.found = strings.Contains(text, `"ok":true`)
					}
					return c, err
				}
			}
		}
		c = call{what: "receive"}
		var got queue.ReceiveResponse
		if text, err = w.try("queue.receive", `{"queue":"q","lease":3600}`); err == nil {
			err = json.Unmarshal([]byte(text), &got)
		}
		if len(got.Messages) > 0 {
			c.found, c.thing = true, got.Messages[0].Message.Data()
			receipts.Store(c.thing, got.Messages[0].Receipt)
		}
		return c, err
	}
}

// TestAQueueIsLinearizable: no acknowledged message is lost, none is handed to two, none comes out of its turn, over the
// ends of several servers.
func TestAQueueIsLinearizable(t *testing.T) {
	for seed := range often(25, 2000) {
		linear(t, lines, line{}.step, history(t, uint64(seed), worker()))
	}
}
