package kv

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hivellm/synap-go/core/value"
)

// TestKeysAreUsedWhileTheyArePutInOrder replays and applies random ops between the steps that put a store in order after a
// recovery, and compares with a map.
func TestKeysAreUsedWhileTheyArePutInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		defer SmallSaves(1, rapid.IntRange(1, 3).Draw(rt, "step"))()
		s, want := emptyStore(), map[string]string{}
		key := rapid.SampledFrom([]string{"a", "a:1", "a:2", "b", "b:1", "c", "d"})
		for seq := uint64(1); seq < 60; seq++ {
			change := s.Replay
			if rapid.Bool().Draw(rt, "live") {
				change = s.Apply
			}
			k := key.Draw(rt, "key")
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0, 1, 2, 3:
				change(seq, &put{key: k, value: value.OfText(fmt.Sprint(seq))})
				want[k] = fmt.Sprint(seq)
			case 4, 5:
				change(seq, &remove{key: k, cause: deleted})
				delete(want, k)
			case 6:
				prefix := rapid.SampledFrom([]string{"a", "b:", "", "x"}).Draw(rt, "prefix")
				s.Replay(seq, &wipe{prefix: prefix})
				maps.DeleteFunc(want, func(k, _ string) bool { return strings.HasPrefix(k, prefix) })
			case 7:
				s.Save(s.place(k), nil, func([]byte) {})
			default:
				s.settle(s.reading())
			}
		}
		if err := s.Check(); err != nil {
			rt.Fatal(err)
		}
		for i := range s.reading() {
			for w := s.reading()[i].order.from(""); w.valid; w.next() {
				if got := w.item.value.Data(); want[w.item.key] != got {
					rt.Fatalf("%s holds %q, want %q", w.item.key, got, want[w.item.key])
				}
				delete(want, w.item.key)
			}
		}
		if len(want) > 0 {
			rt.Fatalf("there are no %s", slices.Sorted(maps.Keys(want)))
		}
	})
}

// TestKeysThatCameAndWentTakeNoRoom replays a long history of few keys.
func TestKeysThatCameAndWentTakeNoRoom(t *testing.T) {
	s := emptyStore()
	for i := range uint64(100_000) {
		s.Replay(2*i+1, &put{key: "k", value: value.OfText("v")})
		s.Replay(2*i+2, &remove{key: "k", cause: deleted})
	}
	for i := range s.reading() {
		if n := len(s.reading()[i].loose); n > 2*settleItems {
			t.Errorf("%d items are remembered of no keys", n)
		}
	}
}

// TestSavingBeginsByPuttingKeysInOrder saves a store that was just recovered: no call does it all.
func TestSavingBeginsByPuttingKeysInOrder(t *testing.T) {
	defer SmallSaves(1000, 10)()
	s := emptyStore()
	for i := range uint64(2000) {
		s.Replay(i+1, &put{key: fmt.Sprint(i), value: value.OfText("v")})
	}
	keys := 0
	for part := range s.Parts() {
		sh := &s.reading()[part]
		for next, more := []byte(nil), true; more; more = next != nil {
			loose, saved := len(sh.loose), 0
			next = s.Save(part, next, func([]byte) { saved++ })
			keys += saved
			if placed := loose - len(sh.loose); placed > 10 || placed > 0 && saved > 0 || saved > 10 {
				t.Fatalf("a call put %d keys in order and saved %d", placed, saved)
			}
		}
	}
	if keys != 2000 {
		t.Errorf("saved %d keys", keys)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}
